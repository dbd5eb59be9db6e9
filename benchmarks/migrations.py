"""A fleet that has nothing to migrate: what `bench --site all migrate` does, against our batch, which asks each site's database first."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.series import Series, ratio
from dev.shell import DevError, output_of, say

NAME = "migrate"
SCRIPT = Path(__file__).parent / "in_bench/migrate_all.py"
TENANTS = int(os.environ.get("TENANTS") or 8)
PLAN = "Core"
POLL = 0.2
PATIENCE = 600  # seconds for one batch


def run(admin: Admin, rounds: int) -> dict:
	say("Building an image …")  # from scratch each tenant would take as long as all that is measured
	admin.command("images", "build", "--plan", PLAN, "--wait")
	say(f"Making {TENANTS} tenants …")
	sites = [f"{admin.make(plan=PLAN).name}.localhost" for _number in range(TENANTS)]
	of_bench, ours = Series(), Series()
	for turn in range(rounds):
		say(f"{turn + 1} of {rounds} …")
		of_bench.add(by_bench(admin, sites) / TENANTS)
		ours.add(by_batch(admin) / TENANTS)
	result = {
		"tenants": TENANTS,
		"bench_s_a_site": of_bench.facts(),
		"ours_s_a_site": ours.facts(),
		"nothing_ratio": ratio(of_bench, ours),
	}
	say(f"  a site: bench {of_bench} s, ours {ours} s; {result['nothing_ratio']} ×")
	return result


def by_bench(admin: Admin, sites: list[str]) -> float:
	"""Seconds for all of them, without the start of the process."""
	bench = admin.bench
	answer = output_of([bench.python, SCRIPT, *sites], env=bench.environment(), cwd=bench.sites)
	return float(answer.strip().splitlines()[-1])


def by_batch(admin: Admin) -> float:
	"""Seconds from the first turn to the last one's end. Raises DevError where there was something to migrate."""
	batch = admin.client.post("/api/method/buildpro_saas.api.sites.migrate", plan=PLAN)["message"]
	end = time.monotonic() + PATIENCE
	while (found := progress(admin, batch["batch"]))["status"] != "Completed":
		if time.monotonic() > end:
			raise DevError(f"{batch['batch']} is still {found['status']}.")
		time.sleep(POLL)
	rows = admin.client.list("Batch Row", [["batch", "=", batch["batch"]]], "tenant", "message")
	if other := [row for row in rows if row["message"] != "There is nothing to migrate."]:
		raise DevError(f"There was something to migrate: {json.dumps(other[:3])}")
	return admin.client.list("Batch", [["name", "=", batch["batch"]]], "duration")[0]["duration"]


def progress(admin: Admin, batch: str) -> dict:
	return admin.client.get("/api/method/buildpro_saas.api.batches.status", batch=batch)["message"]


def tell(result: dict) -> list[str]:
	bench, ours = result["bench_s_a_site"], result["ours_s_a_site"]
	return [
		f"{result['tenants']} sites with nothing to do: `bench --site all migrate` takes {of(bench)} s a site, `saas migrate --all`"
		f" {of(ours)} s: {result['nothing_ratio']:.0f} × as fast (budget 50). The files of the apps are read once, which is in the figure.",
	]


def of(facts: dict) -> str:
	return f"{facts['median']:.3f} ({facts['min']:.3f}–{facts['max']:.3f})"
