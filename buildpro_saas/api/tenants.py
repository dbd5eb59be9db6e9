"""Tenants over HTTP, for the operator's own systems: on the admin site, with the API key of a user who is SaaS Manager."""

import frappe

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.doctype.tenant import adoption, tenant_region


@frappe.whitelist(methods=["POST"])
@arguments.checked
def create(
	subdomain: str,
	company: str,
	owner_name: str,
	owner_email: str,
	plan: str,
	bench: str | None = None,
	country: str | None = None,
	currency: str | None = None,
	time_zone: str | None = None,
	language: str | None = None,
	database_name: str | None = None,
	customisations: str | None = None,
) -> dict:
	"""Make a tenant, as inserting it in Desk does; for SaaS Manager.

	What is left out is taken from SaaS Settings, the country and this site (`region` tells what). Returns {"tenant", "site", "status", "job"}; the
	site is ready once `status` says Active. Raises frappe.ValidationError (HTTP 417) or frappe.DuplicateEntryError (409)
	with one sentence that says what to change; nothing is made then.
	"""
	fields = dict(locals())
	staff.only_for_manager()
	tenant = frappe.get_doc({"doctype": "Tenant", **fields}).insert()
	return summary(tenant)


@frappe.whitelist(methods=["GET"])
@arguments.checked
def region(country: str) -> dict:
	"""{"currency", "time_zone", "time_zones"} that a tenant in a country gets where they are left out; for staff.

	country: name of a Country record. time_zone is None where one of time_zones, the country's, has to be chosen.
	"""
	staff.only_for_staff()
	return tenant_region.propose(country)


@frappe.whitelist(methods=["GET"])
@arguments.checked
def status(tenant: str) -> dict:
	"""Where a tenant stands: {"tenant", "site", "status", "job"}; for SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	doc = frappe.get_doc("Tenant", tenant)
	doc.check_permission("read")
	return summary(doc)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def owner_link(tenant: str) -> dict:
	"""A new single-use link with which the tenant's owner sets a password: {"link"}; for SaaS Manager."""
	staff.only_for_manager()
	return frappe.get_doc("Tenant", tenant).owner_link()


@frappe.whitelist(methods=["POST"])
@arguments.checked
def set_plan(
	tenant: str,
	plan: str,
	at: str | None = None,
	trial_until: str | None = None,
	then: str | None = None,
) -> dict:
	"""Give a tenant another plan: now, `at` a date, or on trial until a date and `then` another plan; for SaaS Manager.

	Dates are in this site's time zone. Returns what `status` returns. Raises frappe.ValidationError with what to change.
	"""
	return _act(tenant, "set_plan", plan, at, trial_until, then)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def adopt(site: str, plan: str | None = None) -> dict:
	"""Make the record anew of the tenant whose site that is, as it says itself; for SaaS Manager. Returns what `status` returns.

	`plan`: instead of the one that the site's statement names. Raises frappe.ValidationError (HTTP 417), or frappe.DuplicateEntryError
	(409) where the tenant is on record, with what to do; nothing is changed then.
	"""
	return summary(adoption.adopt(site, plan))


@frappe.whitelist(methods=["POST"])
@arguments.checked
def suspend(tenant: str, reason: str) -> dict:
	"""Close a tenant's site to its users, its data untouched; for SaaS Manager. Returns what `status` returns."""
	return _act(tenant, "suspend", reason)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def mark_past_due(tenant: str, reason: str) -> dict:
	"""Say on a tenant's site that it has not paid; for SaaS Manager. Returns what `status` returns."""
	return _act(tenant, "mark_past_due", reason)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def resume(tenant: str, reason: str | None = None) -> dict:
	"""Make a tenant that is Past Due or Suspended Active again; for SaaS Manager. Returns what `status` returns."""
	return _act(tenant, "resume", reason)


def _act(tenant: str, method: str, *arguments: str | None) -> dict:
	staff.only_for_manager()
	doc = frappe.get_doc("Tenant", tenant)
	getattr(doc, method)(*arguments)
	return summary(doc)


def summary(tenant) -> dict:
	"""What callers from outside get of a Tenant document: {"tenant", "site", "status", "job": its latest job or None}.

	With "warning", a sentence, where a status that was just set does not hold on the tenant's site.
	"""
	job = tenant.latest_job()
	return {
		"tenant": tenant.name,
		"site": tenant.site_name,
		"status": tenant.status,
		"job": job and job.name,
		**({"warning": tenant.warning} if tenant.warning else {}),
	}
