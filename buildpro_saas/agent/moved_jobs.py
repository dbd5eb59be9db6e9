"""A site's RQ jobs that wait, when the site gets another name: they go along, and nothing that somebody asked for is lost.

RQ has the site's name in a job's id and arguments. So each job is saved anew under the new name, and kept aside until the site has it.
"""

import contextvars
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from frappe.utils.background_jobs import get_queues
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.queue import Queue

from buildpro_saas.agent import site_context
from buildpro_saas.agent.site_jobs import ASIDE, SEPARATORS

KEYS = "rq:job:"  # how RQ names a job's key in Redis


def keep_aside(old: str, new: str, sites: Path) -> int:
	"""Take the jobs that wait for the site `old` out of their queues, and keep them aside as those of `new`; returns how many. Repeatable.

	Raises redis.exceptions.RedisError when Redis is away.
	"""
	return _on_bench(sites, lambda: sum(_take(queue, old, new) for queue in get_queues()))


def release(site: str, sites: Path) -> int:
	"""Put the jobs that were kept aside for the site into their queues; returns how many. Repeatable."""
	return _on_bench(sites, lambda: _release(site))


def _on_bench(sites: Path, work: Callable[[], int]) -> int:
	if not (sites / "common_site_config.json").exists():
		return 0  # no bench, and no Redis

	def entered() -> int:
		with site_context.entered("", str(sites)):
			return work()

	return contextvars.Context().run(entered)


def _take(queue: Queue, old: str, new: str) -> int:
	number = 0
	for name in queue.job_ids:
		separator = next((each for each in SEPARATORS if name.startswith(f"{old}{each}")), None)
		if not separator:
			continue
		with suppress(NoSuchJobError):  # its name was all that was left
			job = Job.fetch(name, connection=queue.connection)
			_save_as(job, f"{new}{name[len(old) :]}", new)
			number += 1
		# last: what is killed in between has it twice, and the other one is not in a queue
		queue.remove(name)
		queue.connection.delete(f"{KEYS}{name}")
	return number


def _save_as(job: Job, name: str, site: str) -> None:
	job.kwargs = {**job.kwargs, "site": site}
	job.id = name
	job.meta[ASIDE] = True
	job.save()


def _release(site: str) -> int:
	queues, number = {queue.name: queue for queue in get_queues()}, 0
	for job in _kept(site, next(iter(queues.values()))):
		queue = queues.get(job.origin)
		if not queue:
			continue
		if job.id not in queue.job_ids:
			queue.enqueue_job(job)
			number += 1
		job.meta.pop(ASIDE)
		job.save_meta()
	return number


def _kept(site: str, queue: Queue) -> Iterator[Job]:
	for key in sorted(queue.connection.scan_iter(match=f"{KEYS}{site}[:|]*")):
		with suppress(NoSuchJobError):
			job = Job.fetch(key.decode().removeprefix(KEYS), connection=queue.connection)
			if job.meta.get(ASIDE):
				yield job
