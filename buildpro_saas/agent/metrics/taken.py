"""All numbers of a bench at one moment: its machine, its servers, its queues, and each of its sites."""

import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil
import redis

from buildpro_saas.agent import account, errors
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.metrics import (
	machine,
	mariadb,
	processes,
	queues,
	redis_servers,
	request_log,
	site_rows,
)
from buildpro_saas.agent.metrics.kept import Kept, keeping
from buildpro_saas.agent.metrics.site_files import measure
from buildpro_saas.agent.metrics.sites import Found, found_on

Numbers = dict[str, Any]


def take(bench: Bench, conf: Mapping, only: list[str] | None = None) -> Numbers:
	"""What is read now, as operations.monitoring.read_metrics returns it. conf: the bench's configuration. only: these sites; None for all."""
	everyone = bench.site_names()
	sites = found_on(bench, everyone if only is None else only)
	taken: Numbers = {"at": time.time(), "sites": {name: {} for name in sites}}
	with keeping(bench) as kept:
		taken["mariadb"] = _told(lambda: _of_databases(bench, sites, kept, taken["sites"]))
		_tell_sites(taken, sites)
		# whichever sites are asked for: what is counted and measured of the others stays
		measure(bench, everyone, kept, taken["sites"])
		taken["requests"] = _told(lambda: request_log.count(bench, set(everyone), kept))
	if kept.unwritten:
		taken["requests"]["error"] = kept.unwritten
	for name, counted in kept.counted.items():
		if name in taken["sites"]:
			taken["sites"][name].update(counted)
	taken["machine"] = _told(lambda: machine.take(bench, taken["mariadb"].pop("datadir", "")))
	taken["redis"] = redis_servers.take(conf)
	waiting = _told(lambda: queues.take(conf, set(sites)))
	taken["queues"], taken["workers"] = waiting.get("queues", {}), waiting.get("workers", [])
	for name, numbers in waiting.get("sites", {}).items():
		taken["sites"][name].update(numbers)
	if sentence := waiting.get("error"):
		taken["queues_error"] = sentence
	taken["web"] = _told(lambda: processes.take(bench))
	return taken


def _of_databases(bench: Bench, sites: dict[str, Found], kept: Kept, into: dict[str, Numbers]) -> Numbers:
	"""The server's own numbers; those of each site go into `into`. One connection for all."""
	with server(account.read(bench)) as connected:
		mariadb.set_patience(connected)
		numbers = mariadb.take(connected)
		sizes = mariadb.sizes(connected, kept)
		# what was counted before it was switched off grows no more
		by_user = mariadb.use_by_user(connected) if numbers.get("counts_users") else {}
		for name, site in sites.items():
			if site.error:
				continue
			into[name].update(_told(lambda site=site: site_rows.take(connected, site.database)))
			into[name].update(by_user.get(site.user, {}))
			if site.database in sizes:
				into[name]["database_bytes"] = sizes[site.database]
	if not sizes and sites:
		numbers["note"] = mariadb.NO_SIZES
	return numbers


def _tell_sites(taken: Numbers, sites: dict[str, Found]) -> None:
	"""Give each site the sentence that stands between it and its numbers, if there is one."""
	away = taken["mariadb"].get("error")
	for name, site in sites.items():
		if sentence := site.error or away:
			taken["sites"][name]["error"] = sentence


def _told(look: Callable[[], Numbers]) -> Numbers:
	"""What the look finds; where something in its way fails, a sentence about that. Others are looked at all the same."""
	try:
		return look()
	except Exception as error:
		outside = (OSError, AgentError, psutil.Error, redis.RedisError, subprocess.SubprocessError)
		if not isinstance(error, outside) and errors.mariadb_code(error) is None:
			raise
		return {"error": errors.sentence(error)}
