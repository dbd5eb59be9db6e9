"""How soon a new tenant has its padlock; and what a change of the proxy costs where 1,000 customers' names are served.

The first is asked of real servers on loopback: knot has the DNS records, pebble issues, nginx serves. The tenant comes from a standby site.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from benchmarks.admin import PATIENCE, POLL, Admin
from benchmarks.series import Series
from dev import network, packages, unpacked
from dev.network_services import BASE_DOMAIN
from dev.shell import DevError, output_of, say
from dev.site_client import SiteClient

NAME = "domains"
SCRIPT = Path(__file__).parent / "in_bench/proxy.py"
NAMES = 1000  # as in the script
PING = "/api/method/ping"
LIVE = "Live"


def run(admin: Admin, rounds: int) -> dict:
	result = changes_of_proxy(admin, rounds)
	if admin.bench.is_ours:
		return result | padlocks(admin, rounds)
	say("Seconds to a padlock are measured on a bench of our own only: DNS and authority are its services.")
	return result


# -- from an insert to https -----------------------------------------------------------------------------------------


def padlocks(admin: Admin, rounds: int) -> dict:
	servers = network.Network(admin.bench)
	servers.start()
	try:
		servers.enter_into(admin.site, admin.client)
		admin.build_images()
		admin.fill_pool(1)
		say("The first tenant, for which the certificate of the base domain is ordered …")
		first, _steps = padlock(admin, servers)
		seconds, steps = Series(), {}
		for turn in range(rounds):
			admin.fill_pool(1)
			taken, of_steps = padlock(admin, servers)
			say(f"  {turn + 1} of {rounds}: https answers after {taken:.2f} s")
			seconds.add(taken)
			for title, duration in of_steps.items():
				steps.setdefault(title, Series()).add(duration)
	finally:
		network.pause(admin.bench)
	return {
		"insert_to_https_s": round(seconds.median, 2),
		"first_insert_to_https_s": round(first, 2),
		"insert": seconds.facts(),
		"insert_steps": {title: round(series.median, 2) for title, series in steps.items()},
	}


def padlock(admin: Admin, servers: network.Network) -> tuple[float, dict[str, float]]:
	"""Insert a tenant. Seconds to the first 200 over TLS with the authority's chain; and seconds of each step of its job."""
	subdomain = admin.new_subdomain()
	host = f"{subdomain}.{BASE_DOMAIN}"
	visitor = SiteClient(host, admin.bench.home.ports()["proxy_https"], servers.ca)
	began = time.monotonic()
	admin.ask(subdomain)
	while not _answers(visitor):
		if time.monotonic() - began > PATIENCE:
			raise DevError(f"{visitor.url} did not answer within {PATIENCE} s.")
		time.sleep(POLL)
	taken = time.monotonic() - began
	admin.wait_active([subdomain])
	job = admin.client.list("Provisioning Job", [["tenant", "=", subdomain]], "name", "way")[0]
	name = admin.client.list("Site Domain", [["host", "=", host]], "state", "is_failing", "says")[0]
	if job["way"] != "from a standby site" or name["state"] != LIVE or name["is_failing"]:
		raise DevError(f"{host} was made {job['way']}, and is {name['state']}: {name['says']}")
	steps = admin.client.find("Provisioning Job", job["name"])["steps"]
	return taken, {step["title"]: step["duration"] or 0.0 for step in steps}


def _answers(visitor: SiteClient) -> bool:
	"""Whether it answers with 200. Before, nginx has no certificate for the name, or closes the connection."""
	try:
		status, _answer = visitor.request("GET", PING, {})
	except DevError:
		return False
	return status == 200


# -- a change where many names are served ----------------------------------------------------------------------------


def changes_of_proxy(admin: Admin, rounds: int) -> dict:
	bench = admin.bench
	unpacked.ensure(bench.home, *unpacked.NETWORK)
	nginx = packages.find("nginx") or str(Path(unpacked.folders(bench.home)[0]) / "nginx")
	say(f"Publishing {NAMES} names, {rounds} changes of each kind …")
	with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
		line = [*bench.test_python(), SCRIPT, folder, nginx, str(rounds)]
		told = output_of(line, env=bench.environment(), cwd=bench.sites).strip().rpartition("\n")[2]
	return figures(json.loads(told))


def figures(found: dict) -> dict:
	"""What benchmarks.json keeps: medians, in seconds."""
	result = {"first_s": round(found.pop("first_s"), 2), "memory_mb": round(found.pop("memory_mb"), 1)}
	for name, values in found.items():
		series = Series()
		for value in values:
			series.add(value)
		result[name] = round(series.median, 3)
	return result


def tell(result: dict) -> list[str]:
	return [*tell_padlocks(result), *tell_changes(result)]


def tell_padlocks(result: dict) -> list[str]:
	if "insert_to_https_s" not in result:  # of a bench that was there before us
		return []
	insert, steps = result["insert"], result["insert_steps"]
	slowest = sorted(steps, key=steps.get, reverse=True)
	return [
		f"From the insert of a tenant to its first HTTP 200 over TLS with the authority's chain: {insert['median']:.2f} s"
		f" ({insert['min']:.2f}–{insert['max']:.2f}), from a standby site, with DNS (knot), authority (pebble) and nginx on this"
		f" machine. The first tenant of a bench, for which the base domain's certificate is ordered: {result['first_insert_to_https_s']:.2f} s."
		" By then the job's further steps may still run. Their seconds, the longest first: "
		+ ", ".join(f"{title} {steps[title]:.2f}" for title in slowest)
		+ ".",
		"",
	]


def tell_changes(result: dict) -> list[str]:
	return [
		f"With {NAMES} names of customers' own, each with its certificate, one more is served after {result['add_1000th_s']:.2f} s:"
		f" looked at, tried, reloaded and asked. A reload alone takes {result['reload_s_1000']:.2f} s, a renewed certificate"
		f" {result['renew_s']:.2f} s and no reload. A new site below the base domain answers after"
		f" {result['own_subdomain_s'] * 1000:.0f} ms, with nothing published. nginx has {result['memory_mb']:.0f} MB. The first"
		f" publishing of all took {result['first_s']:.0f} s."
	]
