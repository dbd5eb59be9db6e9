"""What the checks look at, gathered once for all of them: of each bench, through its door, and of the admin site's own records.

The result is plain data. Its parts are told where they are made: bench_parts.parts, SiteAnswer, record_facts.gather.
"""

import time
from dataclasses import asdict

import frappe

from buildpro_saas.agent import errors
from buildpro_saas.agent.door import Door
from buildpro_saas.agent.facts import HELD, MAINTENANCE, PAUSED
from buildpro_saas.domains import records, seeing
from buildpro_saas.fleet import bench_security, site_state
from buildpro_saas.fleet.benches import GB
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.monitoring import bench_parts, excuses, outlook, record_facts
from buildpro_saas.monitoring.checks.check import ANSWERS, MACHINE

ASKING = 25.0  # seconds for all sites of all benches together
RESTARTS = "Its machine has just restarted in its window."


def gather(*, with_security: bool = False) -> dict:
	"""{"site", "benches": {bench: …}, "tenants": {tenant: …}, "security", …}. with_security: that takes some seconds for each bench.

	Who is engaged is read before and after the benches are looked at: our jobs begin and end meanwhile. Rolls back what
	the caller has not committed.
	"""
	facts = record_facts.gather()
	until = time.monotonic() + ASKING
	facts["benches"] = {row.name: _bench(row, facts["tenants"], until) for row in record_facts.benches()}
	facts["security"] = {name: _security(name) for name in facts["benches"]} if with_security else None
	frappe.db.rollback()  # a fresh snapshot; nothing was written
	for name, why in record_facts.engaged().items():
		if name in facts["tenants"]:
			facts["tenants"][name]["engaged"] = facts["tenants"][name]["engaged"] or why
	for name, why in record_facts.benches_at_work().items():
		if name in facts["benches"]:
			facts["benches"][name]["quiet"] = facts["benches"][name].get("quiet") or why
	return facts


def _bench(row, tenants: dict, until: float) -> dict:
	"""All that is asked of one bench; {"missed", "advice"} where it does not answer at all."""
	of_bench = {name: tenant for name, tenant in tenants.items() if tenant["bench"] == row.name}
	try:
		door, sites = door_of(row.name), [tenant["site"] for tenant in of_bench.values() if tenant["site"]]
		began = time.time()
		told = door.do("read_metrics", only=sites)
		least = (row.min_free_disk_gb or 0) * GB
		found = bench_parts.parts(told, least=least, full_in=outlook.full_in_days(row.name))
		if "at" in found[MACHINE]:
			# it looked at some moment in between
			found[MACHINE]["clock"] = _beside(told["at"], began, time.time())
		_states(door, of_bench)
		return {**found, **_answers(door, row, sites, until), "quiet": _quiet(door, row.name, found[MACHINE])}
	except Exception as error:  # whatever it is, nothing is known of this bench, and the others are looked at
		frappe.logger("buildpro_saas").warning(f"The bench {row.name} was not looked at", exc_info=True)
		return {"missed": errors.sentence(error), "advice": getattr(error, "hint", "")}


def _beside(moment: float, first: float, last: float) -> float:
	"""How far a moment is outside of a span of time; 0 within."""
	return moment - first if moment < first else max(moment - last, 0.0)


def _quiet(door: Door, bench: str, machine: dict) -> str:
	"""Why nothing is to be said of the bench now, as a sentence; "" for no reason."""
	at_work = record_facts.benches_at_work().get(bench, "")
	if at_work or "at" not in machine or machine["at"] - machine["booted_at"] > excuses.AFTER_START:
		return at_work
	windows = door.do("last_restart_windows")
	return RESTARTS if excuses.is_restarting(machine["at"], machine["booted_at"], windows) else ""


def _states(door: Door, tenants: dict) -> None:
	"""Whether the sites are closed or their schedulers paused, and by whom."""
	for tenant in tenants.values():
		try:
			config = door.site(tenant["site"]).config
		except Exception as error:  # a damaged site_config.json: its answer says so
			frappe.logger("buildpro_saas").info(f"{tenant['site']}: {error}")
			continue
		is_closed = site_state.is_closed(config)
		tenant["closed"] = " ".join(site_state.of(config)) if is_closed else ""
		tenant["closed_by_us"] = bool(is_closed and (config.get(MAINTENANCE) or config.get(HELD)))
		tenant["paused"] = bool(config.get("pause_scheduler") or config.get(PAUSED) or is_closed)


def _answers(door: Door, row, sites: list[str], until: float) -> dict:
	"""{"answers": {site: SiteAnswer}, "proxied": the same through its proxy}, as plain data."""
	found = {ANSWERS: _ask(door, row, sites, until, port=row.web_port or 8000), "proxied": {}}
	if records.is_managed(row.name):
		live = {"bench": row.name, "kind": records.OWN, "state": records.LIVE, "host": ("in", sites)}
		hosts = frappe.get_all(records.DOMAIN, live, pluck="host")
		how = {"port": row.https_port or 443, "is_tls": True, "address": seeing.listens_at()}
		ca_file = frappe.conf.get(seeing.ISSUER_FILE) or ""
		found["proxied"] = _ask(door, row, hosts, until, ca_file=ca_file, **how)
	return found


def _ask(door: Door, row, sites: list[str], until: float, **how) -> dict:
	left = max(until - time.monotonic(), 0.2)
	answers = door.run(
		"ask_sites",
		id=f"health/{row.name}/{time.time()}",
		timeout=left + 10,
		log=frappe.logger("buildpro_saas").info,
		checkpoint=lambda: None,
		sites=sites,
		within=left,
		**how,
	)
	return {site: asdict(answer) for site, answer in answers.items()}


def _security(bench: str) -> list[str]:
	"""Sentences of what is wrong with a bench's security."""
	try:
		return [
			check.sentence for check in bench_security.checks(bench) if check.state == bench_security.FOUND
		]
	except Exception as error:
		frappe.logger("buildpro_saas").warning(f"The security of {bench} was not looked at", exc_info=True)
		return [f"It could not be looked at: {errors.sentence(error)}"]
