"""Reads and keeps the numbers of the bench as its admin site does each minute, and says what that took.

Runs in the bench's env, in sites/. Usage: read_metrics.py ADMIN-SITE ROUNDS

The last line is JSON: {"sites", "read_s": [seconds], "keep_s": [seconds], "memory_mb": [after each round], "mb_a_tenant_year"}.
"""

import json
import random
import sys
import time

import frappe
import psutil

from buildpro_saas.jobs.bench_door import reached
from buildpro_saas.monitoring import collecting, series
from buildpro_saas.monitoring.metric_names import counters_of
from buildpro_saas.monitoring.packing import pack
from buildpro_saas.monitoring.spans import A_DAY, AN_HOUR, DAY, HOUR, KEPT_FOR, MONTH, STEP

MB = 10**6
MINUTE = 60


def main(rounds: int) -> dict:
	(bench,) = reached(is_local=1)
	found = {"read_s": [], "keep_s": [], "memory_mb": []}
	collecting.collect(bench)  # sizes of databases, and what is imported once
	for _turn in range(rounds):
		began = time.perf_counter()
		sample = collecting.collect(bench)
		read = time.perf_counter()
		series.keep(sample)
		frappe.db.commit()
		found["read_s"].append(read - began)
		found["keep_s"].append(time.perf_counter() - read)
		found["memory_mb"].append(psutil.Process().memory_info().rss / MB)
	numbers = max(sample.of_sites.values(), key=len)
	return {**found, "sites": len(sample.of_sites), "mb_a_tenant_year": _room(numbers) / MB}


def _room(numbers: dict) -> int:
	"""Bytes of a tenant's rows after a year, at the most: every counter grows and every other number moves at each moment."""
	wanted = {
		HOUR: (60, MINUTE, AN_HOUR),
		DAY: (A_DAY // STEP[DAY], STEP[DAY], A_DAY),
		MONTH: (31 * 24, AN_HOUR, 30 * A_DAY),
	}
	room = 0
	for span, (points, step, lasts) in wanted.items():
		room += len(pack(_busy(numbers, points, step))) * (KEPT_FOR[span] // lasts + 1)
	return room


def _busy(numbers: dict, points: int, step: int) -> dict:
	chance, now, grows = random.Random(1), dict(numbers), counters_of(numbers)
	found = {}
	for turn in range(points):
		for key in now:
			now[key] += chance.randrange(1000) if key in grows else chance.randrange(-100, 101)
		found[turn * step] = dict(now)
	return found


if __name__ == "__main__":
	frappe.init(site=sys.argv[1])
	frappe.connect()
	print(json.dumps(main(int(sys.argv[2]))))
