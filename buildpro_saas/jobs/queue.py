"""The RQ side: which queue a bench's jobs go to, how they get there, and whether they are still there."""

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
from buildpro_saas.agent import door
from buildpro_saas.agent.errors import AgentError, is_transient

OWN_QUEUE = "provisioning"
# Beside the timeout of another queue under `workers` this says that it is for our jobs alone.
OWN_MARK = "buildpro"
START_TIME = timedelta(seconds=30)


class QueueGoneError(AgentError):
	"""A Bench or a Playbook names a queue that the bench's configuration does not have."""


def names() -> list[str]:
	"""The bench's queues, as its configuration has them now.

	Frappe keeps the queues that a process met first. This call has it read them anew for the process.
	"""
	frappe.local.conf["workers"] = door.here().do("worker_queues")
	return framework.queues()


def is_own(name: str) -> bool:
	"""Whether the queue is for our jobs alone: it is named so, or the bench's configuration says so (OWN_MARK)."""
	workers = frappe.conf.get("workers")
	settings = workers.get(name) if isinstance(workers, dict) else None
	return name == OWN_QUEUE or bool(isinstance(settings, dict) and settings.get(OWN_MARK))


def name_for(bench, playbook=None) -> str:
	"""The queue for jobs of a Bench document: what staff set, else a queue of our own if the bench has one, else `long`.

	A Playbook with a queue of its own goes there, whatever the Bench says. Raises QueueGoneError when there is no such queue.
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
	"""How many heavy jobs may run at once on the bench: as many as staff allow, and as there are workers for.

	On a shared queue one worker at least is left to the tenants. Where the queue is gone, staff's number counts: no job stays long.
	"""
	try:
		return max(1, min(_wanted(bench), _for_us(name_for(bench))))
	except QueueGoneError:
		return _wanted(bench)


def complaint(bench) -> str | None:
	"""A sentence when there are fewer workers for heavy jobs than staff allow at once; None when there are enough."""
	try:
		name = name_for(bench)
	except QueueGoneError as error:
		return error.advice
	workers, wanted = _for_us(name), _wanted(bench)
	if workers >= wanted:
		return None
	shared = "" if is_own(name) else ", beside the one that is left to the tenants' own work"
	return (
		f"{wanted} heavy jobs may run at once (Most heavy jobs of the Bench {bench.name}), and {workers} of the queue {name}'s workers"
		f" are there for them{shared}. Start more: with one, an image that is being built keeps the next tenant waiting."
	)


def _wanted(bench) -> int:
	return max(bench.max_heavy_jobs or 1, 1)


def _for_us(name: str) -> int:
	workers = Worker.count(queue=get_queue(name))
	return workers if is_own(name) else max(workers - 1, 0)


def refuse_tenants_jobs() -> None:
	"""Hook `before_job`: raise frappe.PermissionError in a tenant's job that was put into a queue of our own.

	Such a queue's workers make tenants. A tenant's script can name the queue of what it enqueues.
	"""
	job = get_current_job()
	name = job.origin.rpartition(":")[2] if job else ""
	if job and site_role.is_tenant_site() and is_own(name):
		frappe.throw(
			_("The queue {0} is not for jobs of this site: take another one.").format(name),
			frappe.PermissionError,
		)


def job_id(job: str) -> str:
	"""RQ's id for a Provisioning Job. It is the same at each try, so RQ never holds the job twice."""
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
	"""Remove what a dead run left in RQ. RQ would take the job for started until its heartbeat runs out."""
	found = _fetch(job)
	if found:
		found.delete()


def is_there(job: str, queue: str) -> bool:
	"""True when RQ has the job in its queue, or has just handed it to a worker that still reports.

	A run takes the job's lock within seconds, and the caller knows it by that. One without a lock after START_TIME died before it could
	take it. RQ itself would find that out only after its heartbeat's 90 s.
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
	"""Have RQ count as failed the runs whose workers stopped reporting 90 seconds ago."""
	StartedJobRegistry(queue=get_queue(queue)).cleanup()


def _fetch(job: str) -> Job | None:
	try:
		return Job.fetch(create_job_id(job_id(job)), connection=get_queue("default").connection)
	except NoSuchJobError:
		return None


def is_of_redis(error: BaseException) -> bool:
	"""True when the error is Redis's or the network's, and says nothing about the job."""
	return isinstance(error, RedisError | OSError)


def is_away(error: BaseException) -> bool:
	"""True when the error says that Redis cannot be reached now, for any job."""
	return isinstance(error, OSError) or (isinstance(error, RedisError) and is_transient(error))
