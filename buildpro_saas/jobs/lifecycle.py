"""The life of Provisioning Jobs outside their run: they are made, run, and found again when lost. retry_cancel.py is for staff.

The database is the truth, and the queue only wakes workers. A job waits in the database until its bench has a free slot, and goes
to RQ then.
"""

import secrets

import frappe
from frappe.utils import add_to_date, now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.errors import is_transient
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
	subject: str | None = None,
):
	"""Make a Provisioning Job for the playbook and return its document. It is dispatched once this transaction commits.

	inputs: plain data, kept in the job's row. about: for a job without tenant, what it works on, for its title. priority: of the jobs
	that wait, a higher number goes first. image: the Site Image that it is about. site_mark: the mark of a site that it takes over.
	subject: the name of another record that it is about, by which it is found.

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
			"subject": subject,
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
