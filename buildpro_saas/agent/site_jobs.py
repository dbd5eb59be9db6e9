"""What a site has with RQ. It goes before the site does: a job of a site that is gone fails, and is told to everybody's workers."""

import contextvars
from pathlib import Path

from frappe.utils.background_jobs import get_queues
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.queue import Queue
from rq.registry import (
	CanceledJobRegistry,
	DeferredJobRegistry,
	FailedJobRegistry,
	FinishedJobRegistry,
	ScheduledJobRegistry,
	StartedJobRegistry,
)

from buildpro_saas.agent import site_context

REGISTRIES = (
	*(StartedJobRegistry, DeferredJobRegistry, ScheduledJobRegistry),
	*(FailedJobRegistry, FinishedJobRegistry, CanceledJobRegistry),
)
SEPARATORS = ("::", "||")  # Frappe names a job by its site, one of these (by its version), and an id


def forget(site: str, bench_sites: Path) -> None:
	"""Take all jobs of the site out of the queues and registries of its bench. A run that is under way is not stopped.

	`site`: as Frappe names it, its folder below `bench_sites`, the bench's sites/. Raises redis.exceptions.RedisError when Redis is
	away.
	"""
	if not (bench_sites / "common_site_config.json").exists():
		return  # no bench, and no Redis
	contextvars.Context().run(_forget, site, str(bench_sites))


def _forget(site: str, bench_sites: str) -> None:
	begins = tuple(f"{site}{separator}" for separator in SEPARATORS)
	with site_context.entered("", bench_sites):
		for queue in get_queues():
			for registry in (kind(queue=queue) for kind in REGISTRIES):
				# not get_job_ids, which first settles what other sites' dead workers left
				for job in _of_site(queue.connection.zrange(registry.key, 0, -1), begins):
					registry.remove(job)
					_delete(job, queue)
			for job in _of_site(queue.job_ids, begins):
				queue.remove(job)
				_delete(job, queue)


def _of_site(ids: list[bytes | str], begins: tuple[str, ...]) -> list[str]:
	names = (each.decode() if isinstance(each, bytes) else each for each in ids)
	return [name for name in names if name.startswith(begins)]


def _delete(job: str, queue: Queue) -> None:
	try:
		Job.fetch(job, connection=queue.connection).delete()
	except NoSuchJobError:
		return  # its name was all that was left
