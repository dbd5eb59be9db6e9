"""Runs a job within a batch's turn: work that has steps and a record of its own, in a batch that keeps to its width."""

import time
from collections.abc import Callable

import frappe
from frappe.utils import now_datetime

from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.ending import UNFINISHED, change
from buildpro_saas.jobs.named_locks import named_lock
from buildpro_saas.jobs.sites import JOB_PAUSE, SiteTakenError

DOCTYPE = "Provisioning Job"
PAUSE = 1.0  # seconds between two looks at a job that has to wait, or goes on in another worker


def run(job: str, checkpoint: Callable[[], None]):
	"""Run a job that this transaction has just made, and return its document once it has ended. Commits.

	No queue is asked: the worker that has the turn does it, also where it has to wait in between. If that dies, the job is found lost and
	goes on as any other. checkpoint: called while the job waits; may raise. Raises SiteTakenError where the job has to wait until it is
	alone on the bench: this very turn keeps it from that. `ended_alone` finds it afterwards.
	"""
	_run_here(job)
	while (found := _look(job)).status in UNFINISHED:
		if found.alone:
			raise SiteTakenError(f"{job} was ended for want of memory, and is tried again alone.", JOB_PAUSE)
		checkpoint()
		time.sleep(PAUSE)
		frappe.db.commit()  # a fresh snapshot
		# not left to a queue, where it might wait behind this very turn
		if found.status in ("Waiting", "Queued") and (
			not found.run_after or found.run_after <= now_datetime()
		):
			_run_here(job)
	return frappe.get_doc(DOCTYPE, job)


def _run_here(job: str) -> None:
	"""Run the job, unless somebody else is at it. Its lock is held from before it is Queued: nobody takes it for lost."""
	with named_lock(lifecycle.JOB_LOCK, job) as is_ours:
		if is_ours:
			change(job, ("Waiting",), status="Queued", enqueued_at=now_datetime())
			frappe.db.commit()
			lifecycle.run(job)
	frappe.db.commit()


def _look(job: str):
	return frappe.db.get_value(DOCTYPE, job, ["status", "alone", "run_after"], as_dict=True)


def ended_alone(tenant: str, playbook: str, batch: str):
	"""The job that a turn of the batch (in the job's inputs as `batch`) began, and that has ended alone meanwhile; None for none.

	It is found once: another turn begins anew. The caller commits.
	"""
	of_these = {"tenant": tenant, "playbook": playbook, "alone": 1, "status": ("not in", UNFINISHED)}
	for row in frappe.get_all(DOCTYPE, of_these, ["name", "inputs"], order_by="creation desc"):
		if frappe.parse_json(row.inputs).get("batch") == batch:
			frappe.db.set_value(DOCTYPE, row.name, "alone", 0, update_modified=False)
			return frappe.get_doc(DOCTYPE, row.name)
	return None
