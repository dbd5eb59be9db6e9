"""Copying a tenant's site into a shadow, and putting a shadow in the site's place."""

import time

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import MARK
from buildpro_saas.fleet import benches, shadows
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

MINUTES = 60
ROOM = 1.2  # times the site's size that must be free beside what a bench keeps free


class CheckRoom(Step):
	"""See that the bench's disk has room for a second one of the site. Nothing is begun where it has not."""

	title = "Check room"

	def run(self, context: Context) -> None:
		site, bench = context.site.name, context.bench
		size = bench.do("site_size", site=site)
		free = (
			bench.do("bench_room", of_sites=[])["disk_free"]
			- (context.bench_row["min_free_disk_gb"] or 0) * benches.GB
		)
		needed = sum(size.values()) * ROOM
		context.log(
			f"{site}: database {size['database'] / shadows.MB:.0f} MB, files {size['files'] / shadows.MB:.0f} MB"
		)
		if needed > free:
			raise AgentError(
				f"A copy of {site} needs {needed / benches.GB:.1f} GB, and {max(free, 0) / benches.GB:.1f} GB are free beside what"
				" the bench keeps free.",
				"Drop shadows that nobody needs (`saas shadows`), free room on the disk, then press Retry.",
			)


class CopyIntoShadow(Step):
	"""Copy database and files as they are at one moment. Who writes on the site waits for that long; who reads does not."""

	title = "Copy into shadow"
	timeout = 60 * MINUTES
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> None:
		shadow = shadows.row(context.inputs["shadow"])
		if shadow.status == shadows.READY:
			context.log(f"{shadow.name} was ready before")
			return
		began = time.monotonic()
		held = context.run(
			"copy_into_shadow",
			self.timeout,
			site=context.site.name,
			database=shadow.database,
			mark=context.mark,
		)
		rows = sum(rows for rows, _checksum in held.tables.values())
		context.log(
			f"{len(held.tables)} tables with {rows} rows, the same as on the site, in {time.monotonic() - began:.1f} s"
		)
		size = context.bench.do("shadow_size", database=shadow.database, mark=context.mark)
		# last: it is committed together with the step's end
		shadows.set_ready(shadow.name, size=size, kept_hours=context.inputs["hours"])

	def undo(self, context: Context) -> None:
		shadow = shadows.row(context.inputs["shadow"])
		context.bench.do("drop_shadow", database=shadow.database, mark=context.mark)
		frappe.db.set_value(shadows.DOCTYPE, shadow.name, "status", shadows.DROPPED)


class SwapIn(Step):
	"""Put the shadow in the site's place, and keep what was the site. Gone on with where it was interrupted; there is no way half."""

	title = "Swap"
	timeout = 2 * MINUTES

	def run(self, context: Context) -> dict:
		shadow = shadows.row(context.inputs["shadow"])
		old, old_mark = self._old(context)
		seconds = context.bench.do(
			"swap_shadow",
			site=context.site.name,
			database=shadow.database,
			mark=shadow.mark,
			old_database=old,
			old_mark=old_mark,
		)
		context.log(
			f"{context.site.name} has the database {shadow.database}; {seconds:.2f} s not to be reached"
		)
		size = context.bench.do("shadow_size", database=old, mark=old_mark)
		# last: it is committed together with the step's end
		shadows.set_swapped(shadow.name, database=old, mark=old_mark, size=size, unreachable=seconds)
		return {"database": shadow.database}

	def _old(self, context: Context) -> tuple[str, str]:
		"""Database and mark of what is the site before the swap; noted before anything is swapped."""
		if "old_database" not in context.state:
			config = context.site.config_in_place()
			old = {"old_database": config["db_name"], "old_mark": config.get(MARK) or ""}
			context.keep(old)
			return old["old_database"], old["old_mark"]
		return context.state["old_database"], context.state["old_mark"]
