"""Backups on record of which no record says what they hold: those that were found in a store, and taken in. They are read there."""

import frappe

from buildpro_saas.fleet import backup_keys, backups
from buildpro_saas.jobs.playbook import Context

PLAYBOOK = "read_backups"
SECONDS = 6 * 3600  # for one of them


def start(store: str) -> str | None:
	"""Start the job that reads those of a store, unless one is under way; returns its name, None where there are none. The caller commits."""
	if not of_store(store):
		return None
	return under_way(store) or backups.start_on_store(PLAYBOOK, store)


def under_way(store: str) -> str | None:
	"""The unfinished job that reads those of a store; None for none."""
	return backups.job_on_store(PLAYBOOK, store, status=("in", backups.UNFINISHED))


def of_store(store: str) -> list[str]:
	"""Their names in a store, the oldest first; [] for one whose key was destroyed."""
	if frappe.db.get_value(backup_keys.STORE, store, "status") != backup_keys.IN_USE:
		return []
	filters = {"store": store, "status": backups.KEPT, "tables": 0}
	return frappe.get_all(backups.DOCTYPE, filters, pluck="name", order_by="taken_at, name")


def read(context: Context, name: str) -> None:
	"""Have the record of a backup say what it holds, if it says nothing yet: manifest, size, and its place in the binary log. Commits.

	One whose manifest alone was taken away is left as it is: somebody has changed that record. Raises AgentError where it cannot be read.
	"""
	if frappe.db.get_value(backups.DOCTYPE, name, "tables"):
		return
	taken = context.bench.run(
		"read_backup",
		id=f"{context.operation}/read/{name}",
		timeout=SECONDS,
		log=context.log,
		checkpoint=context.checkpoint,
		**backups.reading_spec(name),
	)
	backups.set_read(name, taken)
	frappe.db.commit()  # what follows may take hours, and the record is others', too
	context.log(
		f"{name} has {len(taken.about.manifest.tables)} tables, {taken.size / backups.MB:.0f} MB with files"
	)
