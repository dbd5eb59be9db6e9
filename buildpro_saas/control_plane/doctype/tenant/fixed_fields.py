"""Which fields of a Tenant callers do not change: what jobs write, and what its site is made from."""

from frappe import _
from frappe.utils import flt, get_datetime

from buildpro_saas import tenant_status
from buildpro_saas.fleet import removals
from buildpro_saas.refusal import refuse

# Fields that only jobs and deliveries write.
FACTS = (
	*("status", "site", "database", "created_in", "active_since", "entitlement_sequence"),
	*("entitlement_digest", "entitlement_renew_at", "trusted_keys", "token_since"),
	*("delivery_failing_since", "delivery_next_try", "database_history"),
	*("drill_status", "drilled_at", "recover_seconds", "drill_failed_at", "drill_error"),
	*("rehearsal", "rehearsed_at", "rehearsal_says", "rehearsal_facts"),
	*removals.FACTS,
	*("origin", "taken_in_from", "customisations_found", "customisations_found_on"),
	*("cloned_from", "expires_on", "is_silenced"),
)
# Deliveries, drills and migrates change these without a new `modified`. So a caller may have an older value, and mean nothing by it.
QUIET = (
	*("entitlement_sequence", "entitlement_digest", "entitlement_renew_at", "trusted_keys", "token_since"),
	*("delivery_failing_since", "delivery_next_try", "database_history"),
	*("drill_status", "drilled_at", "recover_seconds", "drill_failed_at", "drill_error"),
	*("rehearsal", "rehearsed_at", "rehearsal_says", "rehearsal_facts"),
	*("customisations_found", "customisations_found_on"),
)
# The site was made from these: if they changed here, the record would say what the site does not have.
FIXED_AFTER_DRAFT = ("bench", "database_name")
# A plan can be changed again once its site is there.
PLAN_CHANGES_IN = (tenant_status.DRAFT, *tenant_status.WITH_SITE)
# Fixed unless the tenant is Draft or Failed: a job that failed over one of these can go on with another value.
FIXED_ONCE_MADE = ("owner_email", "country", "currency", "time_zone", "language")


def keep(tenant) -> None:
	"""Put back what a caller has no say in. Raise frappe.ValidationError where he gives another value of what is fixed by now."""
	before = tenant.get_doc_before_save()
	_refuse_other_facts(tenant, before)
	tenant.update({field: before.get(field) for field in FACTS})
	tenant.set("apps", before.apps)
	fixed = () if before.status == tenant_status.DRAFT else FIXED_AFTER_DRAFT
	if before.status not in PLAN_CHANGES_IN:
		fixed += ("plan",)
	if before.status not in (tenant_status.DRAFT, tenant_status.FAILED):
		fixed += FIXED_ONCE_MADE
	for field in fixed:
		if (tenant.get(field) or "") != (before.get(field) or ""):
			refuse(
				_("The {0} of {1} is fixed, since its site is made from it: set it back to {2}."),
				_(tenant.meta.get_label(field)),
				tenant.name,
				before.get(field) or _("nothing"),
			)


def _refuse_other_facts(tenant, before) -> None:
	"""Raise frappe.ValidationError where a caller gives a value that only jobs and buttons write, and it is not the recorded one."""
	for field in set(FACTS) - set(QUIET):
		df = tenant.meta.get_field(field)
		if _plain(df.fieldtype, tenant.get(field)) != _plain(df.fieldtype, before.get(field)):
			refuse(
				_(
					"The {0} of {1} is not entered, but follows from what is done with the tenant: it is {2}. Leave it out."
				),
				_(df.label),
				tenant.name,
				before.get(field) or _("empty"),
				title=_(df.label),
			)
	if [row.app for row in tenant.apps] != [row.app for row in before.apps]:
		refuse(
			_("The apps of {0} are those that its site has: leave them out."), tenant.name, title=_("Apps")
		)


def _plain(fieldtype: str, value: object) -> object:
	"""A fact in a form that can be compared: the same from the database, from JSON and from a form."""
	if not value:
		return None
	if fieldtype == "Datetime":
		return get_datetime(value).replace(microsecond=0)
	return flt(value, 3) if fieldtype == "Float" else str(value)
