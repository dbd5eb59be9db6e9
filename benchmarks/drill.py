"""A drill: seconds in which a backup is fetched, loaded, compared, asked and dropped, and those after which a restore would be back."""

from __future__ import annotations

import json
import time

from benchmarks.admin import Admin
from benchmarks.restore import PATIENCE, POLL, backed_up, of, post
from benchmarks.series import Series
from dev.shell import DevError, say

NAME = "drill"


def run(admin: Admin, rounds: int) -> dict:
	tenant = backed_up(admin)
	whole, back = Series(), Series()
	for turn in range(rounds):
		say(f"{turn + 1} of {rounds} …")
		whole.add(drilled(admin, tenant))
		row = admin.client.list("Tenant", [["name", "=", tenant]], "drill_status", "recover_seconds")[0]
		if row["drill_status"] != "Passed":
			raise DevError(f"The drill of {tenant} is {row['drill_status']}.")
		back.add(row["recover_seconds"])
	size = admin.client.list("Backup", [["tenant", "=", tenant], ["status", "=", "Kept"]], "size")[0]["size"]
	say(f"  {whole} s; back after {back} s")
	return {
		"size_mb": round(size, 1),
		"whole_s": whole.facts(),
		"recover_s": back.facts(),
		"seconds": round(whole.median, 2),
	}


def drilled(admin: Admin, tenant: str) -> float:
	"""Seconds of the batch that drills the tenant's newest backup. Raises DevError where it does not end well."""
	batch = post(admin, "api.sites.drill", tenants=json.dumps([tenant]))["batch"]
	end = time.monotonic() + PATIENCE
	while True:
		row = admin.client.list("Batch", [["name", "=", batch]], "status", "failed", "duration")[0]
		if row["status"] == "Completed" and not row["failed"]:
			return row["duration"]
		if row["status"] not in ("Waiting", "Running") or time.monotonic() > end:
			raise DevError(f"{batch} is {row['status']}, {row['failed']} failed.")
		time.sleep(POLL)


def tell(result: dict) -> list[str]:
	return [
		f"A backup of {result['size_mb']:.0f} MB is drilled in {of(result['whole_s'])} s: fetched from its encrypted store, loaded,"
		f" compared, asked over HTTP with a sign-in, and dropped. A restore of it would be back after {of(result['recover_s'])} s.",
	]
