"""The RQ side: which queue a bench's jobs go to, putting them there, and asking whether they are still there."""

from datetime import datetime, timedelta, timezone

import frappe
from frappe import _
from frappe.utils.background_jobs import create_job_id, enqueue, get_queue
from redis.exceptions import RedisError
from rq import get_current_job
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.worker import Worker

from buildpro_saas import framework, site_role
from buildpro_saas.agent.errors import AgentError, is_transient

OWN_QUEUE = "provisioning"
START_TIME = timedelta(seconds=30)


class QueueGoneError(AgentError):
	"""A bench or a playbook names a queue that the bench's configuration does not have."""


def names() -> list[str]:
	"""The bench's queues, as its configuration has them now.

	Frappe keeps in each process which queues it met there first: it reads them anew from here on, too.
	"""
	workers = frappe.get_site_config().get("workers")
	frappe.local.conf["workers"] = workers if isinstance(workers, dict) else {}
	return framework.queues()


def name_for(bench, playbook=None) -> str:
	"""The queue of a Bench document: what staff set, else a queue of our own when the bench has one, else `long`.

	A Playbook that names its own goes there, whatever the bench says. Raises QueueGoneError when there is no such queue.
	"""
	known = names()
	chosen = (playbook and playbook.queue) or bench.queue
	if not chosen:
		return OWN_QUEUE if OWN_QUEUE in known else "long"
	if chosen not in known:
		raise QueueGoneError(
			f"There is no queue {chosen!r} on this bench any more, only {', '.join(sorted(known))}.",
			f"Put {chosen!r} back under `workers` in sites/common_site_config.json, or choose another queue in the"
			f" Bench {bench.name}, then press Retry.",
		)
	return chosen


def slots(bench) -> int:
	"""How many heavy jobs may run at once on the bench: as many as staff allow and workers are there for.

	On a shared queue one worker at least stays for the tenants. Where the queue is gone, no job stays long.
	"""
	try:
		return max(1, min(_wanted(bench), _for_us(name_for(bench))))
	except QueueGoneError:
		return _wanted(bench)


def complaint(bench) -> str | None:
	"""A sentence where fewer workers are there for the bench's heavy jobs than staff allow at once; None where they are enough."""
	try:
		name = name_for(bench)
	except QueueGoneError as error:
		return f"{error} {error.hint}"
	workers, wanted = _for_us(name), _wanted(bench)
	if workers >= wanted:
		return None
	shared = "" if name == OWN_QUEUE else ", beside the one that is left to the tenants' own work"
	return (
		f"{wanted} heavy jobs may run at once (Most heavy jobs of the Bench {bench.name}), and {workers} of the queue {name}'s workers"
		f" are there for them{shared}. Start more: with one, an image that is being built keeps the next tenant waiting."
	)


def _wanted(bench) -> int:
	return max(bench.max_heavy_jobs or 1, 1)


def _for_us(name: str) -> int:
	workers = Worker.count(queue=get_queue(name))
	return workers if name == OWN_QUEUE else max(workers - 1, 0)


def refuse_tenants_jobs() -> None:
	"""Hook `before_job`: raise frappe.PermissionError in a tenant's job that was put into our own queue, whose workers are for
	making tenants. A tenant's script names the queue of what it enqueues.
	"""
	job = get_current_job()
	if job and site_role.is_tenant_site() and job.origin.rpartition(":")[2] == OWN_QUEUE:
		frappe.throw(
			_("The queue {0} is not for jobs of this site: take another one.").format(OWN_QUEUE),
			frappe.PermissionError,
		)


def job_id(job: str) -> str:
	"""RQ's id for a Provisioning Job: the same at each try, so that RQ never holds it twice."""
	return f"provisioning::{job}"


def put(job: str, queue: str, timeout: int) -> None:
	"""Wake a worker for the job. Raises redis.exceptions.RedisError when Redis is away."""
	enqueue(
		"buildpro_saas.jobs.lifecycle.run",
		queue=queue,
		timeout=timeout,
		job_id=job_id(job),
		deduplicate=True,
		job=job,
	)


def forget(job: str) -> None:
	"""Take a dead run's leftovers out of RQ, which would take the job for started until its heartbeat runs out."""
	found = _fetch(job)
	if found:
		found.delete()


def is_there(job: str, queue: str) -> bool:
	"""True when RQ has the job waiting in its queue, or has just handed it to a worker that still reports.

	A run takes the job's lock within seconds, by which the caller knows it. One that has not after START_TIME died before it could:
	RQ would find out after the heartbeat's 90 s only.
	"""
	clear_dead_runs(queue)
	found = _fetch(job)
	if not found:
		return False
	status = found.get_status()
	if status == JobStatus.QUEUED:
		return get_queue(queue).get_job_position(found.id) is not None
	return status == JobStatus.STARTED and not _is_overdue(found)


def _is_overdue(job: Job) -> bool:
	# RQ's times are UTC, without a time zone in its older versions
	now = datetime.now(timezone.utc).replace(tzinfo=None)
	return bool(job.started_at) and now - job.started_at.replace(tzinfo=None) > START_TIME


def clear_dead_runs(queue: str) -> None:
	"""Let RQ take runs for failed whose worker stopped reporting 90 seconds ago."""
	StartedJobRegistry(queue=get_queue(queue)).cleanup()


def _fetch(job: str) -> Job | None:
	try:
		return Job.fetch(create_job_id(job_id(job)), connection=get_queue("default").connection)
	except NoSuchJobError:
		return None


def is_of_redis(error: BaseException) -> bool:
	"""True when the error is Redis's own, and says nothing about the job."""
	return isinstance(error, RedisError | OSError)


def is_away(error: BaseException) -> bool:
	"""True when the error says that Redis cannot be reached now, for any job."""
	return isinstance(error, OSError) or (isinstance(error, RedisError) and is_transient(error))
