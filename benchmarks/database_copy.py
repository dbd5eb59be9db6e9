"""Our copy of an image's database against a plain one: `CREATE TABLE … LIKE` and `INSERT … SELECT` over one connection."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.series import Series
from dev.shell import output_of, say

NAME = "database_copy"
SCRIPT = Path(__file__).parent / "in_bench/copy_database.py"


def run(admin: Admin, rounds: int) -> dict:
	admin.build_images()
	filters = [["status", "=", "Ready"]]
	image = admin.client.list("Site Image", filters, "name", "kind")[0]
	say(f"Copying the database of {image['name']} ({image['kind']}) {rounds} times in each way …")
	bench = admin.bench
	command = [bench.python, SCRIPT, admin.site.name, image["name"], str(rounds)]
	answer = json.loads(output_of(command, env=bench.environment(), cwd=bench.sites).splitlines()[-1])
	plain, ours = Series(answer["plain"]), Series(answer["ours"])
	say(f"  plain {plain} s, ours {ours} s")
	return {
		"plain": plain.facts(),
		"ours": ours.facts(),
		"tables": answer["tables"],
		"size": answer["size"],
		"copy_ratio": round(ours.median / plain.median, 3),
	}


def tell(result: dict) -> list[str]:
	return [
		f"{result['tables']} tables, {result['size']} MB: plain {result['plain']['median']:.2f} s"
		f" ({result['plain']['min']:.2f}–{result['plain']['max']:.2f}), ours {result['ours']['median']:.2f} s"
		f" ({result['ours']['min']:.2f}–{result['ours']['max']:.2f}): {result['copy_ratio']:.2f} of the plain copy's time.",
	]
