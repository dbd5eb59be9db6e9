"""What a feature check costs: in the process, over HTTP beside `frappe.ping`, and at each new document; and what others cost."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path

from benchmarks.admin import Admin
from benchmarks.series import Series
from dev.shell import DevError, output_of, say
from dev.site_client import SiteClient

NAME = "gate"
SCRIPT = Path(__file__).parent / "in_bench/gate.py"
FEATURE = "feature_1"  # as in the script
PING = "/api/method/frappe.ping"
CHECK = f"/api/method/buildpro_saas.api.feature_gating.check_feature_access?feature={FEATURE}"
PAIRS = 200  # of requests, a round
# name → (what it is, its budget); of the figures µs, of the ratios none
BUDGETS = {
	"warm_us": ("`check_feature_access`, warm", 1),
	"decision_us": ("`get_feature_access`, warm", 3),
	"first_us": ("first check of a request", 150),
}
PEERS = {
	"set_us": "a look-up in a set",
	"openfeature_us": "OpenFeature's in-memory provider, value",
	"openfeature_details_us": "OpenFeature's in-memory provider, details",
	"provider_us": "our OpenFeature provider, value",
	"provider_details_us": "our OpenFeature provider, details",
	"cold_us": "first check of a process (file, signature, digest)",
}


def run(admin: Admin, rounds: int) -> dict:
	say("Making a tenant …")
	made = admin.make()
	site = f"{made.name}.localhost"
	# every ten minutes the admin site checks what its sites have, and would send its own statement in between
	admin.bench.services().stop("scheduler")
	say("Checks in a process …")
	found = {
		name: Series(values)
		for name, values in json.loads(script(admin, site, "measure", rounds * 3)).items()
	}
	say("Checks over HTTP …")
	http = {size: over_http(admin, site, size, rounds) for size in ("small", "large")}
	result = figures(found, http)
	say(f"  {json.dumps({key: value for key, value in result.items() if key != 'spread'})}")
	return result


def figures(found: dict[str, Series], http: dict[str, tuple[Series, Series]]) -> dict:
	"""What benchmarks.json keeps: the large entitlement's figures, and the ratio of the small one's to them."""
	result = {
		f"{name}_us": round(found[f"{name}_large"].median, 3)
		for name in ("warm", "decision", "first", "cold")
	}
	result |= {
		f"{name}_us": round(found[name].median, 3)
		for name in ("set", "openfeature", "openfeature_details", "provider", "provider_details")
	}
	result |= {
		"insert_ratio": round(found["insert_ratio"].median, 4),
		"insert_us": round(found["insert"].median),
		"http_ratio": requests_ratio(*http["large"]),
		"ping_ms": round(http["large"][0].median * 1000, 3),
		"check_ms": round(http["large"][1].median * 1000, 3),
	}
	growth = {
		name: found[f"{name}_large"].median / found[f"{name}_small"].median
		for name in ("warm", "decision", "first")
	}
	growth["http"] = requests_ratio(*http["small"]) / requests_ratio(*http["large"])
	result["growth"] = {name: round(value, 2) for name, value in growth.items()}
	result["spread"] = {name: series.facts() for name, series in found.items()}
	return result


def requests_ratio(ping: Series, check: Series) -> float:
	"""How many checks are answered in the time of one ping."""
	return round(ping.median / check.median, 3)


def script(admin: Admin, site: str, command: str, argument: object) -> str:
	bench = admin.bench
	line = [*bench.test_python(), SCRIPT, admin.site.name, site, command, str(argument)]
	return output_of(line, env=bench.environment(), cwd=bench.sites).strip().rpartition("\n")[2]


def over_http(admin: Admin, site: str, size: str, rounds: int) -> tuple[Series, Series]:
	"""Seconds of a ping and of a check, taken in turn on one server in one session: medians of each round."""
	script(admin, site, "apply", size)
	owner = SiteClient(site, admin.port)
	if not owner.login(f"owner@{site.split('.')[0]}.example", admin.bench.home.secret("owner_password")):
		raise DevError(f"{owner.url} refuses the owner's password.")
	ping, check = Series(), Series()
	for _ in range(rounds):
		taken: dict[str, Series] = {PING: Series(), CHECK: Series()}
		for turn in range(PAIRS):
			for path in (PING, CHECK) if turn % 2 else (CHECK, PING):
				taken[path].add(timed(owner, path))
		ping.add(taken[PING].median)
		check.add(taken[CHECK].median)
	return ping, check


def timed(client: SiteClient, path: str) -> float:
	"""Seconds from connecting to the whole answer. Raises DevError when it is no success."""
	headers = {
		"Host": f"{client.site}:{client.port}",
		"Accept": "application/json",
		"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items()),
	}
	began = time.perf_counter()
	connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
	try:
		connection.request("GET", path, headers=headers)
		answer = connection.getresponse()
		answer.read()
	finally:
		connection.close()
	seconds = time.perf_counter() - began
	if answer.status != 200:
		raise DevError(f"GET {path} answered HTTP {answer.status}.")
	return seconds


def tell(result: dict) -> list[str]:
	lines = [
		"An entitlement with 500 features and 50 limits; µs, median (least–most) of the rounds; in brackets what it is of the same figure with"
		" 10 features and 5 limits.",
		"",
		"| | µs | budget |",
		"| --- | --- | --- |",
	]
	for name, (told, budget) in BUDGETS.items():
		short = name.removesuffix("_us")
		growth = result["growth"][short]
		lines.append(f"| {told} | {_spread(result, f'{short}_large')} [× {growth:.2f}] | {budget} |")
	for name, told in PEERS.items():
		short = name.removesuffix("_us")
		lines.append(f"| {told} | {_spread(result, 'cold_large' if short == 'cold' else short)} | |")
	lines += [
		"",
		f"Over HTTP, signed in: `frappe.ping` {result['ping_ms']:.2f} ms, `check_feature_access` {result['check_ms']:.2f} ms, so"
		f" {result['http_ratio']:.2f} × the requests a second (budget 0.9) [× {result['growth']['http']:.2f}].",
		"",
		f"Inserting a gated document takes {result['insert_ratio']:.3f} × of the {result['insert_us'] / 1000:.2f} ms that it takes without our"
		" gates (budget 1.02).",
	]
	return lines


def _spread(result: dict, name: str) -> str:
	facts = result["spread"][name]
	return f"{facts['median']:.2f} ({facts['min']:.2f}–{facts['max']:.2f})"
