"""What it costs to send a new entitlement to a thousand tenants, and how soon one customer's own change is on its site meanwhile."""

from __future__ import annotations

import json
import time
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.series import Series
from benchmarks.worker_memory import WorkerMemory
from dev.shell import DevError, output_of, say
from dev.site_client import SiteClient, message_of

NAME = "deliveries"
SCRIPT = Path(__file__).parent / "in_bench/light_tenants.py"
TENANTS = 1000
ENTERED = 30
FEATURE = "bim"  # which the tenant's plan has not
PLAN = "Core"
CHECK = "/api/method/buildpro_saas.api.feature_gating.check_feature_access"
PATIENCE = 600  # seconds for one batch
POLL = 0.02


def run(admin: Admin, rounds: int) -> dict:
	say("Making a tenant, and a thousand light ones …")
	made = admin.make(plan=PLAN)
	# every ten minutes the admin site checks what its sites have, and would send its own statements in between
	admin.bench.services().stop("scheduler")
	script(admin, made.name, "make", TENANTS)
	try:
		return measure(admin, made.name, rounds)
	finally:
		script(admin, made.name, "remove")


def measure(admin: Admin, tenant: str, rounds: int) -> dict:
	owner = SiteClient(f"{tenant}.localhost", admin.port)
	if not owner.login(f"owner@{tenant}.example", admin.bench.home.secret("owner_password")):
		raise DevError(f"{owner.url} refuses the owner's password.")
	wait_for(admin, script(admin, tenant, "send"))  # the first one makes each tenant's token, too
	seconds, behind = Series(), Series()
	with WorkerMemory(admin.bench.services(), "worker") as memory:
		for turn in range(rounds):
			say(f"To {TENANTS} tenants, {turn + 1} of {rounds} …")
			batch = wait_for(admin, script(admin, tenant, "send"))
			seconds.add(batch["duration"])
		for turn in range(rounds):
			behind.add(change_behind_many(admin, owner, tenant, has=turn % 2 == 0))
	say("By entering each site …")
	entered = Series(json.loads(script(admin, tenant, "enter", ENTERED)))
	ms = Series([value * 1000 / TENANTS for value in seconds.values])
	result = {
		"tenants": TENANTS,
		"seconds_for_1000": round(seconds.median, 2),
		"ms_a_tenant": round(ms.median, 2),
		"first_behind_1000_s": round(behind.median, 2),
		"entered_ms": round(entered.median, 1),
		"ratio": round(entered.median / ms.median, 1),
		"worker_mb": round(memory.peaks["worker"]),
		"spread": {"ms": ms.facts(), "behind": behind.facts(), "entered": entered.facts()},
	}
	say(f"  {json.dumps({key: value for key, value in result.items() if key != 'spread'})}")
	return result


def change_behind_many(admin: Admin, owner: SiteClient, tenant: str, *, has: bool) -> float:
	"""Seconds from the change of one tenant until its own site answers by it, while a thousand others are being sent theirs."""
	batch = script(admin, tenant, "send")
	while not progress(admin, batch)["counts"]["Completed"]:
		time.sleep(POLL)
	overrides = [{"feature": FEATURE, "reason": "measured"}] if has else []
	change = {"data": json.dumps({"overrides": overrides})}
	status, answer = admin.client.request("PUT", f"/api/resource/Tenant/{tenant}", change)
	if status != 200:
		raise DevError(f"{tenant} was not changed: HTTP {status}, {message_of(answer)}")
	began = time.monotonic()
	while owner.get(CHECK, feature=FEATURE)["message"]["allowed"] is not has:
		if time.monotonic() - began > PATIENCE:
			raise DevError(f"{owner.url} did not get what its tenant was given.")
		time.sleep(POLL)
	taken = time.monotonic() - began
	left = TENANTS - progress(admin, batch)["counts"]["Completed"]
	if not left:
		raise DevError("All tenants were told before the one: nothing was measured. Take more of them.")
	say(f"  in force after {taken:.2f} s, {left} still to be told")
	wait_for(admin, batch)
	return taken


def progress(admin: Admin, batch: str) -> dict:
	return admin.client.get("/api/method/buildpro_saas.api.batches.status", batch=batch)["message"]


def wait_for(admin: Admin, batch: str) -> dict:
	"""The batch's facts once it has ended. Raises DevError where it went wrong with anybody."""
	end = time.monotonic() + PATIENCE
	while (found := progress(admin, batch))["status"] != "Completed":
		if time.monotonic() > end or found["counts"]["Failed"]:
			raise DevError(f"{batch} is {found['status']}: {found['failed'][:3]}")
		time.sleep(0.2)
	return admin.client.list("Batch", [["name", "=", batch]], "duration", "failed", "completed")[0]


def script(admin: Admin, tenant: str, command: str, *arguments: object) -> str:
	bench = admin.bench
	line = [*bench.test_python(), SCRIPT, admin.site.name, tenant, command, *map(str, arguments)]
	return output_of(line, env=bench.environment(), cwd=bench.sites).strip().rpartition("\n")[2]


def tell(result: dict) -> list[str]:
	spread = result["spread"]
	return [
		f"A new entitlement for {result['tenants']} tenants on one worker: {result['seconds_for_1000']:.1f} s (budget 15),"
		f" {of(spread['ms'])} ms a tenant (budget 15). By entering each site, as a statement that shows another plan still needs:"
		f" {of(spread['entered'])} ms, {result['ratio']:.1f} × as long. The worker's largest process: {result['worker_mb']} MB (budget 200).",
		"",
		f"One tenant's own change while the thousand are being told: on its site {of(spread['behind'])} s after the commit (budget 2).",
		"",
		"The thousand have records and folders of their own; their sites share the database of one real tenant.",
	]


def of(facts: dict) -> str:
	return f"{facts['median']:.2f} ({facts['min']:.2f}–{facts['max']:.2f})"
