"""The answers that a person would give to ERPNext's part of the set-up wizard, and checks that the wizard does not make."""

from datetime import date, datetime, timedelta, timezone

import frappe
from frappe import _
from frappe.utils import convert_utc_to_timezone

from buildpro_saas import region
from buildpro_saas.company_name import abbreviation

# First day (month, day) of the fiscal year where it is not 1 January: the table of ERPNext's own wizard
# (erpnext/public/js/setup_wizard.js), which names https://en.wikipedia.org/wiki/Fiscal_year as its source.
FISCAL_YEAR_STARTS = {
	"Afghanistan": (12, 21),
	"Australia": (7, 1),
	"Bangladesh": (7, 1),
	"Canada": (4, 1),
	"Costa Rica": (10, 1),
	"Egypt": (7, 1),
	"Hong Kong": (4, 1),
	"India": (4, 1),
	"Iran": (6, 23),
	"Myanmar": (4, 1),
	"New Zealand": (4, 1),
	"Pakistan": (7, 1),
	"Singapore": (4, 1),
	"South Africa": (3, 1),
	"Thailand": (10, 1),
	"United Kingdom": (4, 1),
}
STANDARD_CHARTS = {"Standard", "Standard with Numbers"}


def erpnext_arguments(company: str, country: str, time_zone: str) -> dict:
	"""ERPNext's part of the wizard's arguments: company, chart of accounts, current fiscal year.

	Raises frappe.ValidationError when an interrupted set-up has left a company: ERPNext would then skip half
	of its work.
	"""
	if left := frappe.db.get_value("Company", {}, "name"):
		frappe.throw(
			_("An interrupted set-up has left the company {0} half made. Make this site anew.").format(left),
			title=_("Set-up was interrupted"),
		)
	now = convert_utc_to_timezone(datetime.now(timezone.utc).replace(tzinfo=None), time_zone)
	first_day, last_day = fiscal_year(country, now.date())
	return {
		"company_name": company,
		"company_abbr": abbreviation(company),
		"chart_of_accounts": chart_of_accounts(country),
		"fy_start_date": first_day.isoformat(),
		"fy_end_date": last_day.isoformat(),
		"setup_demo": 0,
	}


def chart_of_accounts(country: str) -> str:
	"""The chart of accounts that ERPNext has for `country` (of several the first by name), else its standard."""
	from erpnext.accounts.doctype.account.chart_of_accounts.chart_of_accounts import get_charts_for_country

	return min(set(get_charts_for_country(country, with_standard=True)) - STANDARD_CHARTS, default="Standard")


def fiscal_year(country: str, today: date) -> tuple[date, date]:
	"""First and last day of the fiscal year of `country` (name of Frappe's document) in which `today` lies."""
	month, day = FISCAL_YEAR_STARTS.get(country, (1, 1))
	first_day = date(today.year, month, day)
	if first_day > today:
		first_day = first_day.replace(year=today.year - 1)
	return first_day, first_day.replace(year=first_day.year + 1) - timedelta(days=1)


def check_known(**names: str) -> None:
	"""Raise frappe.ValidationError, naming it, for a document (doctype=name) that this site does not have.

	The wizard ignores a name that it does not know, or fails long after with another complaint.
	"""
	for doctype, name in names.items():
		if not frappe.db.exists(doctype, name):
			frappe.throw(
				_("This site has no {0} {1}. Choose another for the tenant.").format(_(doctype), name)
			)


def check_time_zone(time_zone: str) -> None:
	"""Raise frappe.ValidationError for a name that Frappe does not offer as a time zone."""
	if time_zone not in region.accepted_zones():
		frappe.throw(_("There is no time zone {0}. Choose another for the tenant.").format(time_zone))


def check_company(company: str) -> None:
	"""Raise frappe.ValidationError unless the company and its accounts are there.

	ERPNext's wizard prints what goes wrong while it makes records, and reports success all the same.
	"""
	if not frappe.db.exists("Company", company):
		frappe.throw(_("ERPNext's set-up ended without making the company {0}.").format(company))
	if not frappe.db.exists("Account", {"company": company}):
		frappe.throw(_("ERPNext's set-up made the company {0} without a chart of accounts.").format(company))


def set_currency(currency: str) -> None:
	"""Make `currency` the site's own. The framework's part of the wizard leaves that to ERPNext."""
	frappe.db.set_value("Currency", currency, "enabled", 1)
	frappe.db.set_default("currency", currency)
	# Newer Frappe has the field; older only the default.
	if frappe.get_meta("System Settings").has_field("currency"):
		frappe.db.set_single_value("System Settings", "currency", currency)
