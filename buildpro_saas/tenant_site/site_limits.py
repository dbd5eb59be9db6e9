"""The plan's limits that the framework itself enforces, in this site's site_config.json."""

import frappe

from buildpro_saas import site_role
from buildpro_saas.agent import site_config
from buildpro_saas.tenant_site import entitlement
from buildpro_saas.tenant_site.frappe_limits import frappe_limits


def follow() -> None:
	"""Write the limits that are in force now, where they are not there yet; on a tenant's site only.

	Called when an entitlement comes, and now and then: an entitlement holds the dates at which its limits change. Without one that
	counts, what is there stays.
	"""
	if not site_role.is_tenant_site():
		return
	gate = entitlement.load_gate()
	if gate.statement is None:
		return
	wanted = frappe_limits({key: limit.value for key, limit in gate.limits.items()})
	if any(frappe.conf.get(key) != value for key, value in wanted.items()):
		site_config.update_own(wanted)
