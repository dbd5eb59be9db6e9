"""Brings what the records say into a bench's proxy: one reload for a burst of changes, however many ask for it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import frappe

from buildpro_saas import site_role
from buildpro_saas.agent.errors import TransientError
from buildpro_saas.domains import proxy_spec, records
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import is_reached
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.jobs.named_locks import named_lock
from buildpro_saas.tenant_status import WITH_SITE

PLAYBOOK = "publish_proxy"
LOCK, WAIT = "proxy", 60  # seconds for whoever publishes at the moment
TIMEOUT = 300
NOT_BEGUN = ("Waiting", "Queued")
Ask = Callable[..., Any]


def publish(bench: str, ask: Ask):
	"""Publish what the records of the Bench say by now; returns what came of it (agent.proxy_facts.Published).

	ask: runs an operation on that bench, as Context.run does. Whoever waited for another one's publishing mostly finds that it brought his
	change along: then nothing is written and nothing reloaded. Raises TransientError where somebody else takes too long.
	"""
	with named_lock(LOCK, bench, wait=WAIT) as is_ours:
		if not is_ours:
			raise TransientError(f"The proxy of {bench} is being published by somebody else.")
		spec = proxy_spec.of_bench(frappe.get_doc("Bench", bench))
		published = ask("publish_proxy", TIMEOUT, spec=asdict(spec))
		_note_set_aside(bench, published.set_aside)
		frappe.db.commit()
	return published


def waits_for_looks(bench: str) -> bool:
	"""Whether names that the proxy of the Bench would serve have not been looked at since the records came from a backup.

	By now such a name may be another tenant's. Until that is known the proxy serves what it does.
	"""
	of = {
		"bench": bench,
		"state": ("in", proxy_spec.SERVED),
		"kind": records.CUSTOMERS,
		"checked_at": ("is", "not set"),
	}
	tenants = frappe.get_all(records.DOMAIN, of, pluck="tenant")
	return bool(tenants) and bool(
		frappe.db.exists("Tenant", {"name": ("in", tenants), "status": ("in", WITH_SITE)})
	)


def _note_set_aside(bench: str, set_aside: dict[str, str]) -> None:
	"""Note what does not answer, or cannot be served, with the reason: a Site Domain is failing, and nobody is sent there."""
	for host, sentence in set_aside.items():
		row = records.held(host)
		if row and row.bench == bench and not row.is_failing:  # of one that fails already its own looks go on
			records.change(
				row.name, is_failing=1, says=sentence[:500], next_check=frappe.utils.now_datetime()
			)


def want(bench: str | None) -> None:
	"""Have the Bench's proxy published once this transaction commits, where it is ours and nobody is about to do it anyway."""
	if not records.is_managed(bench) or not is_reached(bench):
		return
	waiting = {
		"playbook": PLAYBOOK,
		"bench": bench,
		"status": ("in", NOT_BEGUN),
		"run_after": ("is", "not set"),
	}
	job = frappe.db.get_value("Provisioning Job", waiting)
	# its row is held until this transaction commits: so it does not begin before, and publishes what is changed here, too
	if not job or frappe.db.get_value("Provisioning Job", job, "status", for_update=True) not in NOT_BEGUN:
		lifecycle.start(PLAYBOOK, tenant=None, bench=bench, about=bench)


def want_all() -> None:
	"""The same for all Benches: what their proxies are made of has changed."""
	for bench in records.managed_benches():
		want(bench)


def publish_all() -> None:
	"""Each hour, on the admin site: bring every proxy to what the records say. It writes and reloads only where something differs."""
	if not site_role.is_admin_site():
		return
	for bench in records.managed_benches():
		of = {"playbook": PLAYBOOK, "bench": bench, "status": ("in", UNFINISHED)}
		if not frappe.db.exists("Provisioning Job", of):
			lifecycle.shielded(_start, bench)


def _start(bench: str) -> None:
	lifecycle.start(PLAYBOOK, tenant=None, bench=bench, about=bench)
	frappe.db.commit()
