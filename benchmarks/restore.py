"""Restoring a tenant's site from one of its backups, sign-in and swap included, against `bench restore` of the same backup."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.series import Series
from dev.shell import DevError, say
from dev.sites import drop_site

NAME = "restore"
PASSWORD = "benchmark-Pw1"  # of a site that lives for minutes on a loopback port
BUDGET_RATIO, BUDGET_UNREACHABLE = 0.5, 1.0
POLL = 0.05
PATIENCE = 1800  # seconds for one job


def run(admin: Admin, rounds: int) -> dict:
	tenant = backed_up(admin)
	of_bench, ours, unreachable = Series(), Series(), Series()
	site = f"restored{admin.bench.site_suffix()}.localhost"
	with tempfile.TemporaryDirectory(prefix="exported-", dir=admin.bench.path) as folder:
		admin.command("backup-export", tenant, "--to", folder)
		root = ("--db-root-password", admin.bench.db_root_password())
		admin.bench.secret_command(
			"new-site", site, *root, "--admin-password", PASSWORD, "--no-mariadb-socket"
		)
		try:
			for turn in range(rounds):
				say(f"{turn + 1} of {rounds} …")
				of_bench.add(by_bench(admin, site, Path(folder), root))
				seconds, away = by_us(admin, tenant)
				ours.add(seconds)
				unreachable.add(away)
		finally:
			drop_site(admin.bench, site)
	result = {
		"bench_s": of_bench.facts(),
		"ours_s": ours.facts(),
		"unreachable": unreachable.facts(),
		"time_ratio": round(ours.median / of_bench.median, 3),
		"unreachable_s": round(max(unreachable.values), 3),
	}
	say(f"  bench {of_bench} s, ours {ours} s; {result['time_ratio']} of the time, away for {unreachable} s")
	return result


def backed_up(admin: Admin) -> str:
	"""A new tenant with a backup; returns its name."""
	say("Making a tenant, and backing it up …")
	tenant = admin.make().name
	admin.command("recovery-key")
	made = post(admin, "api.tenants.back_up", tenant=tenant)
	wait_job(admin, made["job"])
	return tenant


def by_bench(admin: Admin, site: str, folder: Path, root: tuple[str, ...]) -> float:
	"""Seconds of `bench restore` of the exported files, database and both archives."""
	(dump,) = folder.glob("*-database.sql.gz")
	(private,) = folder.glob("*-private-files.tar")
	(public,) = set(folder.glob("*-files.tar")) - {private}
	files = ("--with-public-files", str(public), "--with-private-files", str(private))
	began = time.monotonic()
	admin.bench.secret_command("--site", site, "restore", str(dump), *files, *root, "--force")
	return time.monotonic() - began


def by_us(admin: Admin, tenant: str) -> tuple[float, float]:
	"""Seconds from the request to the job's end, and those in which the site was not to be reached."""
	filters = [["tenant", "=", tenant], ["status", "=", "Kept"]]
	backup = admin.client.list("Backup", filters, "name")[0]["name"]
	began = time.monotonic()
	made = post(admin, "api.tenants.restore", tenant=tenant, backup=backup, confirm=tenant)
	wait_job(admin, made["job"])
	seconds = time.monotonic() - began
	shadow = admin.client.list("Site Shadow", [["name", "=", made["shadow"]]], "unreachable")[0]
	admin.command("drop-shadow", made["shadow"])
	return seconds, shadow["unreachable"]


def post(admin: Admin, method: str, **arguments: str) -> dict:
	return admin.client.post(f"/api/method/buildpro_saas.{method}", **arguments)["message"]


def wait_job(admin: Admin, job: str) -> None:
	"""Return when the job is Completed. Raises DevError, with the reason, for any other end."""
	end = time.monotonic() + PATIENCE
	while True:
		row = admin.client.list("Provisioning Job", [["name", "=", job]], "status", "error")[0]
		if row["status"] == "Completed":
			return
		if row["status"] in ("Failed", "Cancelled") or time.monotonic() > end:
			raise DevError(f"{job} is {row['status']}: {row['error']}")
		time.sleep(POLL)


def tell(result: dict) -> list[str]:
	bench, ours = result["bench_s"], result["ours_s"]
	return [
		f"`bench restore` of the exported files takes {of(bench)} s, and is then a site that nobody has asked. `saas restore --backup`"
		f" takes {of(ours)} s, from the encrypted store to the swap, with comparison and sign-in: {result['time_ratio']:.2f} of the time"
		f" (budget {BUDGET_RATIO}). The site is not to be reached for {result['unreachable_s']:.2f} s at most"
		f" (budget {BUDGET_UNREACHABLE:.0f}).",
	]


def of(facts: dict) -> str:
	return f"{facts['median']:.2f} ({facts['min']:.2f}–{facts['max']:.2f})"
