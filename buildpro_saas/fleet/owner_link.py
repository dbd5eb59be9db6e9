"""The link with which the owner of a tenant gets in."""

import frappe

from buildpro_saas.agent.errors import AgentError, OperationFault
from buildpro_saas.fleet import site_standing
from buildpro_saas.jobs.bench_door import door_of


def login_link(tenant: str) -> str:
	"""Make a single-use, expiring link with which the tenant's owner sets a password. It is kept nowhere.

	Raises frappe.ValidationError, with what to do, unless the tenant is Active and its site is there and has the owner.
	"""
	doc = frappe.get_doc("Tenant", tenant)
	if doc.status != "Active":
		frappe.throw(f"{tenant} is {doc.status}; the owner can be let in once it is Active.")
	try:
		site = door_of(doc.bench).site(doc.site_name)
	except AgentError as error:
		frappe.throw(error.advice, title="Owner's link")
	if fault := site_standing.fault(site, doc):
		frappe.throw(fault, title="Owner's link")
	try:
		return site.call("buildpro_saas.tenant_site.onboarding.password_link", email=doc.owner_email)["link"]
	except Exception as error:
		if isinstance(error, AgentError) and not isinstance(error, OperationFault):
			frappe.throw(error.advice, title="Owner's link")
		# the site's own fault, with a status of its own (404, 500), is not this request's
		frappe.log_error(title=f"Owner's link of {tenant}")
		frappe.throw(
			f"{site.name} could not make the link: {getattr(error, 'text', error)}", title="Owner's link"
		)
