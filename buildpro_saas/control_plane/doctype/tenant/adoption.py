"""Makes a tenant's lost record again from its site.

For tenants that were made after the backup from which this admin site was restored.
"""

import time

import frappe
from frappe import _

from buildpro_saas import company_name, region, tenant_status
from buildpro_saas.control_plane.access import staff
from buildpro_saas.control_plane.doctype.tenant import owner_email, validation
from buildpro_saas.control_plane.doctype.tenant.agreed_before import Agreed
from buildpro_saas.control_plane.host_names import check_subdomain
from buildpro_saas.entitlements import statement
from buildpro_saas.fleet import adoption, reconciliation
from buildpro_saas.fleet.adoption import Known
from buildpro_saas.jobs import AgentError
from buildpro_saas.licensing import sync_tokens
from buildpro_saas.refusal import refuse, shown

STATUSES = {statement.SUSPENDED: tenant_status.SUSPENDED, statement.PAST_DUE: tenant_status.PAST_DUE}


def adopt(site: str, plan: str | None = None):
	"""Make the record of the tenant whose site `site` is, and have its site sent a new statement. Returns the document. For SaaS Manager.

	`plan`: instead of the one that the site's statement names. Nothing on the site is removed or set back. All is one transaction, which the
	caller commits. Raises frappe.ValidationError with what to do, frappe.DuplicateEntryError where the tenant is on record.
	"""
	staff.only_for_manager()
	_check_not_on_record({"site": site})
	known = _or_refuse(lambda: adoption.read(site))
	_check_not_on_record(
		{"name": known.tenant}, {"database": known.database}, {"database_name": known.database}
	)
	_check_name(known)
	_or_refuse(lambda: adoption.check_no_job(known))
	tenant = _record(known, plan)
	sync_tokens.start_anew(tenant.name)
	adoption.start(known)
	tenant.add_comment("Info", _("was taken in again, as its site {0} says").format(shown(known.site)))
	reconciliation.resolve("Site Folder", known.site)
	return tenant


def _or_refuse(ask):
	try:
		return ask()
	except AgentError as error:
		refuse("{0}", error.advice, title=_("Adopt"))


def _check_not_on_record(*conditions: dict) -> None:
	for each in conditions:
		row = frappe.db.get_value("Tenant", each, ["name", "status", "site"], as_dict=True)
		if not row:
			continue
		if row.status in tenant_status.WITH_SITE:
			advice = _("There is nothing to adopt.")
		elif row.status in tenant_status.WITHOUT_SITE:
			advice = _("If that record is not another customer's, delete it, and adopt the site then.")
		else:
			advice = _("Press Retry on its job: it brings the record up to date, and takes nothing away.")
		refuse(
			_("The tenant {0} is on record already, as {1} with the site {2}. {3}"),
			*(row.name, _(row.status), row.site or _("none"), advice),
			title=_("Adopt"),
			error=frappe.DuplicateEntryError,
		)


def _check_name(known: Known) -> None:
	reserved = frappe.get_single("SaaS Settings").reserved()
	if known.tenant in reserved:
		refuse(
			_("The name {0} is reserved: take it off the list in SaaS Settings, and adopt the site then."),
			known.tenant,
			title=_("Adopt"),
		)
	check_subdomain(known.tenant, [])


def _record(known: Known, plan: str | None):
	agreed = Agreed.of(known.statement.layers, time.time(), plan)
	tenant = frappe.get_doc(
		{
			"doctype": "Tenant",
			"subdomain": known.tenant,
			"site": known.site,
			"bench": known.bench,
			"status": STATUSES.get(known.statement.status, tenant_status.ACTIVE),
			"database": known.database,
			"database_name": known.database_name,
			"entitlement_sequence": str(known.statement.sequence),
			"apps": [{key: app[key] for key in ("app", "version", "commit")} for app in known.apps],
			**_people(known),
			**places(known.facts),
			**_clone(known),
			**agreed.fields,
		}
	)
	tenant.flags.is_adopted = True
	tenant.flags.ignore_links = bool(known.clone)  # its original may be on record later than itself
	if plan:
		validation.check_links(tenant)
		validation.check_plan_for_site(tenant, "plan")
	tenant.insert()
	for note in agreed.notes:
		frappe.msgprint(note, title=_("Look at this"), indicator="orange")
	return tenant


def _clone(known: Known) -> dict:
	"""Of whom it is a clone: one that is taken in again is no customer either."""
	if not known.clone:
		return {}
	return {"cloned_from": known.clone["of"], "expires_on": f"{known.clone['until']} 00:00:00"}


def _people(known: Known) -> dict:
	"""Company and owner, where a record can have what the site says."""
	facts = known.facts
	if not facts["owner_email"]:
		refuse(
			_(
				"The site {0} has no user of its customer's who is System Manager and enabled: make one there, and adopt it then."
			),
			known.site,
			title=_("Adopt"),
		)
	email = owner_email.checked(facts["owner_email"])
	company = as_line(facts["company"])
	if not company or company_name.fault(company):
		company = known.tenant
		frappe.msgprint(
			_("The site says no company's name that a record can have: enter it."), title=_("Company")
		)
	return {"company": company, "owner_name": as_line(facts["owner_name"]) or email, "owner_email": email}


def as_line(value: str | None) -> str:
	"""A name as a record can have it: in one line, without < and >."""
	return " ".join((value or "").replace("<", " ").replace(">", " ").split())


def places(facts: dict) -> dict:
	"""Country, currency, language and time zone of what a site says. A value that this site does not know stays empty."""
	if facts["currency"]:
		region.make_currency(facts["currency"])
	found = {
		field: facts[field] if facts[field] and frappe.db.exists(doctype, facts[field]) else None
		for field, doctype in (("country", "Country"), ("currency", "Currency"), ("language", "Language"))
	}
	zone = region.accepted_name(facts["time_zone"] or "")
	return {**found, "time_zone": zone if zone in region.accepted_zones() else None}
