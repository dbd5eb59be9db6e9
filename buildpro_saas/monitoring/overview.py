"""Benches and tenants as an operator reads them: rates for counters, shares for limits. What `saas metrics` and `saas disk-space` show."""

import time
from collections.abc import Mapping
from typing import Any

from buildpro_saas.monitoring import outlook, series
from buildpro_saas.monitoring.collecting import collect
from buildpro_saas.monitoring.rates import growth, latency
from buildpro_saas.monitoring.samples import Sample

SPAN = 15 * 60  # seconds over which rates and latencies are told
A_MINUTE = ("requests", "requests_api", "responses_4xx", "responses_5xx", "jobs_done")
PARTS = ("database_bytes", "files_public_bytes", "files_private_bytes", "backups_bytes")
Row = dict[str, Any]


def of_bench(bench: str) -> Row:
	"""{"bench", "at", "numbers", "tenants": [row], "sites": {site: numbers}, "faults", "full_in_days"} as it is now.

	A tenant's row: {"tenant", "site", "numbers", "a_minute": {counter: number}, "latency": {"p50": seconds, …}}. a_minute and latency are of
	the last quarter of an hour, and empty where the scheduler has not measured yet. Raises AgentError where the bench does not answer.
	"""
	sample = collect(bench)
	before = series.recent(list(sample.tenants), sample.at - SPAN)
	full = {f"{disk} ({kind})": round(days, 1) for (disk, kind), days in outlook.full_in_days(bench).items()}
	return {
		"bench": bench,
		"at": sample.at,
		"numbers": {**sample.of_bench, **_cpu(sample)},
		"tenants": [
			_tenant(sample, tenant, site, before[tenant]) for tenant, site in sorted(sample.tenants.items())
		],
		"sites": sample.of_sites,
		"faults": sample.faults,
		"full_in_days": full,
	}


def _tenant(sample: Sample, tenant: str, site: str, before: Mapping[int, Mapping[str, float]]) -> Row:
	numbers = sample.of_sites[site]
	points = [*sorted((at, of) for at, of in before.items() if at < sample.at), (sample.at, numbers)]
	return {
		"tenant": tenant,
		"site": site,
		"numbers": numbers,
		"a_minute": a_minute(points),
		"latency": latency(points),
	}


def a_minute(points: list[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
	"""{counter of A_MINUTE: its growth in a minute} between the first and the last point."""
	found = {}
	for key in A_MINUTE:
		of_key = [(at, numbers[key]) for at, numbers in points if key in numbers]
		if len(of_key) > 1 and of_key[-1][0] > of_key[0][0]:
			found[key] = round(growth(of_key) * 60 / (of_key[-1][0] - of_key[0][0]), 2)
	return found


def _cpu(sample: Sample) -> dict[str, float]:
	"""The share of the processors that was used in the last minutes: {"cpu_percent"}; {} where nothing was measured before."""
	found = series.all_points(["cpu_seconds"], sample.at - SPAN, sample.at, bench=sample.bench)
	now = sample.of_bench.get("cpu_seconds")
	points = [(at, numbers["cpu_seconds"]) for at, numbers in found.items() if numbers]
	if now is None or not points or sample.at <= points[0][0]:
		return {}
	used = growth([*points, (sample.at, now)]) / (sample.at - points[0][0])
	return {"cpu_percent": round(min(100.0, 100 * used / (sample.of_bench.get("cpus") or 1)), 1)}


def disk_space(bench: str) -> Row:
	"""{"bench", "disks": [row], "sites": [row]} of the bench, the largest site first. Raises AgentError where it does not answer.

	A disk's row: {"disk", "bytes", "free_bytes", "free_inodes", "inodes", "full_in_days"}. A site's row: {"site", "tenant", "total_bytes", and
	PARTS}; tenant is empty for a site that is nobody's. A part that was not measured is None.
	"""
	sample = collect(bench)
	whose = {site: tenant for tenant, site in sample.tenants.items()}
	sites = [_room(site, whose.get(site, ""), numbers) for site, numbers in sample.of_sites.items()]
	return {
		"bench": bench,
		"disks": _disks(sample),
		"sites": sorted(sites, key=lambda row: -row["total_bytes"]),
		"faults": sample.faults,
	}


def _room(site: str, tenant: str, numbers: Mapping[str, float]) -> Row:
	parts = {part: numbers.get(part) for part in PARTS}
	return {"site": site, "tenant": tenant, "total_bytes": sum(filter(None, parts.values())), **parts}


def _disks(sample: Sample) -> list[Row]:
	full = outlook.full_in_days(sample.bench)
	names = [key.partition(".")[2] for key in sample.of_bench if key.startswith("disk_bytes.")]
	return [
		{
			"disk": name,
			**{
				part: sample.of_bench.get(f"disk_{part}.{name}")
				for part in ("bytes", "free_bytes", "inodes", "free_inodes")
			},
			"full_in_days": min((days for (disk, _kind), days in full.items() if disk == name), default=None),
		}
		for name in names
	]


def age(seconds_since_epoch: float | None) -> float | None:
	"""Seconds since that moment; None for none."""
	return None if seconds_since_epoch is None else max(0.0, time.time() - seconds_since_epoch)
