"""A restore to a moment: what the server's binary log has of the site's database after the backup, until then."""

import json
import time

import frappe
from frappe.utils import get_system_timezone

from buildpro_saas.agent.facts import SHADOWS
from buildpro_saas.fleet import backups, benches, moments, shadows
from buildpro_saas.jobs.playbook import Context, Step

HOUR = 3600
TOLD = 10  # files and tables that are named
MISSING_FILES = "buildpro_saas.agent.restored_site.files_without_content"


class _OfLog(Step):
	"""A step of a restore to a moment; of another restore there is nothing to do."""

	def run(self, context: Context) -> None:
		if context.inputs.get("until"):
			self._run(context, context.inputs["until"])

	def _run(self, context: Context, until: int) -> None:
		raise NotImplementedError

	def _log(self, context: Context) -> dict:
		"""What the agent's operations on a log need, but for its end."""
		row = frappe.db.get_value(
			backups.DOCTYPE, context.inputs["backup"], ["database", "binary_log"], as_dict=True
		)
		return {"database": row.database, "since": json.loads(row.binary_log)}


class CheckLog(_OfLog):
	"""See that all that happened between the backup and the moment can be replayed. Nothing is begun where it cannot."""

	title = "Check binary log"
	timeout = 2 * HOUR

	def _run(self, context: Context, until: int) -> None:
		log = self._log(context)
		context.run("check_binary_log", self.timeout, until=float(until), **log)
		zone = get_system_timezone()
		context.log(
			f"From {context.inputs['backup']} of {moments.told(int(log['since']['moment']), zone)} to {moments.told(until, zone)}"
		)


class ReplayLog(_OfLog):
	"""Replay it in the shadow. The site is not touched."""

	title = "Replay binary log"
	timeout = 6 * HOUR
	# what is half replayed cannot be gone on with
	redo_from = "load_into_shadow"

	def _run(self, context: Context, until: int) -> None:
		shadow, began = shadows.row(context.inputs["shadow"]), time.monotonic()
		copy = {"shadow": shadow.database, "mark": context.mark}
		keep_free = int((context.bench_row["min_free_disk_gb"] or 0) * benches.GB)
		done = context.run(
			"replay_binary_log",
			self.timeout,
			until=float(until),
			keep_free=keep_free,
			**copy,
			**self._log(context),
		)
		most = sorted(done.tables, key=done.tables.get, reverse=True)
		context.log(
			f"{done.transactions} transactions and {done.statements} other statements, in {len(most)} tables"
			f" ({named(most)}), in {time.monotonic() - began:.1f} s"
		)
		if done.skipped:
			context.log(f"Not replayed, for it is about no data: {named(done.skipped)}")
		self._complete_files(context, shadow.database, copy)

	def _complete_files(self, context: Context, database: str, copy: dict) -> None:
		files = context.run(
			"run_on_site", self.timeout, site=database, place=SHADOWS, method=MISSING_FILES, arguments={}
		)
		without = context.run("copy_later_files", self.timeout, site=context.site.name, files=files, **copy)
		context.log(
			f"Files are those of the backup, and {len(files) - len(without)} that came later and are still on the site as they were"
		)
		if without:
			context.log(f"{len(without)} files have a record, and are gone: {named(without)}")


def named(names: list[str]) -> str:
	"""The first of some names, for people."""
	return (", ".join(names[:TOLD]) or "none") + (", …" if len(names) > TOLD else "")
