"""Which databases a tenant's site has had: events of one that is not the site's any more say nothing of the site."""

import json

import frappe

from buildpro_saas.fleet.moments import Life

KEPT = 100  # swaps that are remembered


def note_end(tenant: str, database: str, at: float) -> None:
	"""Note that until then (seconds since the epoch) the tenant's site had that database. The caller commits."""
	ended = [*_ended(tenant), [database, at]][-KEPT:]
	frappe.db.set_value("Tenant", tenant, "database_history", json.dumps(ended), update_modified=False)


def lives(tenant: str) -> list[Life]:
	"""The times in which the tenant's site had one database each, one after the other, up to that of today."""
	now = Life(frappe.db.get_value("Tenant", tenant, "database") or "")
	return [*(Life(database, until) for database, until in _ended(tenant)), now]


def _ended(tenant: str) -> list[list]:
	return json.loads(frappe.db.get_value("Tenant", tenant, "database_history") or "[]")
