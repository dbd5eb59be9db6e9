"""What staff do to a Provisioning Job: Retry, and Cancel."""

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError, NotOursError, is_transient
from buildpro_saas.jobs import registry
from buildpro_saas.jobs.dispatcher import dispatch
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.jobs.engine import Engine
from buildpro_saas.jobs.store import JobStore

GOES_ON = "It goes on by itself."


def retry(job) -> None:
	"""Let a failed job (document) go on from its failed step, with all its attempts; or from an earlier step that is outdated.

	Raises frappe.ValidationError for a job that has not failed, and where its tenant cannot get the status that a run gives it.
	"""
	_lock(job)
	if job.status != "Failed":
		frappe.throw(f"Only a failed job can be retried; {job.name} is {job.status}.")
	if playbook := registry.find(job.playbook):
		_or_throw(lambda: JobStore(job.name).check_tenant_can_become(playbook.tenant_while_running))
	outdated = _outdated(job)
	for row in job.steps:
		# completed steps, too: one of them may have to be done again
		values = {"attempts": 0, **({"status": "Pending"} if row.step_key in outdated else {})}
		frappe.db.set_value(row.doctype, row.name, values, update_modified=False)
	_set(job, status="Waiting", error="", hint="", run_after=None, ended_at=None)
	frappe.db.after_commit.add(lambda: dispatch(job.bench))


def _outdated(job) -> set[str]:
	"""The completed steps to do again, for what staff have changed since (Step.is_outdated), and what begins again from them."""
	if not (playbook := registry.find(job.playbook)):
		return set()
	tenant = frappe.get_doc("Tenant", job.tenant) if job.tenant else None
	state = frappe.parse_json(job.state or "{}")
	completed = [row.step_key for row in job.steps if row.status == "Completed"]
	done = [step for step in playbook.steps if step.key in completed]
	first = next((at for at, step in enumerate(done) if step.is_outdated(state, tenant)), len(done))
	again = {step.key for step in done[first:]}
	# what begins again from one of them would otherwise have it done twice
	return again | {step.key for step in playbook.steps if step.redo_from in again}


def cancel(job) -> None:
	"""Ask a job (document) to stop and to undo what it did.

	Raises frappe.ValidationError when it has ended, and when its tenant's site is in use: only the removal of a tenant takes away what a
	customer may have used. A running job sees the request within seconds. A waiting or failed one is dispatched to undo its steps.
	"""
	_lock(job)
	if job.status in ("Completed", "Cancelled"):
		frappe.throw(f"{job.name} is {job.status} and cannot be cancelled any more.")
	if playbook := registry.find(job.playbook):
		# the check advises Retry, which a job that has not ended does not have
		advice = GOES_ON if job.status in UNFINISHED else None
		_or_throw(Engine(JobStore(job.name), playbook).check_undo, hint_if_used=advice)
	_set(job, cancel_requested=1)
	if job.status in ("Waiting", "Failed"):
		_set(job, status="Waiting", run_after=None)
		frappe.db.after_commit.add(lambda: dispatch(job.bench))


def _or_throw(check, hint_if_used: str | None = None) -> None:
	"""Raise frappe.ValidationError with what the check forbids. Transient faults are left to the job's own run.

	hint_if_used: the advice where the site is in use, in place of the check's own.
	"""
	try:
		check()
	except AgentError as error:
		if not is_transient(error):
			is_used = isinstance(error, NotOursError)
			hint = (hint_if_used if is_used else None) or error.hint
			frappe.throw(" ".join(filter(None, (str(error), hint))), title=_("In Use"))


def _lock(job) -> None:
	"""Hold the job's row until commit, and take its status as it is now.

	A plain read, as in reload(), shows what was when this transaction began. A locking read shows what is.
	"""
	job.reload()
	fields = ["status", "cancel_requested", "bench"]
	job.update(frappe.db.get_value("Provisioning Job", job.name, fields, as_dict=True, for_update=True))


def _set(job, **values) -> None:
	"""Write fields of the job. Not job.db_set: it locks the steps' rows as well, which a running engine writes."""
	job.update(values)
	frappe.db.set_value("Provisioning Job", job.name, values)
