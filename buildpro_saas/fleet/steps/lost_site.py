"""Where a site's folder or database is lost: its tenant goes by its last backup, or by none; or the site is restored.

A restore makes the site anew beside what is left. That goes to the trash only once the new one is loaded and has been asked.
"""

import time

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Remains
from buildpro_saas.fleet import backups, database_history, lost_sites, offsite, removals
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600
UNTOUCHED = "Nothing was taken away."
BACK = "The site of {0} is not lost any more."
CANCEL = f"{UNTOUCHED} Cancel, and archive or remove it as any other."
RESTORE_IT = f"{UNTOUCHED} Cancel, look at it, and restore it as any other if that is still wanted."


def check_can_be_undone(context: Context) -> None:
	"""Raise AgentError once what was left of the site is on its way to the trash: from there on the job only goes forward."""
	if context.state.get("is_going"):
		raise AgentError(
			f"What was left of the site {context.site.name} is in the bench's trash already.",
			"Press Retry, so that the job comes to its end; an archived tenant is brought back with Unarchive.",
		)


def check_restore_can_be_undone(context: Context) -> None:
	"""The same for a restore."""
	if context.state.get("is_going"):
		raise AgentError(
			f"What was left of the site {context.site.name} is in the bench's trash already, and the new one takes its place.",
			"Press Retry, so that the job comes to its end.",
		)


def _look(context: Context, hint: str = CANCEL) -> Remains:
	found = context.bench.do("look_at_remains", **lost_sites.spec(context.tenant))
	if not found.lost:
		raise AgentError(BACK.format(context.tenant["name"]), hint)
	return found


class JudgeLoss(Step):
	"""See that the site is lost, now that it is this job's turn, and that its last backup is whole in its store."""

	title = "Judge"
	timeout = HOUR
	retry = RetryPolicy(attempts=5)

	def is_outdated(self, state: dict, tenant) -> bool:
		"""Whether to look anew: nothing was taken away yet, and somebody may have brought the site back."""
		return not state.get("is_going")

	def run(self, context: Context) -> dict:
		"""Hands on {"last_backup"}, None for none, and {"loss"}: why no last backup was taken, as sentences."""
		found = _look(context)
		loss = [f"No last backup could be taken. Lost: {' and '.join(found.lost)}."]
		loss += [f"Left alone: {each}." for each in found.left_alone]
		name = context.inputs["without_site"]
		if name == lost_sites.NO_BACKUP:
			name = None
			loss.append("No verified backup of it was kept.")
		else:
			self._check(context, name)
			row = frappe.db.get_value(backups.DOCTYPE, name, ["taken_at"], as_dict=True)
			loss.append(f"The last one is {name}, of {row.taken_at:%Y-%m-%d %H:%M}.")
			frappe.db.set_value("Tenant", context.tenant["name"], "last_backup", name)
		for line in loss:
			context.log(line)
		return {"last_backup": name, "loss": " ".join(loss)}

	def _check(self, context: Context, name: str) -> None:
		"""Raise AgentError unless the backup is whole in its store, here or offsite."""
		row = frappe.db.get_value(
			backups.DOCTYPE, name, ["status", "store", "backup_id", "place"], as_dict=True
		)
		if row and row.status == backups.KEPT:
			spec = backups.store_spec(row.store)
			far = {} if row.place in backups.HERE else offsite.spec(row.store)
			operation = "list_offsite" if far else "list_backups"
			there = context.run(operation, self.timeout, **spec, **far)
			if row.backup_id in {each.backup for each in there}:
				context.log(f"{name} is whole in its store{' offsite' if far else ''}")
				return
		raise AgentError(
			f"The last backup {name} is not whole in its store.",
			f"{UNTOUCHED} Cancel, and look with `saas check-backups` what there is.",
		)


class TrashRemains(Step):
	"""Move what is left of the site to the bench's trash, and drop its database user. What is not shown to be its own is left alone."""

	title = "Remove what is left"
	timeout = HOUR

	def __init__(self, keeps_config: bool):
		"""keeps_config: what site_config.json says, where that is left, is kept for the day on which the site is brought back."""
		self.keeps_config = keeps_config

	def run(self, context: Context) -> None:
		"""Keeps {"is_going"} from the moment on in which something is taken away."""
		spec = lost_sites.spec(context.tenant)
		if not context.state.get("is_going"):
			found = _look(context)
			if self.keeps_config and found.mark:
				_keep_config(context)
			context.checkpoint()
			context.keep({"is_going": True})
		entries = context.bench.do("trash_remains", **spec)
		if entries is None:
			context.keep({"is_going": False})
			raise AgentError(BACK.format(context.tenant["name"]), CANCEL)
		for entry in entries:
			context.log(f"{entry.subject} lies in the bench's trash as {entry.name}")
		context.log(f"Nothing is left of {spec['site']} and {spec['database']} that is its own")


class JudgeLostSite(Step):
	"""See that the site is lost, now that it is this job's turn, and keep what is left of its configuration. Nothing of it is touched."""

	title = "Judge what is left"
	retry = RetryPolicy(attempts=5)

	def run(self, context: Context) -> None:
		found = _look_to_restore(context)
		context.log(f"Lost: {' and '.join(found.lost)}. The site is made anew.")
		for each in found.left_alone:
			context.log(f"Left alone: {each}.")
		if found.mark:
			_keep_config(context)
		else:
			context.log("Its site_config.json is lost: what staff had set there by hand is to be set again")

	def undo(self, context: Context) -> None:
		removals.forget_config(context.tenant["name"])


class MakeRoom(Step):
	"""Move what is left of the site to the bench's trash, now that the new one is ready. Nothing is dropped that holds data."""

	title = "Put aside what is left"
	timeout = HOUR

	def run(self, context: Context) -> None:
		"""Keeps {"is_going"} from the moment on in which something is moved."""
		spec = lost_sites.spec(context.tenant)
		if not context.state.get("is_going"):
			self._begin(context, spec["database"])
		entries = context.bench.do("trash_remains", **spec)
		if entries is None:
			context.keep({"is_going": False})
			raise AgentError(BACK.format(context.tenant["name"]), RESTORE_IT)
		for entry in entries:
			context.log(f"{entry.subject}, as it was until now, lies in the bench's trash as {entry.name}")

	def _begin(self, context: Context, database: str) -> None:
		found = _look_to_restore(context)
		if found.mark:
			_keep_config(context)
		if found.unmovable:
			context.log(
				f"The database {database} has {found.unmovable}, which cannot be moved: it keeps its name, and nobody can sign in there any more."
			)
		context.checkpoint()
		database_history.note_end(context.tenant["name"], database, time.time())
		context.keep({"is_going": True})


def _look_to_restore(context: Context) -> Remains:
	found = _look(context, RESTORE_IT)
	if found.is_name_taken:
		raise AgentError(lost_sites.TAKEN.format(context.site.name), f"{UNTOUCHED} Then press Retry.")
	return found


def _keep_config(context: Context) -> None:
	config = context.bench.do("config_to_keep", site=context.site.name)
	removals.keep_config(context.tenant["name"], config)
