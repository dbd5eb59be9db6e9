"""Sets a company up on a site that has none, through the product's own set-up, and takes all of it back. Run on the site."""

from pathlib import Path

import frappe
from frappe.utils import cstr

COMPANY = "Kaya & Søn Builders"
OWNER = "olga@companies.example"
# Records whose names ERPNext's set-up translates, and how many it makes at least.
EXPECTED = {
	"Account": 40,
	"Warehouse": 5,
	"Cost Center": 2,
	"Department": 10,
	"Item Group": 6,
	"Customer Group": 5,
	"Territory": 3,
	"UOM": 100,
	"Mode of Payment": 5,
}


def cases() -> dict:
	"""{"countries": those that have a chart of accounts of their own, "languages": those that ERPNext has translations for,
	"plain": a country without a chart}; on a site with ERPNext."""
	from buildpro_saas.tenant_site import company_setup

	countries = frappe.get_all("Country", pluck="name", order_by="name")
	charts = {country: company_setup.chart_of_accounts(country) for country in countries}
	folder = Path(frappe.get_app_path("erpnext"))
	shipped = {path.stem for kind in ("translations/*.csv", "locale/*.po") for path in folder.glob(kind)}
	languages = frappe.get_all("Language", pluck="name", order_by="name")
	return {
		"countries": [country for country, chart in charts.items() if chart != "Standard"],
		"languages": [language for language in languages if language in shipped],
		"plain": "Iceland",
	}


def attempt(country: str, currency: str, time_zone: str, language: str) -> dict:
	"""{"failure": sentence or None, "records": {doctype: count}, "kept": whether something of it stayed} of a set-up.

	Its commits are put off, so that the site is as before; only what changes a table's columns cannot be taken back.
	"""
	from buildpro_saas.tenant_site import onboarding

	changes = []
	run_ddl = frappe.db.sql_ddl
	frappe.db.commit = lambda: setattr(frappe.db, "transaction_writes", 0)
	frappe.db.sql_ddl = lambda query, *rest, **more: changes.append(query) or run_ddl(query, *rest, **more)
	failure = None
	try:
		# as a tenant's job does; older frameworks would make the user here, with a password
		onboarding.make_owner(OWNER, "Olga Owner", language, time_zone)
		onboarding.set_up_company(
			company=COMPANY,
			country=country,
			currency=currency,
			time_zone=time_zone,
			language=language,
			owner_email=OWNER,
			owner_name="Olga Owner",
		)
	except Exception as error:
		failure = f"{type(error).__name__}: {cstr(error)}"
	records = {
		doctype: frappe.db.count(doctype) for doctype in EXPECTED if frappe.db.exists("DocType", doctype)
	}
	lost = frappe.get_all("Error Log", {"method": "Exception during Setup"}, pluck="error")
	frappe.db.rollback()
	frappe.clear_cache()
	return {
		"failure": failure,
		"records": records,
		"lost": [text.strip().splitlines()[-1] for text in lost],
		"kept": bool(changes),
	}


def faults(answer: dict) -> list[str]:
	"""What is wrong with a set-up on a site with ERPNext."""
	few = [f"{doctype}: {count}" for doctype, count in answer["records"].items() if count < EXPECTED[doctype]]
	return [answer["failure"]] if answer["failure"] else answer["lost"] + few
