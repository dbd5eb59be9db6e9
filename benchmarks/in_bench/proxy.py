"""Publishes 1,000 customers' names in a folder of its own, with a real nginx, and prints as JSON what each change takes.

Arguments: the folder, nginx. Printed: seconds, lists of one figure a round.
"""

import json
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO), str(REPO / "tests/network")]

from proxied_bench import ProxiedBench

from buildpro_saas.agent import proxy_upkeep

NAMES = 1000


def free_port() -> int:
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]


def measure(bench: ProxiedBench, rounds: int) -> dict:
	sites = [bench.customer(number) for number in range(NAMES)]
	bench.make_certificate("wild", "*.example.test")
	first = bench.publish(*sites[:-1], wildcard_certificate="wild").seconds
	figures = {"add_1000th_s": [], "reload_s_1000": [], "renew_s": [], "own_subdomain_s": []}
	for number in range(rounds):
		figures["add_1000th_s"].append(bench.publish(*sites).seconds)
		figures["reload_s_1000"].append(seconds(lambda: proxy_upkeep.reload(bench.bench)))
		bench.make_certificate(f"erp.customer{number}.example")
		figures["renew_s"].append(bench.publish(*sites).seconds)
		own = f"newcomer{number}.example.test"
		figures["own_subdomain_s"].append(seconds(lambda: answered(bench, own)))
		bench.publish(*sites[:-1])
	master = bench.nginx.master()
	memory = sum(process.memory_full_info().pss for process in (master, *master.children()))
	return {"first_s": first, "memory_mb": memory / 1e6, **figures}


def answered(bench: ProxiedBench, site: str) -> None:
	bench.make_site(site)
	assert bench.get(site).site == site


def seconds(work) -> float:
	began = time.monotonic()
	work()
	return time.monotonic() - began


def main(folder: str, nginx: str, rounds: str) -> None:
	bench = ProxiedBench(Path(folder) / "bench", nginx, free_port)
	bench.spec = replace(bench.spec, listen=["127.0.0.1"])
	try:
		bench.start()
		print(json.dumps(measure(bench, int(rounds))))
	finally:
		bench.stop()


if __name__ == "__main__":
	main(*sys.argv[1:])
