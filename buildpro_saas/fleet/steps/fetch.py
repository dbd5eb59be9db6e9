"""Fetching a backup from its store before it is restored, and removing what was fetched."""

import time

import frappe

from buildpro_saas.fleet import backups, benches, shadows, unread_backups
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600


class FetchBackup(Step):
	"""Fetch the backup from its store, and read it to its end: what comes is what was written. One in a folder is there already."""

	title = "Fetch backup"
	timeout = 6 * HOUR
	# one at a time has a store: a backup may take a while
	retry = RetryPolicy(attempts=9)

	def run(self, context: Context) -> dict:
		"""Hands on {"folder": where the backup is}."""
		name = context.inputs.get("backup")
		if not name:
			return {"folder": context.inputs["files"]}
		unread_backups.read(context, name)  # one that was taken in: room is looked for by its size
		began = time.monotonic()
		size = frappe.db.get_value(backups.DOCTYPE, name, "size") or 0
		folder = context.run(
			"fetch_for_shadow",
			self.timeout,
			database=shadows.row(context.inputs["shadow"]).database,
			size=int(size * backups.MB),
			keep_free=int((context.bench_row["min_free_disk_gb"] or 0) * benches.GB),
			**backups.reading_spec(name),
		)
		context.log(f"{name}, {size:.0f} MB, in {time.monotonic() - began:.1f} s")
		return {"folder": folder}

	def undo(self, context: Context) -> None:
		forget(context)


class RemoveFetched(Step):
	"""Remove what was fetched: the shadow has it."""

	title = "Remove what was fetched"

	def run(self, context: Context) -> None:
		forget(context)


def forget(context: Context) -> None:
	"""Remove the fetched folder of the job's shadow, if there is one. Repeatable."""
	if not context.inputs.get("backup"):
		return
	context.bench.do("forget_fetched", database=shadows.row(context.inputs["shadow"]).database)
