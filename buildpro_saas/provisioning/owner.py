"""The owner's way in."""

import frappe

from buildpro_saas.agent.bench import Bench


def login_link(tenant: str) -> str:
	"""Make a single-use, expiring link with which the tenant's owner sets a password. Made anew at each call, kept nowhere.

	Raises frappe.ValidationError unless the tenant is Active.
	"""
	doc = frappe.get_doc("Tenant", tenant)
	if doc.status != "Active":
		frappe.throw(f"{tenant} is {doc.status}; the owner can be let in once it is Active.")
	answer = (
		Bench.here()
		.site(doc.site_name)
		.call("buildpro_saas.tenant_site.onboarding.password_link", email=doc.owner_email)
	)
	return answer["link"]
