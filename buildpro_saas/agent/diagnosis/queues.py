"""The bench's queues: what waits, who works at what, which jobs a worker that died has left behind.

Jobs are read as RQ keeps them, and never unpickled: a tenant's code may have put them there.
"""

import re
import socket
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import psutil
import redis
from frappe.utils.background_jobs import generate_qname
from rq.command import send_command

from buildpro_saas import framework
from buildpro_saas.agent import errors
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.site_jobs import SEPARATORS

SECONDS = 1.5
LOOKED_AT = 500  # jobs of a queue; of a longer one the rest is counted
# RQ writes down how it calls a job: Frappe's arguments in their order, these last. What comes before is the tenant's.
CALLED = re.compile(
	r", method=(?:'(?P<name>[\w.]{1,200})'|<\w+ (?P<function>[\w.]{1,200}) at )[^,]*, site='[^']*', user=",
	re.DOTALL,
)
SCHEDULED = "scheduled_job::"
OF_JOB = ("description", "enqueued_at", "started_at", "timeout", "worker_name", "status")


def look(conf: Mapping, site: str) -> dict[str, Any]:
	"""{"says": why nothing is seen, "queues": {name: …}, "lost": [job], "failed": how many of the site}.

	Of each queue: "waiting", "of_site", "oldest" (seconds), "next" (what waits longest), "workers", "busy": [job]. A job: {"id", "site",
	"what", "seconds", "queue"}. lost: jobs that count as started, and whose worker is gone.
	"""
	client = client_of(conf)
	try:
		return {"says": "", **_taken(client, site)}
	except redis.RedisError as error:
		return {"says": errors.sentence(error), "queues": {}, "lost": [], "failed": 0}
	finally:
		client.close()


def client_of(conf: Mapping) -> redis.Redis:
	"""A connection to the Redis of the queues, with time limits."""
	return redis.Redis.from_url(
		conf.get("redis_queue") or "redis://127.0.0.1:11311",
		socket_timeout=SECONDS,
		socket_connect_timeout=SECONDS,
		decode_responses=True,
	)


def _taken(client: redis.Redis, site: str) -> dict[str, Any]:
	names = {name: generate_qname(name) for name in framework.queues()}
	workers = _workers(client, {full: name for name, full in names.items()})
	at_work = {each["job"] for each in workers if each["job"]}
	queues, lost, failed = {}, [], 0
	for name, full in names.items():
		waiting = client.lrange(f"rq:queue:{full}", 0, LOOKED_AT - 1)
		first = told_of(client, waiting[0], "enqueued_at") if waiting else None
		started = [_job_of(client, each) for each in client.zrange(f"rq:wip:{full}", 0, LOOKED_AT - 1)]
		lost += [told_of(client, each, "started_at") for each in started if each not in at_work]
		failed += sum(site_of(each) == site for each in client.zrange(f"rq:failed:{full}", 0, LOOKED_AT - 1))
		mine = [each for each in workers if name in each["queues"]]
		queues[name] = {
			"waiting": client.llen(f"rq:queue:{full}"),
			"of_site": sum(site_of(each) == site for each in waiting),
			"oldest": first["seconds"] if first else 0.0,
			"next": first,
			"workers": len(mine),
			"busy": [
				{**told_of(client, each["job"], "started_at"), "queue": name} for each in mine if each["job"]
			],
		}
	return {"queues": queues, "lost": [each for each in lost if each["what"]], "failed": failed}


def _job_of(client: redis.Redis, started: str) -> str:
	"""The id of a job that is on the list of those that were started. Later versions of RQ add the id of the run."""
	return started if client.exists(f"rq:job:{started}") else started.rpartition(":")[0] or started


def _workers(client: redis.Redis, known: dict[str, str]) -> list[dict[str, Any]]:
	"""[{"queues", "job"}] of the workers of this bench that live. job: its id while it is at one."""
	found = []
	for key in sorted(client.smembers("rq:workers")):
		told = client.hgetall(key)
		queues = [known[name] for name in (told.get("queues") or "").split(",") if name in known]
		if queues and not _is_gone(told):
			found.append({"queues": queues, "job": told.get("current_job") or ""})
	return found


def _is_gone(told: dict[str, str]) -> bool:
	"""Whether the worker was on this machine, and its process is there no more."""
	if told.get("hostname") != socket.gethostname() or not (told.get("pid") or "").isdigit():
		return not told
	return not psutil.pid_exists(int(told["pid"]))


def told_of(client: redis.Redis, job: str, since: str) -> dict[str, Any]:
	"""A job as `look` tells it. since: the field with the moment from which its seconds count."""
	fields = dict(zip(OF_JOB, client.hmget(f"rq:job:{job}", OF_JOB), strict=True))
	at = _epoch(fields.get(since))
	return {
		"id": job,
		"site": site_of(job),
		"what": what(job, fields.get("description") or ""),
		"seconds": max(0.0, round(time.time() - at, 1)) if at else 0.0,
	}


def site_of(job: str) -> str:
	"""The site of a job, by its id; "" where that names none."""
	return next((job.partition(each)[0] for each in SEPARATORS if each in job), "")


def what(job: str, description: str) -> str:
	"""The function that a job calls, and nothing of what it is given; "" where that is not to be told."""
	if SCHEDULED in job:
		return job.partition(SCHEDULED)[2]
	found = [each["name"] or each["function"] for each in CALLED.finditer(description)]
	return found[-1] if found else ""


def _epoch(told: str | None) -> float | None:
	"""The moment that RQ wrote, in UTC; None for none."""
	if not told:
		return None
	moment = datetime.fromisoformat(told.replace("Z", "+00:00"))
	return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def end(conf: Mapping, site: str, job: str) -> str:
	"""End a job of the site: one that runs is stopped, one that waits is taken out. Returns what it was; raises AgentError for any other job."""
	client = client_of(conf)
	try:
		if site_of(job) != site or not client.exists(f"rq:job:{job}"):
			raise AgentError(f"{site} has no job {job}: it may have ended by itself.")
		told = told_of(client, job, "started_at")
		worker = _at_it(client, job)
		if worker:
			send_command(client, worker, "stop-job", job_id=job)
		else:
			_take_out(client, job, (generate_qname(name) for name in framework.queues()))
		return told["what"] or "a job"
	finally:
		client.close()


def _at_it(client: redis.Redis, job: str) -> str:
	"""The name of the worker that is at the job; "" for none."""
	for key in client.smembers("rq:workers"):
		told = client.hgetall(key)
		if told.get("current_job") == job and not _is_gone(told):
			return key.rpartition(":")[2]
	return ""


def _take_out(client: redis.Redis, job: str, queues: Iterable[str]) -> None:
	with client.pipeline() as steps:
		for full in queues:
			steps.lrem(f"rq:queue:{full}", 0, job)
			for kind in ("wip", "deferred", "scheduled", "failed", "finished", "canceled"):
				steps.zrem(f"rq:{kind}:{full}", job)
		steps.delete(f"rq:job:{job}")
		steps.execute()
