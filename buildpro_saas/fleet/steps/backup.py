"""Taking a backup of a tenant's site, and forgetting those that its plan does not keep."""

import time

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backup_keys, backup_room, backups, benches
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600


class CheckBackupRoom(Step):
	"""See that the disk of the stores has room for one more backup. Nothing is begun where it has not."""

	title = "Check room"

	def run(self, context: Context) -> None:
		check_room(context, context.inputs["backup"], self.site_of(context))

	def site_of(self, context: Context) -> str:
		"""The site that the backup is to be of."""
		return context.site.name


class CheckAdminBackupRoom(CheckBackupRoom):
	"""The same for a backup of this very site."""

	def site_of(self, context: Context) -> str:
		return frappe.local.site


def check_room(context: Context, backup: str, site: str) -> None:
	"""Raise AgentError where the disk of the stores has no room for a backup of the site. backup: its record, which names the store."""
	store = frappe.db.get_value(backups.DOCTYPE, backup, "store")
	folder = frappe.db.get_value(backup_keys.STORE, store, "folder") or ""
	rows = frappe.get_all(
		backups.DOCTYPE,
		{"store": store, "status": ("in", (backups.KEPT, backups.FORGOTTEN)), "added": (">", 0)},
		pluck="added",
		order_by="creation desc",
		limit=backup_room.LATEST,
	)
	size = sum(context.bench.do("site_size", site=site).values())
	needed = backup_room.needed(size, [added * backups.MB for added in rows])
	kept_free = (context.bench_row["min_free_disk_gb"] or 0) * benches.GB
	free = max(context.bench.do("store_room", folder=folder) - kept_free, 0)
	context.log(f"it needs {backup_room.in_gb(needed)} at most, and {backup_room.in_gb(free)} are free")
	if needed > free:
		raise AgentError(
			f"A backup of {site} may need {backup_room.in_gb(needed)}, and {backup_room.in_gb(free)} are free on the disk"
			" of the stores, beside what the bench keeps free.",
			"Free room there, or keep fewer backups, then press Retry.",
		)


class TakeBackup(Step):
	"""Take it into the tenant's store. People read and write there meanwhile, but for the moment whose data it has."""

	title = "Take backup"
	timeout = 6 * HOUR
	retry = RetryPolicy(attempts=5)

	def run(self, context: Context) -> None:
		name = context.inputs["backup"]
		row = frappe.db.get_value(backups.DOCTYPE, name, ["status", "store"], as_dict=True)
		if row.status == backups.KEPT:
			context.log(f"{name} was whole before")
			return
		wrapped = frappe.db.get_value(backup_keys.STORE, row.store, "wrapped_key")
		began = time.monotonic()
		taken = context.run(
			"take_backup",
			self.timeout,
			wrapped_key=wrapped,
			must_exist=backups.is_in_use(row.store),
			**self.of_site(context),
			**backups.spec(name),
		)
		seconds = time.monotonic() - began
		context.log(
			f"{len(taken.about.manifest.tables)} tables, {taken.size / backups.MB:.0f} MB with files, in {seconds:.1f} s;"
			f" the store grew by {taken.added / backups.MB:.2f} MB"
		)
		# last: it is committed together with the step's end
		backups.set_kept(name, taken, seconds)

	def of_site(self, context: Context) -> dict:
		"""Which site it is of, as take_backup takes it."""
		return {"site": context.site.name}

	def undo(self, context: Context) -> None:
		name = context.inputs["backup"]
		spec = backups.spec(name)
		context.run("forget_backups", self.timeout, backups=[spec.pop("backup")], **spec)
		frappe.db.set_value(backups.DOCTYPE, name, "status", backups.FAILED)


class TakeAdminBackup(TakeBackup):
	"""The same of this very site, with its own configuration, in which the keys are that sign statements."""

	def of_site(self, context: Context) -> dict:
		return {"site": frappe.local.site, "is_admin_site": True}


class ForgetBackups(Step):
	"""Forget the tenant's backups that its plan does not keep, and remove what only they had."""

	title = "Forget what is not needed"
	timeout = 2 * HOUR

	def run(self, context: Context) -> None:
		store = frappe.db.get_value(backups.DOCTYPE, context.inputs["backup"], "store")
		names = backups.to_forget(context.tenant.get("name"), store)
		if not names:
			is_barred = backups.is_kept_by_drill(context.tenant.get("name"))
			context.log("the last drill failed: all are kept" if is_barred else "all are kept")
			return
		if damage := frappe.db.get_value(backup_keys.STORE, store, "check_error"):
			context.log(f"nothing is removed from a damaged store: {damage}")
			return
		ids = frappe.get_all(backups.DOCTYPE, {"name": ("in", names)}, pluck="backup_id")
		size = context.run("forget_backups", self.timeout, backups=ids, **backups.store_spec(store))
		context.log(f"forgot {', '.join(names)}; the store has {size / backups.MB:.1f} MB")
		frappe.db.set_value(backup_keys.STORE, store, "size", size / backups.MB)
		backups.set_gone(names, backups.LOCAL)
