"""What it costs to measure 100 and 1,000 sites, against asking each of them with `bench --site all`."""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.deliveries import script
from benchmarks.series import Series, ratio
from dev.shell import output_of, say

NAME = "metrics"
SCRIPT = Path(__file__).parent / "in_bench/read_metrics.py"
SITES = (100, 1000)
PLAN = "Core"
# Numbers that `bench` can tell of a site: a command each, which opens each site anew. Ours are some thirty of a site, and the bench's.
QUESTIONS = (
	("User", {"enabled": 1}),
	("Email Queue", {"status": "Not Sent"}),
	("Email Queue", {"status": "Error"}),
	("Error Log", {}),
	("Scheduled Job Type", {"stopped": 1}),
)


def run(admin: Admin, rounds: int) -> dict:
	say("Making a tenant …")
	made = admin.make(plan=PLAN)
	admin.bench.services().stop("scheduler")  # it would measure in between
	found = {str(sites): of_light_sites(admin, made.name, sites, rounds) for sites in SITES}
	many, few = found[str(SITES[-1])], found[str(SITES[0])]
	result = {
		"by_sites": found,
		"ms_a_site": many["ms_a_site"]["median"],
		"ratio": few["ratio"],
		"mb_a_tenant_year": round(many["mb_a_tenant_year"], 2),
	}
	say(f"  {json.dumps({key: value for key, value in result.items() if key != 'by_sites'})}")
	return result


def of_light_sites(admin: Admin, tenant: str, sites: int, rounds: int) -> dict:
	"""Both sides with so many sites, which share the database of a real one. `bench --site all` is asked for the fewest sites alone."""
	say(f"{sites} light sites …")
	script(admin, tenant, "make", sites)
	try:
		bench = admin.bench
		line = [*bench.test_python(), SCRIPT, admin.site.name, str(rounds)]
		told = json.loads(
			output_of(line, env=bench.environment(), cwd=bench.sites).strip().rpartition("\n")[2]
		)
		read = Series([seconds * 1000 / told["sites"] for seconds in told["read_s"]])
		keep = Series([seconds * 1000 / told["sites"] for seconds in told["keep_s"]])
		found = {
			"sites": told["sites"],
			"ms_a_site": read.facts(),
			"keep_ms_a_site": keep.facts(),
			"memory_mb": [round(told["memory_mb"][0]), round(told["memory_mb"][-1])],
			"mb_a_tenant_year": told["mb_a_tenant_year"],
		}
		if sites == SITES[0]:
			theirs = by_bench(admin, told["sites"])
			found |= {"bench_ms_a_site": theirs.facts(), "ratio": ratio(theirs, read)}
		return found
	finally:
		script(admin, tenant, "remove")


def by_bench(admin: Admin, sites: int) -> Series:
	"""Milliseconds a site to ask QUESTIONS with `bench --site all`, once."""
	bench = admin.bench
	words = [
		bench.python,
		"-m",
		"frappe.utils.bench_helper",
		"frappe",
		"--site",
		"all",
		"execute",
		"frappe.db.count",
	]
	began = time.monotonic()
	for doctype, filters in QUESTIONS:
		output_of([*words, "--args", repr([doctype, filters])], env=bench.environment(), cwd=bench.sites)
	return Series([(time.monotonic() - began) * 1000 / sites])


def tell(result: dict) -> list[str]:
	few, many = (result["by_sites"][str(sites)] for sites in SITES)
	return [
		f"All numbers of {many['sites']} sites: {of(many['ms_a_site'])} ms a site (budget 10), and {of(many['keep_ms_a_site'])} ms to keep"
		f" them; of {few['sites']} sites: {of(few['ms_a_site'])} ms and {of(few['keep_ms_a_site'])} ms. {len(QUESTIONS)} of some thirty numbers by"
		f" `bench --site all execute`: {few['bench_ms_a_site']['median']:.0f} ms a site, {result['ratio']:.0f} × as long (budget 200).",
		"",
		f"Memory after the first and the last reading of {many['sites']} sites: {many['memory_mb'][0]} and {many['memory_mb'][1]} MB. A tenant"
		f" takes {result['mb_a_tenant_year']:.1f} MB after a year in which each of its numbers moves all the time (budget 5).",
		"",
		"The light sites have records and folders of their own, and share the database of one real tenant.",
	]


def of(facts: dict) -> str:
	return f"{facts['median']:.2f} ({facts['min']:.2f}–{facts['max']:.2f})"
