"""What a check costs in a process that serves a site. Runs in the bench's env, in sites/.

Usage: gate.py ADMIN-SITE SITE apply small|large
       gate.py ADMIN-SITE SITE measure ROUNDS

"apply" puts an entitlement of that size into force on the site. "measure" prints JSON {name: [µs, one a round]}; insert_ratio is a ratio
and not µs. Where both sizes are measured, the name ends in the size. Sides that are compared are measured in turn, in one process.
"""

import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import frappe
from entitlement_of_size import FEATURE, GATED, SIZES, catalogue_of, token_of

from buildpro_saas.agent import site_config
from buildpro_saas.entitlements import statement
from buildpro_saas.tenant_site import entitlement

CALLS = 500  # of what takes less than a few µs, timed together
CHUNKS = 40  # of so many calls, of each side in turn
FIRSTS = 200
PAIRS = 300  # of inserts


def apply(signing_key: dict, size: str) -> None:
	"""Put an entitlement with all features but one into force on the site."""
	# the admin site may have sent its own meanwhile
	frappe.local.conf.update(site_config.read(Path(frappe.local.site_path)))
	catalogue = catalogue_of(size)
	sequence = entitlement.lowest_sequence() + 1
	entitlement.apply(token_of(signing_key, frappe.local.site, catalogue, sequence), catalogue)


def per_call(sides: dict) -> dict[str, float]:
	"""µs for one call of each side {name: (prepare, function, arguments)}; the loop is part of it.

	The sides take turns, in chunks of a fraction of a millisecond, and the median chunk counts. So other work of the machine affects all
	sides alike, and a single disturbed chunk does not count.
	"""
	taken: dict[str, list[float]] = {name: [] for name in sides}
	for _ in range(CHUNKS):
		for name, (prepare, function, arguments) in sides.items():
			prepare()
			function(*arguments)
			began = time.perf_counter()
			for _ in range(CALLS):
				function(*arguments)
			taken[name].append((time.perf_counter() - began) / CALLS * 1e6)
	return {name: statistics.median(values) for name, values in taken.items()}


def first_in_request(check) -> float:
	"""Median µs of the first check of a request, in a process that knows the statement."""
	taken = []
	for _ in range(FIRSTS):
		frappe.local.cache.clear()
		frappe.local.conf = frappe._dict(
			json.loads(json.dumps(frappe.local.conf))
		)  # each request reads its own
		began = time.perf_counter()
		check(FEATURE)
		taken.append(time.perf_counter() - began)
	return statistics.median(taken) * 1e6


def cold(check) -> float:
	"""µs of the first check of a process: file read, signature verified, catalogue hashed."""
	entitlement.forget()
	statement.forget()
	began = time.perf_counter()
	check(FEATURE)
	return (time.perf_counter() - began) * 1e6


def peers(features: list[str]) -> dict:
	"""The same question asked of others: {name: (function, arguments)}."""
	from openfeature import api
	from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

	from buildpro_saas.openfeature_provider import BuildProProvider

	flags = {key: InMemoryFlag("on", {"on": True, "off": False}) for key in features}
	api.set_provider(InMemoryProvider(flags), "memory")
	api.set_provider(BuildProProvider(), "ours")
	memory, ours = api.get_client("memory"), api.get_client("ours")
	entitled = set(features)
	return {
		"set": (entitled.__contains__, (FEATURE,)),
		"openfeature": (memory.get_boolean_value, (FEATURE, False)),
		"openfeature_details": (memory.get_boolean_details, (FEATURE, False)),
		"provider": (ours.get_boolean_value, (FEATURE, False)),
		"provider_details": (ours.get_boolean_details, (FEATURE, False)),
	}


class Inserts:
	"""Inserts one document, in turn with our app's work at each document and without it."""

	def __init__(self):
		frappe.set_user(owner())
		frappe.flags.mute_messages = True
		self.with_ours = frappe.get_doc_hooks()
		self.without = {
			doctype: {
				event: [name for name in names if not str(name).startswith("buildpro_saas.")]
				for event, names in events.items()
			}
			for doctype, events in self.with_ours.items()
		}
		self.number = 0

	def round(self) -> dict[str, float]:
		"""(µs without our part, the ratio with it to without it). The ratio uses the median of the differences within pairs."""
		more, plain = [], []
		for turn in range(PAIRS):
			# the order within a pair changes: the first one pays for both, and that must not always be the same side
			taken = {
				is_ours: self.insert(is_ours) for is_ours in ((True, False) if turn % 2 else (False, True))
			}
			more.append(taken[True] - taken[False])
			plain.append(taken[False])
		frappe.db.rollback()
		frappe.local.doc_events_hooks = self.with_ours
		usual = statistics.median(plain)
		return {"insert": usual, "insert_ratio": 1 + statistics.median(more) / usual}

	def insert(self, is_ours: bool) -> float:
		self.number += 1
		frappe.local.doc_events_hooks = self.with_ours if is_ours else self.without
		doc = frappe.get_doc({"doctype": GATED, "title": f"Benchmark {self.number}", "content": "x"})
		began = time.perf_counter()
		doc.insert()
		return (time.perf_counter() - began) * 1e6


def owner() -> str:
	"""The tenant's own System Manager."""
	users = frappe.get_all("User", {"name": ("not in", frappe.STANDARD_USERS), "enabled": 1}, pluck="name")
	return users[0]


def measure(signing_key: dict, rounds: int) -> dict[str, list[float]]:
	from buildpro_saas.feature_gating import check_feature_access, get_feature_access

	found: dict[str, list[float]] = {}
	others = peers([f"feature_{number}" for number in range(SIZES["large"][0])])
	sides = {name: (lambda: None, *asked) for name, asked in others.items()}
	inserts = Inserts()
	for _ in range(rounds):
		taken = {}
		for size in SIZES:
			apply(signing_key, size)
			taken[f"cold_{size}"] = cold(check_feature_access)
			taken[f"first_{size}"] = first_in_request(check_feature_access)
			decisions = entitlement.load_decisions()
			for name, function in (("warm", check_feature_access), ("decision", get_feature_access)):
				sides[f"{name}_{size}"] = (partial(hold, decisions), function, (FEATURE,))
		for name, value in (taken | per_call(sides) | inserts.round()).items():
			found.setdefault(name, []).append(value)
	return found


def hold(decisions) -> None:
	"""Make the state of a request that has asked before."""
	frappe.local.cache[entitlement.LOCAL_KEY] = entitlement.Held(decisions)


admin_site, site, command, argument = sys.argv[1:]
frappe.init(site=admin_site)
key = frappe.conf.buildpro_signing_key
frappe.destroy()
frappe.init(site=site)
frappe.connect()
if command == "apply":
	apply(key, argument)
else:
	print(json.dumps(measure(key, int(argument))))
frappe.destroy()
