"""The drill of a backup of the admin site itself: restored beside the sites, held against what it must hold, and dropped again."""

import time

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import SHADOWS, Loaded
from buildpro_saas.fleet import admin_drill, backups, benches, drills, unread_backups
from buildpro_saas.fleet.steps.drill import check, some
from buildpro_saas.fleet.steps.restore import ON_SITE
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600
TAKE_ANOTHER = "Take another backup of this site (`saas backup-admin`), and drill that."


class DrillAdminBackup(Step):
	"""Restore it into a database of its own, compare it with its manifest and its record, look at its keys and files, and drop it."""

	title = "Restore, compare and drop"
	timeout = 12 * HOUR
	# one at a time has a store: a backup may take a while
	retry = RetryPolicy(attempts=9)

	def run(self, context: Context) -> dict:
		"""Hands on {"said": a sentence}."""
		name, began = context.inputs["backup"], time.monotonic()
		unread_backups.read(context, name)  # one that was taken in
		on_record = drills.manifest_on_record(name)
		self._check_beside(context, name)
		try:
			loaded = self._restore(context, name)
			seconds = time.monotonic() - began
			check(loaded, on_record)
			self._check_secrets(context)
			self._check_files(context)
		finally:
			self.undo(context)
		rows = sum(rows for rows, _checksum in loaded.held.tables.values())
		# last: it is committed together with the step's end
		admin_drill.set_passed(name, seconds)
		tables = f"{len(loaded.held.tables)} tables with {rows} rows as in its manifest"
		return {"said": f"{name} is good: {tables}; back in {seconds:.0f} s."}

	def undo(self, context: Context) -> None:
		"""Drop what was restored. Repeatable."""
		database = context.inputs["database"]
		context.bench.do("forget_fetched", database=database)
		context.bench.do("drop_shadow", database=database, mark=context.mark)

	def _check_beside(self, context: Context, name: str) -> None:
		"""Raise AgentError unless the store says whose it is, and has its key beside it: without records nobody would find or open it."""
		row = frappe.db.get_value(backups.DOCTYPE, name, ["store", "place"], as_dict=True)
		spec = backups.reading_spec(name)
		far = None if row.place in backups.HERE else spec.get("offsite")
		found = context.bench.do("admin_stores", folder=spec["folder"], name=spec["store"], offsite=far)
		if [each.site for each in found] != [frappe.local.site]:
			beside = f"{spec['store']}.key.age and {spec['store']}.site"
			raise AgentError(
				f"{beside} do not lie beside the store: where this site is gone, nobody could open it.",
				f"{TAKE_ANOTHER} The backup writes them again.",
			)

	def _restore(self, context: Context, name: str) -> Loaded:
		keep_free = int((context.bench_row["min_free_disk_gb"] or 0) * benches.GB)
		size = int((frappe.db.get_value(backups.DOCTYPE, name, "size") or 0) * backups.MB)
		database, seconds = context.inputs["database"], self.timeout
		room = {"size": size, "keep_free": keep_free}
		folder = context.run(
			"fetch_for_shadow", seconds, database=database, **room, **backups.reading_spec(name)
		)
		if not context.bench.do("has_admin_keys", folder=folder):
			raise AgentError(f"{name} lacks the key that signs what tenants may use.", TAKE_ANOTHER)
		context.run("judge_backup", seconds, folder=folder, keep_free=keep_free)
		return context.run("load_into_shadow", seconds, folder=folder, database=database, mark=context.mark)

	def _check_secrets(self, context: Context) -> None:
		lost = self._call(context, f"{ON_SITE}.unreadable_secrets")
		if lost["count"]:
			told = f"{lost['count']} passwords of the backup cannot be decrypted: {some(lost['told'])}."
			raise AgentError(told, "Enter these anew on this site. Then take another backup, and drill that.")

	def _check_files(self, context: Context) -> None:
		found = self._call(context, f"{ON_SITE}.lost_files")
		here = context.bench.site(frappe.local.site).call(f"{ON_SITE}.lost_files", urls=found["urls"])
		if lost := sorted(set(found["urls"]) - set(here["urls"])):
			raise AgentError(f"The backup lacks files that this site has: {some(lost)}.", TAKE_ANOTHER)
		context.log(f"{found['rows']} File records, {found['count']} without their file, here neither")

	def _call(self, context: Context, method: str) -> dict:
		copy = {"site": context.inputs["database"], "place": SHADOWS}
		return context.run("run_on_site", HOUR, method=method, arguments={}, **copy)
