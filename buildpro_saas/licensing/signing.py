"""Signs tenants' entitlements, and knows whether the newest one still says what is so."""

import hashlib
import json
import time
from collections.abc import Iterable

import frappe
from frappe.utils import add_to_date, get_datetime, now_datetime

from buildpro_saas import tenant_status
from buildpro_saas.entitlements import statement
from buildpro_saas.entitlements.clock import is_renewal_due
from buildpro_saas.entitlements.decision import Decisions
from buildpro_saas.entitlements.statement import DAY
from buildpro_saas.licensing import signing_keys
from buildpro_saas.licensing.catalogue import catalogue_for_tenants
from buildpro_saas.licensing.sources import Sources

# How far ahead of the time (seconds) a site's number may be to be believed. No clock leaps so far; a broken site may make up a
# higher number.
FURTHEST = 10 * 366 * DAY


def statement_data(tenant, sources: Sources | None = None) -> dict:
	"""What a statement for the tenant (document) says now, as entitlements.statement.issue takes it. sources: given where already read."""
	sources = sources or Sources()
	return {
		"tenant": tenant.name,
		"site": tenant.site_name,
		"layers": sources.offer.layers(tenant),
		"contact": sources.contact,
		"status": tenant_status.IN_STATEMENT.get(tenant.status),
	}


def sign(tenant, above: int = 0, sources: Sources | None = None) -> dict:
	"""A new statement for the tenant (document): {"token": JWT, "catalogue": as entitlements/catalogue.py has it}.

	Its sequence number is higher than that of every earlier statement, also after this admin site was restored from a backup: numbers
	begin at the time in seconds. above: the highest number that the site has had, where known; it may be ahead of the time where a clock
	was. sources: given where they were read for many tenants.

	What the statement says is noted on the tenant as a digest, with the date of renewal. Raises frappe.ValidationError where this site
	has no signing key.
	"""
	sources = sources or Sources()
	says, key, next_keys = _content(tenant, sources)
	last = tenant.entitlement_sequence
	if not tenant.flags.is_held:
		last = frappe.db.get_value("Tenant", tenant.name, "entitlement_sequence", for_update=True)
	now = int(time.time())
	sequence = max(int(last or 0) + 1, now, above + 1 if above < now + FURTHEST else 0)
	token = statement.issue(
		key,
		says["data"],
		valid_days=sources.valid_days,
		grace_days=sources.grace_days,
		sequence=sequence,
		catalogue_digest=says["catalogue"],
		next_keys=next_keys,
		keys=says["keys"],
	)
	half = sources.valid_days * DAY / 2
	values = {
		"entitlement_sequence": sequence,
		"entitlement_digest": _digest(says),
		"entitlement_renew_at": add_to_date(now_datetime(), seconds=half),
	}
	tenant.update(values)
	frappe.db.set_value("Tenant", tenant.name, values, update_modified=False)
	return {"token": token, "catalogue": sources.catalogue}


def is_current(tenant, sources: Sources | None = None) -> bool:
	"""Whether the tenant's (document) newest statement says what one made now would, and half of its time is not over."""
	sources = sources or Sources()
	renew_at = tenant.entitlement_renew_at and get_datetime(tenant.entitlement_renew_at)
	if not tenant.entitlement_digest or is_renewal_due(renew_at or None, now_datetime(), sources.valid_days):
		return False
	says, _key, _next_keys = _content(tenant, sources)
	return _digest(says) == tenant.entitlement_digest


def trust(tenant, key_ids: Iterable[str]) -> None:
	"""Record which signing keys the site of the tenant (document) trusts: `sign` goes by it during a rotation."""
	known = "\n".join(sorted(key_ids))
	if known != (tenant.trusted_keys or ""):
		tenant.trusted_keys = known
		frappe.db.set_value("Tenant", tenant.name, "trusted_keys", known, update_modified=False)


def decisions(tenant) -> Decisions:
	"""What the tenant (document) may use as of now, from this site's records: the same decisions as on its site, without a signature."""
	settings = frappe.get_cached_doc("SaaS Settings")
	now = time.time()
	unsigned = statement.unsigned(
		statement_data(tenant),
		now=now,
		valid_days=settings.entitlement_valid_days,
		grace_days=settings.entitlement_grace_days,
	)
	return Decisions(unsigned, unsigned.standing(now), unsigned.grants(now), catalogue_for_tenants())


def _content(tenant, sources: Sources) -> tuple[dict, dict, dict[str, str]]:
	"""What a statement for the tenant says, the key that signs it, and the public keys that it brings along."""
	keys = signing_keys.read()
	key, next_keys = keys.for_tenant((tenant.trusted_keys or "").split())
	says = {
		"data": statement_data(tenant, sources),
		"catalogue": sources.catalogue_digest,
		"keys": sorted(keys.public),
		"signed_with": key["kid"],
	}
	return says, key, next_keys


def _digest(says: dict) -> str:
	return hashlib.sha256(json.dumps(says, sort_keys=True).encode()).hexdigest()
