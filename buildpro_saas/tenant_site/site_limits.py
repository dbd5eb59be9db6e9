"""The limits of the plan that the framework itself enforces, in this site's site_config.json."""

import frappe

from buildpro_saas import site_role
from buildpro_saas.agent import site_config
from buildpro_saas.entitlements.frappe_limits import frappe_limits
from buildpro_saas.tenant_site import entitlement


def follow() -> None:
	"""On a tenant's site, write the limits that are in force now, where they are not written yet.

	Called when an entitlement comes, and once an hour, because limits may change at a date. Where no entitlement counts, nothing is
	changed.
	"""
	if not site_role.is_tenant_site():
		return
	decisions = entitlement.load_decisions()
	if decisions.statement is None:
		return
	wanted = frappe_limits({key: limit.value for key, limit in decisions.limits.items()})
	if any(frappe.conf.get(key) != value for key, value in wanted.items()):
		site_config.update_own(wanted)
