"""Twenty tenants asked for at once, with five standby sites waiting: time to the last one, and the workers' peak memory."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from benchmarks.admin import Admin
from benchmarks.worker_memory import WorkerMemory
from dev.shell import say

NAME = "concurrency"
TENANTS = 20
POOL = 5
CALLERS = 8
WORKERS = ("provisioning", "worker", "web", "scheduler")


def run(admin: Admin, rounds: int) -> dict:
	admin.build_images()
	admin.fill_pool(POOL)
	names = [admin.new_subdomain() for _ in range(TENANTS)]
	say(f"{TENANTS} tenants at once, {POOL} standby sites waiting …")
	with WorkerMemory(admin.bench.services(), *WORKERS) as memory:
		began = time.monotonic()
		with ThreadPoolExecutor(CALLERS) as pool:
			list(pool.map(admin.ask, names))
		asked = time.monotonic() - began
		admin.wait_active(names)
		seconds = time.monotonic() - began
	admin.set_pool(0)
	ways = Counter(admin.job(name)["way"] for name in names)
	result = {
		"tenants": TENANTS,
		"pool": POOL,
		"seconds_to_ask": round(asked, 2),
		"seconds_to_last": round(seconds, 2),
		"ways": dict(ways),
		"peak_memory_mb": {name: round(peak) for name, peak in memory.peaks.items()},
	}
	say(
		f"  all asked for after {asked:.1f} s, the last Active after {seconds:.1f} s; {result['peak_memory_mb']} MB"
	)
	return result


def tell(result: dict) -> list[str]:
	ways = ", ".join(f"{count} {way}" for way, count in sorted(result["ways"].items()))
	memory = ", ".join(f"{name} {peak} MB" for name, peak in sorted(result["peak_memory_mb"].items()))
	return [
		f"{result['tenants']} tenants at once, {result['pool']} standby sites waiting, one worker of the provisioning queue: the last one Active"
		f" after {result['seconds_to_last']:.1f} s ({ways}). Largest single process: {memory}.",
	]
