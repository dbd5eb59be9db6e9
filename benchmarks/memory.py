"""How much memory a web worker takes that has served 2,000 tenants' sites, each with an entitlement to 500 features."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.admin import Admin
from dev.shell import output_of, say

NAME = "memory"
SCRIPT = Path(__file__).parent / "in_bench/memory.py"
SITES = 2000  # as in the script
BUDGET = 300  # MB


def run(admin: Admin, _rounds: int) -> dict:
	say("Making a tenant …")
	site = f"{admin.make().name}.localhost"
	# the admin site would check what its tenant has, and send its own statement in between
	admin.bench.services().stop("scheduler")
	say(f"Serving {SITES} sites, twice …")
	bench = admin.bench
	with tempfile.TemporaryDirectory(prefix="memory-", dir=bench.path) as folder:
		line = [*bench.test_python(), SCRIPT, admin.site.name, site, folder]
		told = output_of(line, env=bench.environment(), cwd=bench.sites).strip().rpartition("\n")[2]
	return figures(json.loads(told))


def figures(found: dict) -> dict:
	"""What benchmarks.json keeps."""
	most = max(found["once"], found["twice"])
	return {
		"mb_2000_sites": round(most, 1),
		"mb_begin": round(found["begin"], 1),
		"kb_a_site": round((most - found["begin"]) * 1000 / SITES, 1),
		"ms_a_request": [round(seconds * 1000, 2) for seconds in found["seconds"]],
	}


def tell(result: dict) -> list[str]:
	first, again = result["ms_a_request"]
	return [
		f"A web worker has {result['mb_begin']:.0f} MB when it has served one site, and {result['mb_2000_sites']:.0f} MB when it has"
		f" served {SITES} (budget {BUDGET}): {result['kb_a_site']:.0f} KB a site, with 500 features each. A request that inserts a gated"
		f" document takes {first:.1f} ms as a site is met first, and {again:.1f} ms in the next round."
	]
