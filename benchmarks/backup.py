"""Our backup of a site against `bench backup --with-files`, and restic's store against borg's, over thirty days of a tenant at work."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.series import Series
from dev.packages import BORG, ensure
from dev.service_list import frappe_command
from dev.shell import output_of, say

NAME = "backup"
SCRIPT = Path(__file__).parent / "in_bench/backup_stores.py"
BUDGET_TIME, BUDGET_SHARE = 0.7, 0.05
SIDES = {
	"frappe": "`bench backup --with-files`",
	"ours": "ours (restic)",
	"borg": "the same streams into borg",
}


def run(admin: Admin, rounds: int) -> dict:
	"""SIDES in the environment: some of them alone, such as `ours`, where only their sizes are asked for."""
	wanted = os.environ.get("SIDES") or ",".join(SIDES)
	if "borg" in wanted:
		ensure(*BORG)
	say("Making a tenant …")
	site = f"{admin.make().name}.localhost"
	say(f"Backing it up {rounds} times in each way, then over thirty days …")
	bench = admin.bench
	with tempfile.TemporaryDirectory(prefix="backups-", dir=bench.path) as folder:
		command = [
			bench.python,
			SCRIPT,
			admin.site.name,
			site,
			folder,
			str(rounds),
			*frappe_command(bench.path),
		]
		environment = bench.environment(SIDES=wanted)
		told = output_of(command, env=environment, cwd=bench.sites).strip().rpartition("\n")[2]
	return figures(json.loads(told))


def figures(found: dict) -> dict:
	"""What benchmarks.json keeps. Sizes in MB."""
	sides = {}
	for side, told in found["sides"].items():
		first, thirtieth = told["added"][0], told["added"][-1]
		sides[side] = {
			"first_s": round(told["first_s"], 2),
			"seconds": Series(told["seconds"]).facts(),
			"read_back_s": Series(told["read_back"]).facts(),
			"first_mb": round(first / 10**6, 2),
			"thirtieth_mb": round(thirtieth / 10**6, 3),
			"all_mb": round(told["all"] / 10**6, 1),
		}
	has_both = {"ours", "frappe"} <= found["sides"].keys()
	ours, frappe = (
		Series(found["sides"][side]["seconds"]) if has_both else None for side in ("ours", "frappe")
	)
	return {
		"sides": sides,
		"tables": found["tables"],
		"dump_mb": round(found["dump"] / 10**6, 1),
		"files_mb": round(found["files"] / 10**6, 1),
		"time_ratio": round(ours.median / frappe.median, 3) if has_both else None,
		"thirtieth_share": round(sides["ours"]["thirtieth_mb"] / sides["ours"]["first_mb"], 4),
	}


def tell(result: dict) -> list[str]:
	lines = [
		f"A site with {result['tables']} tables, {result['dump_mb']:.0f} MB of SQL and {result['files_mb']:.0f} MB of files; then"
		" thirty days, on each of which some 120 records and two files come, and 50 records change. Seconds, median (least–most);"
		" MB on the disk.",
		"",
		"| | the first | a later one | read back | the first | the 30th adds | all 30 |",
		"| --- | --- | --- | --- | --- | --- | --- |",
	]
	for side, told in result["sides"].items():
		seconds, back = (
			f"{of['median']:.2f} ({of['min']:.2f}–{of['max']:.2f})"
			for of in (told["seconds"], told["read_back_s"])
		)
		sizes = f"{told['first_mb']:.1f} | {told['thirtieth_mb']:.2f} | {told['all_mb']:.0f}"
		lines.append(f"| {SIDES[side]} | {told['first_s']:.2f} | {seconds} | {back} | {sizes} |")
	ratio = result["time_ratio"]
	spent = f"Ours takes {ratio or 0:.2f} of the time (budget {BUDGET_TIME}), manifest and reading again included. "
	return [
		*lines,
		"",
		(spent if ratio else "")
		+ f"The 30th daily one adds {result['thirtieth_share']:.1%} of the first one's size (budget {BUDGET_SHARE:.0%}).",
	]
