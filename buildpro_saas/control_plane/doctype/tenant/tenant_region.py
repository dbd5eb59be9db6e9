"""Fills the fields that follow from a tenant's country, where staff left them empty. All ways to make a tenant use it."""

import frappe
from frappe import _

from buildpro_saas import region
from buildpro_saas.refusal import refuse

FRAMEWORKS_LANGUAGE = "en"


def propose(country: str | None) -> dict:
	"""{"currency", "time_zone", "time_zones"} for tenants in a country (name of a Country); None where one has to be chosen.

	This site's own time zone is proposed only for tenants of its own country. time_zones: all of the country's.
	"""
	code = region.code_of(country)
	zones = region.zones(code)
	choice = region.choice(code)
	zone = choice[0] if len(choice) == 1 else None
	here = _own_time_zone()
	if country == own_country() and (here in zones or not zone):
		zone = here
	return {"currency": region.currency(code), "time_zone": zone, "time_zones": list(zones)}


def fill(tenant) -> None:
	"""Fill country, currency, time zone and language where staff left them empty.

	Call it before Frappe fills new records: Frappe would set this site's currency, whatever the tenant's country. Raises
	frappe.ValidationError, saying what to choose, where a country has several time zones or no currency.
	"""
	tenant.country = tenant.country or own_country()
	proposed = propose(tenant.country)
	tenant.currency = tenant.currency or proposed["currency"]
	region.make_currency(tenant.currency)
	tenant.time_zone = tenant.time_zone or proposed["time_zone"]
	settings = frappe.get_cached_doc("System Settings")
	tenant.language = tenant.language or settings.language or FRAMEWORKS_LANGUAGE
	if tenant.country and frappe.db.exists("Country", tenant.country):
		_refuse_what_is_open(tenant)


def follow_country(tenant, before) -> None:
	"""Where only the country of a record was changed, replace the currency and time zone of the old country."""
	if not tenant.country or tenant.country == before.country:
		return
	old = propose(before.country)
	for field in ("currency", "time_zone"):
		if tenant.get(field) == before.get(field) and before.get(field) in (old[field], *old["time_zones"]):
			tenant.set(field, None)
	fill(tenant)


def own_country() -> str | None:
	"""The country of this site. A tenant gets it where none is given."""
	# first the default with which Frappe itself fills an empty Country field
	settings = frappe.get_cached_doc("System Settings")
	return frappe.defaults.get_user_default("country") or settings.country


def check_time_zone(tenant) -> None:
	"""Replace an older name of the time zone by today's; refuse a name that the framework does not take."""
	if not tenant.time_zone or not (tenant.is_new() or tenant.has_value_changed("time_zone")):
		return
	tenant.time_zone = region.accepted_name(tenant.time_zone)
	if tenant.time_zone not in region.accepted_zones():
		refuse(
			_("There is no time zone {0}: enter one like Europe/Berlin."),
			tenant.time_zone,
			title=_("Time Zone"),
		)


def _own_time_zone() -> str | None:
	return region.accepted_name(frappe.get_cached_doc("System Settings").time_zone or "") or None


def _refuse_what_is_open(tenant) -> None:
	if not tenant.currency:
		refuse(_("{0} has no currency of its own: choose one."), tenant.country, title=_("Currency"))
	if tenant.time_zone:
		return
	title = _("Time Zone")
	if choice := region.choice(region.code_of(tenant.country)):
		refuse(
			_("{0} has several time zones: choose one of {1}."),
			tenant.country,
			", ".join(choice),
			title=title,
		)
	refuse(_("No time zone is known of {0}: choose one."), tenant.country, title=title)
