"""From what a bench's reading told (operation read_metrics) to the parts that checks look at. Plain data in and out."""

from collections.abc import Mapping
from typing import Any

from buildpro_saas.monitoring.checks.check import MACHINE, MARIADB, REDIS, SITES, WORKERS

TOLD = "The MariaDB of the bench does not answer."
DORMANT = 4 * 24 * 3600  # seconds: Frappe's patience with a site on which nobody is active


def parts(
	told: Mapping[str, Any], *, least: float, full_in: Mapping[tuple[str, str], float]
) -> dict[str, dict]:
	"""{part: its facts, or {"missed": sentence}}. least: bytes that are to stay free on the sites' disk. full_in: outlook.full_in_days's."""
	return {
		MACHINE: _machine(told, least, full_in),
		MARIADB: _mariadb(told["mariadb"]),
		REDIS: _redis(told["redis"]),
		WORKERS: _workers(told),
		SITES: _sites(told),
	}


def _machine(told: Mapping[str, Any], least: float, full_in: Mapping[tuple[str, str], float]) -> dict:
	"""{"at", "booted_at": seconds since the epoch, "disks": [{"place", "free", "total", "inodes_free", "inodes", "least", "full_in"}]}."""
	machine = told["machine"]
	if "error" in machine:
		return {"missed": machine["error"]}
	disks = [
		{
			**{"place": place, "free": disk["free_bytes"], "total": disk["bytes"]},
			**{"inodes_free": disk["free_inodes"], "inodes": disk["inodes"]},
			"least": least if place == "sites" else 0.0,
			"full_in": full_in.get((place, "bytes")),
		}
		for place, disk in machine["disks"].items()
	]
	return {"at": told["at"], "booted_at": machine["up_since"], "disks": disks}


def _mariadb(mariadb: Mapping[str, Any]) -> dict:
	"""{"connections", "max_connections", "is_read_only"}"""
	if "error" in mariadb:
		return {"missed": mariadb["error"]}
	return {
		"connections": mariadb["connections"],
		"max_connections": mariadb["connections_limit"],
		"is_read_only": bool(mariadb["is_read_only"]),
	}


def _redis(servers: Mapping[str, Mapping]) -> dict:
	"""{server: {"error"} or {"used", "most", "is_saved"}}"""
	return {
		name: {"error": server["error"]}
		if "error" in server
		else {
			"used": server["memory_bytes"],
			"most": server.get("memory_limit_bytes") or 0,
			"is_saved": not server["write_errors"],
		}
		for name, server in servers.items()
	}


def _workers(told: Mapping[str, Any]) -> dict:
	"""{"queues": {queue: {"workers", "waiting", "oldest": seconds}}, "dead": names}"""
	if "queues_error" in told:
		return {
			"missed": told["queues_error"],
			"is_told": any("error" in each for each in told["redis"].values()),
		}
	alive = [worker for worker in told["workers"] if not worker["is_dead"]]
	return {
		"queues": {
			name: {
				"workers": sum(name in worker["queues"] for worker in alive),
				"waiting": queue["length"],
				"oldest": queue["oldest_seconds"],
			}
			for name, queue in told["queues"].items()
		},
		"dead": sorted(worker["name"] for worker in told["workers"] if worker["is_dead"]),
	}


def _sites(told: Mapping[str, Any]) -> dict:
	"""{site: {"error"} or {"is_enabled": its scheduler, "last_run": seconds since or None, "is_dormant", "mails_failed", "mails_waiting"}}"""
	if "error" in told["mariadb"]:
		return {"missed": TOLD, "is_told": True}
	return {site: _site(numbers, told["at"]) for site, numbers in told["sites"].items()}


def _site(numbers: Mapping[str, Any], at: float) -> dict:
	if "error" in numbers:
		return {"error": numbers["error"]}
	ran, active = numbers.get("scheduler_ran_at"), numbers.get("seen_at")
	return {
		"is_enabled": bool(numbers.get("is_scheduler_enabled")),
		"last_run": at - ran if ran else None,
		"is_dormant": not active or at - active > DORMANT,
		"mails_failed": numbers.get("mails_failed", 0),
		"mails_waiting": numbers.get("mails_waiting", 0),
	}
