"""RQ's queues and workers of the bench, and the jobs of each site in them, read with a few questions to Redis."""

import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import psutil
import redis
from frappe.utils.background_jobs import generate_qname

from buildpro_saas import framework
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.site_jobs import SEPARATORS

SECONDS = 2
QUEUE, FAILED, WORKERS, JOB = "rq:queue:{}", "rq:failed:{}", "rq:workers", "rq:job:{}"


def take(conf: Mapping, sites: set[str]) -> dict[str, Any]:
	"""{"queues": {name: {metric: number}}, "workers": [...], "sites": {site: {metric: number}}}. Raises redis.RedisError or AgentError."""
	if not (url := conf.get("redis_queue")):
		raise AgentError("The bench's configuration names no redis_queue.")
	client = redis.Redis.from_url(
		url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, decode_responses=True
	)
	try:
		return _taken(client, {name: generate_qname(name) for name in framework.queues()}, sites)
	finally:
		client.close()


def _taken(client: redis.Redis, names: dict[str, str], sites: set[str]) -> dict[str, Any]:
	with client.pipeline(transaction=False) as ask:
		for full in names.values():
			ask.lrange(QUEUE.format(full), 0, -1)
			ask.zrange(FAILED.format(full), 0, -1)
		answers = ask.execute()
	waiting = dict(zip(names, answers[::2], strict=True))
	failed = dict(zip(names, answers[1::2], strict=True))
	first = _first_of_sites(waiting, sites)
	since = _since(client, [*(ids[0] for ids in waiting.values() if ids), *first.values()])
	queues = {
		name: {
			"length": len(ids),
			"failed": len(failed[name]),
			"oldest_seconds": since.get(ids[0], 0.0) if ids else 0.0,
		}
		for name, ids in waiting.items()
	}
	return {
		"queues": queues,
		"workers": _workers(client, {full: name for name, full in names.items()}),
		"sites": _of_sites(waiting, failed, first, since, sites),
	}


def site_of(job: str, sites: set[str]) -> str | None:
	"""The site of a job, by its id; None for one that is of no site of the bench."""
	for separator in SEPARATORS:
		name, found, _id = job.partition(separator)
		if found and name in sites:
			return name
	return None


def _counted(lists: Iterable[list[str]], sites: set[str]) -> Counter:
	return Counter(site for ids in lists for job in ids if (site := site_of(job, sites)))


def _first_of_sites(waiting: dict[str, list[str]], sites: set[str]) -> dict[str, str]:
	"""{site: its job that is nearest to its turn}"""
	first: dict[str, str] = {}
	for ids in waiting.values():
		for job in ids:
			if site := site_of(job, sites):
				first.setdefault(site, job)
	return first


def _of_sites(waiting: dict, failed: dict, first: dict, since: dict, sites: set[str]) -> dict[str, dict]:
	queued, failures = _counted(waiting.values(), sites), _counted(failed.values(), sites)
	return {
		site: {
			"jobs_queued": queued[site],
			"jobs_failed": failures[site],
			"jobs_oldest_seconds": since.get(first.get(site, ""), 0.0),
		}
		for site in sites
	}


def _since(client: redis.Redis, jobs: list[str]) -> dict[str, float]:
	"""{job: seconds that it has waited}"""
	if not jobs:
		return {}
	with client.pipeline(transaction=False) as ask:
		for job in jobs:
			ask.hget(JOB.format(job), "enqueued_at")
		answers = ask.execute()
	now = time.time()
	return {job: max(0.0, now - at) for job, told in zip(jobs, answers, strict=True) if (at := _epoch(told))}


def _epoch(told: str | None) -> float | None:
	"""The moment that RQ wrote, in UTC; None for none."""
	if not told:
		return None
	moment = datetime.fromisoformat(told.replace("Z", "+00:00"))
	return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _workers(client: redis.Redis, known: dict[str, str]) -> list[dict[str, Any]]:
	"""[{"name", "queues", "is_busy", "is_dead", "heard_seconds"}] of the workers of this bench's queues."""
	keys = sorted(client.smembers(WORKERS))
	with client.pipeline(transaction=False) as ask:
		for key in keys:
			ask.hgetall(key)
		answers = ask.execute() if keys else []
	found = []
	for key, told in zip(keys, answers, strict=True):
		queues = [known[name] for name in (told.get("queues") or "").split(",") if name in known]
		if queues:
			found.append(_worker(key.rpartition(":")[2], queues, told))
	return found


def _worker(name: str, queues: list[str], told: dict[str, str]) -> dict[str, Any]:
	heard = _epoch(told.get("last_heartbeat"))
	return {
		"name": name,
		"queues": queues,
		"is_busy": told.get("state") == "busy",
		"is_dead": _is_gone(told),
		"heard_seconds": max(0.0, time.time() - heard) if heard else 0.0,
	}


def _is_gone(told: dict[str, str]) -> bool:
	"""Whether the worker was on this machine, and its process is there no more."""
	pid = told.get("pid") or ""
	is_here = told.get("hostname") == socket.gethostname()
	return is_here and pid.isdigit() and int(pid) != os.getpid() and not _runs(int(pid))


def _runs(pid: int) -> bool:
	"""Whether there is such a process, and it has not ended: what nobody has asked how it ended still has its number."""
	try:
		return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
	except psutil.NoSuchProcess:
		return False
