"""`make benchmark`: the benchmarks that ONLY names (all without it), one after the other on one admin site."""

from __future__ import annotations

import os
import sys
import time

from benchmarks import report
from benchmarks.admin import Admin
from dev.__main__ import ready_bench
from dev.existing_bench import ExistingBench
from dev.shell import DevError, say

ALL = {module.NAME: module for _title, module in report.PARTS}
ROUNDS = 5


def main() -> int:
	chosen = sys.argv[1:] or os.environ.get("ONLY", "").replace(",", " ").split() or list(ALL)
	if unknown := sorted(set(chosen) - set(ALL)):
		raise DevError(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}.")
	rounds = int(os.environ.get("ROUNDS") or ROUNDS)
	began = time.monotonic()
	bench = ready_bench()
	path = bench.home.path / "benchmarks.json"  # of a bench that was there before us: in existing/
	try:
		facts = report.facts_of(bench)
		for name in chosen:
			say(f"\n== {name}")
			with Admin(bench) as admin:  # a new one each time: none finds the sites of another
				known = report.add(path, {name: ALL[name].run(admin, rounds)}, facts)
	finally:
		if isinstance(bench, ExistingBench):
			bench.detach()
	say("")
	for line in report.lines_of(known):
		say(line)
	files = [path, *report.publish(known)]
	say(f"\nWritten: {', '.join(map(str, files))}. It took {(time.monotonic() - began) / 60:.0f} minutes.")
	return 0


if __name__ == "__main__":
	try:
		sys.exit(main())
	except DevError as error:
		print(f"benchmark: {error}", file=sys.stderr)
		sys.exit(1)
