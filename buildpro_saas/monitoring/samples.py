"""What a bench told, as numbers by the keys of metric_names. Plain data in and out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from buildpro_saas.monitoring.metric_names import BENCH, SITE, Metric, metric_of

Numbers = dict[str, float]
# Parts of what the agent tells, and what stands before their metrics' names.
PLAIN = {"machine": "", "mariadb": "mariadb_", "web": "web_"}
NAMED = {"redis": "redis_", "queues": "queue_"}


@dataclass(frozen=True)
class Sample:
	"""A bench at one moment. at: seconds since the epoch. of_bench: {key: number}. of_sites: {site: {key: number}}.

	tenants: {tenant: its site}. faults: {site, or part of the bench: a sentence}. workers: as the agent tells them.
	"""

	bench: str
	at: int
	of_bench: Numbers
	of_sites: dict[str, Numbers]
	tenants: dict[str, str] = field(default_factory=dict)
	faults: dict[str, str] = field(default_factory=dict)
	workers: tuple[dict[str, Any], ...] = ()


def sample(bench: str, told: Mapping[str, Any], tenants: Mapping[str, str], seconds: float = 0.0) -> Sample:
	"""What operation read_metrics told of the bench. tenants: {tenant: site} of that bench. seconds: that the reading took."""
	sites = {name: _known(numbers, SITE) for name, numbers in told["sites"].items()}
	faults = {name: numbers["error"] for name, numbers in told["sites"].items() if "error" in numbers}
	for name in sites:
		sites[name]["is_unread"] = int(name in faults)
	faults |= _faults_of_parts(told)
	numbers = {**_of_parts(told), **_of_workers(told)}
	numbers |= {"sites": len(sites), "sites_unread": sum(name in faults for name in sites)}
	numbers |= {"read_seconds": round(seconds, 3)}
	return Sample(
		bench=bench,
		at=int(told["at"]),
		of_bench=_known(numbers, BENCH),
		of_sites=sites,
		tenants={tenant: site for tenant, site in tenants.items() if site in sites},
		faults=faults,
		workers=tuple(told.get("workers") or ()),
	)


def _of_parts(told: Mapping[str, Any]) -> dict[str, Any]:
	numbers: dict[str, Any] = {}
	for part, before in PLAIN.items():
		numbers |= {f"{before}{name}": value for name, value in told.get(part, {}).items()}
	for part, before in NAMED.items():
		for of, values in told.get(part, {}).items():
			numbers |= {f"{before}{name}.{of}": value for name, value in values.items()}
	for place, values in told.get("machine", {}).get("disks", {}).items():
		numbers |= {f"disk_{name}.{place}": value for name, value in values.items()}
	numbers |= {
		f"redis_is_up.{of}": int("error" not in values) for of, values in told.get("redis", {}).items()
	}
	numbers["mariadb_is_up"] = int("error" not in told["mariadb"])
	requests = told.get("requests", {})
	numbers |= {
		f"log_{name}": requests[of]
		for name, of in (("lines", "lines"), ("lines_bad", "bad"))
		if of in requests
	}
	return numbers


def _of_workers(told: Mapping[str, Any]) -> dict[str, int]:
	alive = [each for each in told.get("workers") or () if not each["is_dead"]]
	numbers = {
		f"queue_workers.{name}": sum(name in each["queues"] for each in alive)
		for name in told.get("queues", {})
	}
	if "queues_error" in told:
		return numbers
	dead = len(told.get("workers") or ()) - len(alive)
	return {
		**numbers,
		"workers": len(alive),
		"workers_busy": sum(each["is_busy"] for each in alive),
		"workers_dead": dead,
	}


def _faults_of_parts(told: Mapping[str, Any]) -> dict[str, str]:
	faults = {part: told[part]["error"] for part in (*PLAIN, "requests") if "error" in told.get(part, {})}
	faults |= {of: values["error"] for of, values in told.get("redis", {}).items() if "error" in values}
	if "queues_error" in told:
		faults["queues"] = told["queues_error"]
	if "note" in told["mariadb"]:
		faults["mariadb sizes"] = told["mariadb"]["note"]
	return faults


def _known(numbers: Mapping[str, Any], level: str) -> Numbers:
	"""The numbers that are on the list of that level. Of a label no more values than its metric takes."""
	found: Numbers = {}
	values: dict[Metric, int] = {}
	for key, number in numbers.items():
		known = metric_of(key)
		if known is None or known[0].level != level or not isinstance(number, int | float):
			continue
		values[known[0]] = values.get(known[0], 0) + 1
		if values[known[0]] <= known[0].most:
			found[key] = number
	return found
