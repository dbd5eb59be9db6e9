"""How long a tenant takes from scratch, beside the same work with the bench's own commands, both in one run.

Run it after `make demo` or `make bench`:  python3 benchmarks/create_tenant.py [ROUNDS]   (default 3; about a minute each)
Prints the median of each side in seconds and their ratio (below 1: ours is faster).
"""

import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dev.bench import PrivateBench
from dev.home import Home
from dev.sites import AdminSite, drop_site

ADMIN = "admin-benchmark.localhost"
APPS = ("buildpro_saas", "construction_demo")
PLAN = "Core"


def by_hand(bench: PrivateBench, name: str) -> float:
	"""`bench new-site` and `bench install-app` for each app; seconds."""
	site = f"{name}.localhost"
	began = time.monotonic()
	root = ("--db-root-password", bench.db_root_password())
	bench.secret_command("new-site", site, *root, "--admin-password", "x", "--no-mariadb-socket")
	for app in APPS:
		bench.command("--site", site, "install-app", app)
	seconds = time.monotonic() - began
	drop_site(bench, site)
	return seconds


def by_job(admin: AdminSite, name: str) -> float:
	"""`saas create-tenant --wait`: the site, its configuration, owner, company, and an HTTP 200; seconds."""
	began = time.monotonic()
	answer = admin.command(
		*("saas", "create-tenant", "--wait", "--json", "--subdomain", name, "--company", "Benchmark Ltd"),
		*("--owner-name", "Bea", "--email", f"bea@{name}.example", "--plan", PLAN, "--country", "Germany"),
	)
	seconds = time.monotonic() - began
	status = json.loads(answer.strip().splitlines()[-1])["status"]
	if status not in ("Active", "Completed"):
		raise SystemExit(f"The tenant {name} is {status}.")
	drop_site(admin.bench, f"{name}.localhost")
	return seconds


def main() -> None:
	rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
	bench = PrivateBench(Home())
	bench.build()
	bench.start()
	admin = AdminSite(bench, ADMIN)
	admin.make()
	try:
		admin.command("saas", "set-plan-apps", PLAN, *APPS[1:])
		run = time.strftime("%H%M%S")
		pairs = [(by_hand(bench, f"h{run}{n}"), by_job(admin, f"j{run}{n}")) for n in range(rounds)]
	finally:
		admin.drop()
	hand, job = (statistics.median(side) for side in zip(*pairs, strict=True))
	print(f"bench commands {hand:.1f} s, create-tenant {job:.1f} s, ratio {job / hand:.2f} ({rounds} rounds)")


if __name__ == "__main__":
	main()
