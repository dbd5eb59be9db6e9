"""A site's RQ jobs. They are removed before the site is.

A job of a site that is gone fails, and its failure is handled by the workers of all sites (tenant_site/abandoned_jobs.py).
Jobs that a migrate of a shadow has made are kept aside (migrating.py), until the shadow is the site.
"""

import contextvars
import time
from contextlib import suppress
from pathlib import Path

import frappe
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
from buildpro_saas.agent.facts import PUT_BACK, USES

REGISTRIES = (
	*(StartedJobRegistry, DeferredJobRegistry, ScheduledJobRegistry),
	*(FailedJobRegistry, FinishedJobRegistry, CanceledJobRegistry),
)
ASIDE = "buildpro_aside"  # in the meta of a job that is kept aside
SEPARATORS = ("::", "||")  # Frappe names a job by its site, one of these (by its version), and an id


def forget(site: str, bench_sites: Path) -> None:
	"""Remove all jobs of the site from the queues and registries of its bench, and what was counted of it and not written down yet.

	Whoever gets its name next has none of both. A run that is under way is not stopped.

	site: as Frappe names it, its folder below `bench_sites` (the bench's sites/). Raises redis.exceptions.RedisError when Redis is
	away.
	"""
	if not (bench_sites / "common_site_config.json").exists():
		return  # no bench, and no Redis
	contextvars.Context().run(_forget, site, str(bench_sites))


def _forget(site: str, bench_sites: str) -> None:
	begins = tuple(f"{site}{separator}" for separator in SEPARATORS)
	with site_context.entered("", bench_sites):
		forget_uses(site)
		for queue in get_queues():
			for registry in (kind(queue=queue) for kind in REGISTRIES):
				# not get_job_ids, which first settles what other sites' dead workers left
				for job in _of_site(queue.connection.zrange(registry.key, 0, -1), begins):
					registry.remove(job)
					_delete(job, queue)
			for job in _of_site(queue.job_ids, begins):
				queue.remove(job)
				_delete(job, queue)


def forget_uses(site: str) -> None:
	"""Remove what Redis has counted of the site and its database does not have. Needs an initialised frappe."""
	frappe.cache.delete_value(f"{USES}{site}", make_keys=False)


def running(site: str) -> list[str]:
	"""The ids of the site's jobs that workers of this bench are at. Needs an initialised frappe.

	site: as Frappe names it. A job of a worker that died counts until RQ would give it up; one that waits for the end of a hold does not.
	"""
	begins = tuple(f"{site}{separator}" for separator in SEPARATORS)
	found = []
	for queue in get_queues():
		registry = StartedJobRegistry(queue=queue)
		for name in _of_site(queue.connection.zrangebyscore(registry.key, time.time(), "+inf"), begins):
			with suppress(NoSuchJobError):
				if not Job.fetch(name, connection=queue.connection).meta.get(PUT_BACK):
					found.append(name)
	return sorted(found)


def release(jobs: list[dict]) -> int:
	"""Put jobs that were kept aside into their queues, and return how many; those that are there already stay. Needs an initialised frappe.

	jobs: {"queue", "id", "at_front"} of each. One that Redis has lost is left out.
	"""
	queues = {queue.name: queue for queue in get_queues()}
	number = 0
	for each in jobs:
		if not (queue := queues.get(each["queue"])):
			continue
		with suppress(NoSuchJobError):
			job = Job.fetch(each["id"], connection=queue.connection)
			if job.meta.pop(ASIDE, None):
				job.save_meta()
				queue.connection.persist(job.key)
				queue.enqueue_job(job, at_front=each["at_front"])
				number += 1
	return number


def forget_kept(jobs: list[dict]) -> None:
	"""Remove jobs that were kept aside: what made them is given up. jobs: as `release` takes them."""
	queues = {queue.name: queue for queue in get_queues()}
	for each in jobs:
		if queue := queues.get(each["queue"]):
			with suppress(NoSuchJobError):
				job = Job.fetch(each["id"], connection=queue.connection)
				if job.meta.get(ASIDE):
					job.delete()


def _of_site(ids: list[bytes | str], begins: tuple[str, ...]) -> list[str]:
	names = (each.decode() if isinstance(each, bytes) else each for each in ids)
	return [name for name in names if name.startswith(begins)]


def _delete(job: str, queue: Queue) -> None:
	try:
		Job.fetch(job, connection=queue.connection).delete()
	except NoSuchJobError:
		return  # its name was all that was left
