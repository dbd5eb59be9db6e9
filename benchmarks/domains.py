"""What a change of the proxy costs where 1,000 customers' names are served, each with its own certificate."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.series import Series
from dev import packages, unpacked
from dev.shell import output_of, say

NAME = "domains"
SCRIPT = Path(__file__).parent / "in_bench/proxy.py"
NAMES = 1000  # as in the script


def run(admin: Admin, rounds: int) -> dict:
	bench = admin.bench
	unpacked.ensure(bench.home, *unpacked.NETWORK)
	nginx = packages.find("nginx") or str(Path(unpacked.folders(bench.home)[0]) / "nginx")
	say(f"Publishing {NAMES} names, {rounds} changes of each kind …")
	with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
		line = [*bench.test_python(), SCRIPT, folder, nginx, str(rounds)]
		told = output_of(line, env=bench.environment(), cwd=bench.sites).strip().rpartition("\n")[2]
	return figures(json.loads(told))


def figures(found: dict) -> dict:
	"""What benchmarks.json keeps: medians, in seconds."""
	result = {"first_s": round(found.pop("first_s"), 2), "memory_mb": round(found.pop("memory_mb"), 1)}
	for name, values in found.items():
		series = Series()
		for value in values:
			series.add(value)
		result[name] = round(series.median, 3)
	return result


def tell(result: dict) -> list[str]:
	return [
		f"With {NAMES} names of customers' own, each with its certificate, one more is served after {result['add_1000th_s']:.2f} s:"
		f" looked at, tried, reloaded and asked. A reload alone takes {result['reload_s_1000']:.2f} s, a renewed certificate"
		f" {result['renew_s']:.2f} s and no reload. A new site below the base domain answers after"
		f" {result['own_subdomain_s'] * 1000:.0f} ms, with nothing published. nginx has {result['memory_mb']:.0f} MB. The first"
		f" publishing of all took {result['first_s']:.0f} s."
	]
