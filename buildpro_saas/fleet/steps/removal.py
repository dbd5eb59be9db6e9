"""A tenant's site goes: its last backup, the site itself, what else there is of it, and the certificate."""

import time

import frappe
from frappe.utils import now_datetime

from buildpro_saas.agent.errors import AgentError, sentence
from buildpro_saas.fleet import backup_keys, backups, certificates, removals, renames, shadows
from buildpro_saas.fleet.steps.backup import check_room
from buildpro_saas.fleet.steps.closing import has_site
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600
UNTOUCHED = "The site is opened again, and nothing of it is taken away."


def check_can_be_undone(context: Context) -> None:
	"""Raise AgentError once the site is gone: from there on the job only goes forward."""
	if has_site(context.tenant) and not context.site.exists():
		raise AgentError(
			f"The site {context.site.name} is gone already, into the bench's trash.",
			"Press Retry, so that the job comes to its end; an archived tenant is brought back with Unarchive.",
		)


class TakeLastBackup(Step):
	"""Take a backup of the closed site. What it holds is read again where it was written: nothing else counts as a backup."""

	title = "Take last backup"
	timeout = 6 * HOUR
	retry = RetryPolicy(attempts=5)

	def run(self, context: Context) -> dict:
		"""Hands on {"last_backup"}; of an archived tenant the newest that is kept, None where there is none."""
		if not has_site(context.tenant):
			return {"last_backup": _newest(context)}
		name = self._noted(context)
		if frappe.db.get_value(backups.DOCTYPE, name, "status") == backups.KEPT:
			context.log(f"{name} was whole before")
			return {"last_backup": name}
		try:
			self._take(context, name)
		except Exception as error:
			frappe.db.rollback()
			values = {"status": backups.FAILED, "error": sentence(error)}
			frappe.db.set_value(backups.DOCTYPE, name, values)
			frappe.db.commit()
			raise
		return {"last_backup": name}

	def _noted(self, context: Context) -> str:
		"""The record of the backup of this closing: what an earlier one took is older than what people did since."""
		closed = context.state["closed_at"]
		if context.state.get("backup_of") != closed:
			name = backups.note(
				context.tenant["name"],
				context.tenant["bench"],
				kind=context.inputs["kind"],
				why=context.inputs["reason"],
				job=context.job,
			)
			context.keep({"last_backup": name, "backup_of": closed})
			context.state.update(last_backup=name, backup_of=closed)
		return context.state["last_backup"]

	def _take(self, context: Context, name: str) -> None:
		store = frappe.db.get_value(backups.DOCTYPE, name, "store")
		wrapped = frappe.db.get_value(backup_keys.STORE, store, "wrapped_key")
		frappe.db.set_value(backups.DOCTYPE, name, {"status": backups.TAKING, "error": ""})
		frappe.db.commit()
		check_room(context, name, context.site.name)
		began = time.monotonic()
		taken = context.run(
			"take_backup",
			self.timeout,
			site=context.site.name,
			wrapped_key=wrapped,
			must_exist=backups.is_in_use(store),
			**backups.spec(name),
		)
		seconds = time.monotonic() - began
		context.log(f"{name}: {len(taken.about.manifest.tables)} tables, in {seconds:.1f} s")
		# last: they are committed together with the step's end
		backups.set_kept(name, taken, seconds)
		frappe.db.set_value("Tenant", context.tenant["name"], "last_backup", name)


def _newest(context: Context) -> str | None:
	of = {"tenant": context.tenant["name"], "status": backups.KEPT}
	found = frappe.get_all(backups.DOCTYPE, of, pluck="name", order_by="taken_at desc", limit=1)
	context.log(f"The newest backup that is kept: {found[0]}" if found else "No backup of it is kept")
	return found[0] if found else None


class RemoveSite(Step):
	"""Move the closed site to the bench's trash, once its last backup is seen in its store again."""

	title = "Remove site"
	timeout = HOUR

	def __init__(self, keeps_config: bool):
		"""keeps_config: what site_config.json says is kept, for the day on which the site is brought back."""
		self.keeps_config = keeps_config

	def is_outdated(self, state: dict, tenant) -> bool:
		"""Whether somebody has put the site back."""
		return has_site(tenant) and door_of(tenant.bench).site(tenant.site_name).exists()

	def run(self, context: Context) -> None:
		if not has_site(context.tenant):
			return
		site, bench, state = context.site, context.bench, context.state
		if site.exists():
			self._check_backup(context)
			if self.keeps_config:
				removals.keep_config(context.tenant["name"], bench.do("config_to_keep", site=site.name))
				context.keep({})
			context.checkpoint()
		entries = bench.do(
			"trash_closed_site",
			site=site.name,
			database=state["closed_database"],
			mark=state["closed_mark"],
			holder=context.mark,
		)
		for entry in entries:
			context.log(f"{entry.subject} lies in the bench's trash as {entry.name}")
		context.log(f"{site.name} is gone, with its database {state['closed_database']}")

	def _check_backup(self, context: Context) -> None:
		name = context.state["last_backup"]
		row = frappe.db.get_value(backups.DOCTYPE, name, ["status", "store", "backup_id"], as_dict=True)
		there = context.run("list_backups", self.timeout, **backups.store_spec(row.store))
		if row.status != backups.KEPT or row.backup_id not in {each.backup for each in there}:
			raise AgentError(
				f"The last backup {name} is not whole in its store.", f"{UNTOUCHED} Press Retry."
			)
		context.log(f"{name} is whole in its store")


class DropShadows(Step):
	"""Drop what there is of the tenant beside its site: copies of moments, and names that lead to it."""

	title = "Drop shadows"
	timeout = HOUR

	def run(self, context: Context) -> None:
		of = {"tenant": context.tenant["name"], "status": ("!=", shadows.DROPPED)}
		for name in frappe.get_all(shadows.DOCTYPE, of, pluck="name"):
			if shadows.row(name).mark:
				shadows.forget_copy(name)
			context.log(f"{name} is dropped")
		renames.free_all(context.tenant["name"])


class WriteCertificate(Step):
	"""Note who removed the tenant and when, and write that down as a PDF beside its record."""

	title = "Write certificate"

	def run(self, context: Context) -> None:
		tenant = context.tenant["name"]
		backup = context.state["last_backup"]
		loss = context.state.get("loss") or ""  # where no last backup could be taken
		removals.note_removal(tenant, by=context.inputs["by"], backup=backup, job=context.job, note=loss)
		removals.forget_config(tenant)
		context.keep({})
		file, fault = certificates.attach(tenant)
		context.log(f"{file} is attached to the tenant, of {now_datetime():%Y-%m-%d %H:%M}")
		if fault:
			context.log(f"It is no PDF: {fault}")

	def undo(self, context: Context) -> None:
		removals.forget_removal(context.tenant["name"])
