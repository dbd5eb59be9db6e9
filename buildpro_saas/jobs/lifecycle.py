"""The life of Provisioning Jobs outside their run: they are made, dispatched, found again when lost, retried, cancelled.

The database is the truth, and the queue only wakes workers. A job waits in the database until its bench has a free slot, and goes
to RQ then.
"""

import secrets

import frappe
from frappe import _
from frappe.utils import add_to_date, now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.errors import AgentError, NotOursError, is_transient
from buildpro_saas.jobs import after_commit, batch_rows, queue, registry, schedule, sites
from buildpro_saas.jobs.dispatcher import dispatch
from buildpro_saas.jobs.ending import (
	ACTIVE,
	UNFINISHED,
	TenantRefusedError,
	change,
	end,
	end_without_playbook,
	first_line,
)
from buildpro_saas.jobs.engine import Engine
from buildpro_saas.jobs.named_locks import is_held, named_lock
from buildpro_saas.jobs.store import JobStore

JOB_LOCK = "job"
PAUSE = 5  # seconds until a job is sent again whose writing was stopped, or whose site was taken
SITE_WAIT = 10  # seconds that a run waits for its site; a delivery has it for some hundredths
GOES_ON = "It goes on by itself."
RECORD_NOT_WRITTEN = (
	"The control plane could not write the job's record: see the Error Log, then press Retry."
)


def start(
	playbook: str,
	*,
	tenant: str | None,
	bench: str,
	inputs: dict | None = None,
	about: str | None = None,
	priority: int = 0,
	image: str | None = None,
	site_mark: str | None = None,
):
	"""Make a Provisioning Job for the playbook and return its document. It is dispatched once this transaction commits.

	inputs: plain data, kept in the job's row. about: for a job without tenant, what it works on, for its title. priority: of the jobs
	that wait, a higher number goes first. image: the Site Image that it is about. site_mark: the mark of a site that it takes over.

	Raises frappe.ValidationError for an unknown playbook.
	"""
	book = registry.get(playbook)
	job = frappe.get_doc(
		{
			"doctype": "Provisioning Job",
			"title": ": ".join(filter(None, (book.title, tenant or about)))[:140],
			"priority": priority,
			"tenant": tenant,
			"bench": bench,
			"playbook": book.name,
			"way": book.way,
			"status": "Waiting",
			# the mark outlives this admin site: two admin sites, or one made anew, never share a mark
			"mark": f"{frappe.local.site}/{secrets.token_hex(8)}",
			"image": image,
			"site_mark": site_mark,
			"inputs": frappe.as_json(inputs or {}),
			"steps": [
				{"step_key": step.key, "title": step.title, "status": "Pending"} for step in book.steps
			],
		}
	)
	job.flags.by_engine = True
	job.insert(ignore_permissions=True)
	job.flags.by_engine = False
	frappe.db.after_commit.add(lambda: dispatch(bench))
	return job


def run(job: str) -> None:
	"""What a worker calls: go on with the job unless another process is at it, then send the next ones."""
	# some user's commit may have woken this worker, but the work is the control plane's own
	frappe.set_user("Administrator")
	with after_commit.shielded():
		if ran := _run_locked(job):
			dispatch(ran.bench)
			_after_run(ran.playbook, ran.bench)
			if ran.tenant:
				_let_go_of_site(ran.tenant)


def _after_run(playbook: str, bench: str) -> None:
	if (found := registry.find(playbook)) and found.after_run:
		found.after_run(bench)


def _let_go_of_site(tenant: str) -> None:
	"""Let those who wait for the tenant's site have their turn now, not when they would have asked again."""
	freed = batch_rows.site_is_free(tenant)
	frappe.db.commit()
	for playbook, bench in sorted(set(freed)):
		_after_run(playbook, bench)


def _run_locked(job: str):
	"""Run the job, and return its record (document). None where another run has it, or it has ended."""
	with named_lock(JOB_LOCK, job) as is_ours:
		if not is_ours:
			return None
		frappe.db.rollback()  # a fresh snapshot, taken under the lock: another run may just have ended
		store = JobStore(job)
		if store.doc.status not in ACTIVE:
			return None
		if not (playbook := registry.find(store.doc.playbook)):
			end_without_playbook(job, store.doc.playbook)
			return store.doc
		with sites.held(store.doc.tenant if playbook.needs.site else None, wait=SITE_WAIT) as is_free:
			if is_free:
				_run(Engine(store, playbook), job)
			else:
				_wait_for_site(job)
	return store.doc


def _wait_for_site(job: str) -> None:
	change(job, ACTIVE, status="Waiting", run_after=add_to_date(now_datetime(), seconds=PAUSE))
	frappe.db.commit()


def _run(engine: Engine, job: str) -> None:
	"""Run the engine, and handle what stopped its own writing.

	A transient fault (a deadlock, a lock wait) sends the job back to wait. Any other fault outside of a step ends the job. Otherwise it
	would be found lost, and fail again, each minute.
	"""
	try:
		engine.run()
	except Exception as error:
		frappe.db.rollback()  # raises when the connection is gone: then the job is found lost
		if is_transient(error):
			change(job, ACTIVE, status="Waiting", run_after=add_to_date(now_datetime(), seconds=PAUSE))
			frappe.db.commit()
			return
		frappe.log_error(title=f"Provisioning Job {job}")
		is_refused = isinstance(error, TenantRefusedError)
		end(
			job,
			engine.playbook,
			"Failed",
			tenant_status=engine.playbook.tenant_when_failed,
			error=str(error) if is_refused else first_line(error),
			hint=error.hint if is_refused else RECORD_NOT_WRITTEN,
		)


# -- looking after -------------------------------------------------------------------------------------------------


def recover_lost_jobs() -> None:
	"""Every minute, on the admin site: set jobs back to Waiting that Redis or a dead worker lost, and send waiting ones."""
	if not site_role.is_admin_site():
		return
	schedule.stay_awake()
	benches = set()
	for job in frappe.get_all(
		"Provisioning Job", {"status": ("in", UNFINISHED)}, ["name", "bench", "status", "playbook"]
	):
		benches.add(job.bench)
		if job.status in ACTIVE:
			shielded(_take_back_if_lost, job)
	for bench in sorted(benches):
		shielded(dispatch, bench)


def shielded(work, of) -> None:
	"""Do the work for one job, bench or tenant (`of`). A fault goes to the Error Log, and does not keep the others waiting."""
	try:
		work(of)
	except Exception:
		frappe.db.rollback()  # raises when the connection is gone: then there is nothing more to be done here
		frappe.log_error(title=f"Looking after {getattr(of, 'name', of)}")
		frappe.db.commit()


def _take_back_if_lost(job) -> None:
	"""Set a job back to Waiting when no process is at it.

	A run holds a named lock as long as its connection to MariaDB lives. That tells a lost run from a slow one at once, where RQ's
	heartbeat takes 90 seconds. For a job that no run has taken yet, RQ's registries are asked.
	"""
	if is_held(JOB_LOCK, job.name):
		return
	if job.status == "Queued" and (name := _queue_of(job)) and queue.is_there(job.name, name):
		return
	with named_lock(JOB_LOCK, job.name) as is_ours:
		if not is_ours:
			return
		frappe.db.commit()
		change(job.name, (job.status,), status="Waiting")
		frappe.db.commit()


def _queue_of(job) -> str | None:
	"""The job's queue; None where its bench or the queue is gone, so that the job is in no queue."""
	if not frappe.db.exists("Bench", job.bench):
		return None
	try:
		return queue.name_for(frappe.get_doc("Bench", job.bench), registry.find(job.playbook))
	except queue.QueueGoneError:
		return None


# -- staff's buttons -----------------------------------------------------------------------------------------------


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
