"""A company that is set up ahead of time, in a site image, and becomes the customer's in each copy.

ERPNext's set-up makes some 600 records. They depend on the country and not on the customer. But their names contain the company's
name or abbreviation. So the set-up runs once, for a company whose name and abbreviation are random letters. Each copy replaces these
with the customer's. Steps of provisioning call these functions by dotted name.
"""

import random
import string

import frappe
from frappe import _
from frappe.cache_manager import clear_defaults_cache
from frappe.model.naming import validate_name
from frappe.utils.scheduler import disable_scheduler, enable_scheduler
from pypika import Criterion, CustomFunction

from buildpro_saas import framework, region
from buildpro_saas.company_name import ABBREVIATION_LENGTH, abbreviation
from buildpro_saas.tenant_site import company_setup, onboarding

TEXT_TYPES = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext")
# The log of changes. What happened in an image is not the customer's, so this log is emptied like the other logs of an image.
HISTORY = "Version"
# Every process caches these for long. So a copy must not change them.
DEFINITIONS = ("tabDocType", "tabDocField", "tabCustom Field", "tabProperty Setter")
Replace = CustomFunction("replace", ["text", "old", "new"])


def prepare(country: str, currency: str, language: str) -> dict:
	"""Set up a company of the country on this site, which is to become an image. Commits, as the set-up does.

	country, currency and language are names of Frappe's documents. Returns plain data: {"company", "abbr": the names that each copy
	replaces, "valid_until": last day of its fiscal year or None, "country", "currency", "language"}. Raises frappe.ValidationError when
	the set-up fails.
	"""
	letters = random.sample(string.ascii_uppercase, ABBREVIATION_LENGTH)
	company = " ".join(letters)
	abbr = abbreviation(company)
	onboarding.set_up_company(
		company=company,
		country=country,
		currency=currency,
		time_zone=next(iter(region.choice(region.code_of(country))), "Etc/UTC"),
		language=language,
		owner_email="",
		owner_name="",
	)
	# until a copy has the customer's name, no scheduled job may see the company
	disable_scheduler()
	frappe.db.delete(HISTORY)
	frappe.db.commit()
	return {
		"company": company,
		"abbr": abbr,
		"valid_until": _fiscal_year_end(),
		"country": country,
		"currency": currency,
		"language": language,
	}


def places(company: str, abbr: str) -> list[list[str]]:
	"""Where the company's name or abbreviation stands in this site's database: [[table, column], …].

	It is found in any case (upper, lower) and as part of a file's name. For a site whose logs are emptied. Raises
	frappe.ValidationError where it stands in a way that cannot be replaced.
	"""
	spellings = (company, abbr, frappe.scrub(company), frappe.scrub(company).replace("_", "-"))
	found = []
	for table, columns in _by_table(_text_columns()).items():
		table = frappe.qb.Table(table)
		for column in columns:
			conditions = [table[column].like(f"%{spelling}%") for spelling in spellings]
			cells = (
				frappe.qb.from_(table).select(table[column]).where(Criterion.any(conditions)).run(pluck=True)
			)
			if cells and table.get_table_name() in DEFINITIONS:
				frappe.throw(
					_("The company's name stands in a doctype's definition: {0}").format(cells[0][:200])
				)
			for cell in cells:
				_check_cell(cell, company, abbr, f"{table.get_table_name()}.{column}")
			if cells:
				found.append([table.get_table_name(), column])
	return found


def adopt(prepared: dict, company: str, time_zone: str) -> dict:
	"""Make the prepared company the customer's: its name, its abbreviation and the site's time zone. Then let its scheduler run.

	prepared: what `prepare` returned, with "places": what `places` returned. Returns {"abbr", "places": count}. Raises
	frappe.ValidationError for a name that no company can have. Done again after an interruption, it ends in the same state.
	"""
	has_erpnext = "erpnext" in frappe.get_installed_apps()
	if has_erpnext:
		validate_name("Company", company)
	company_setup.check_time_zone(time_zone)
	abbr = abbreviation(company)
	for table, columns in _by_table(prepared["places"]).items():
		table = frappe.qb.Table(table)
		update = frappe.qb.update(table)
		for column in columns:
			named = Replace(table[column], prepared["company"], company)
			update = update.set(table[column], Replace(named, prepared["abbr"], abbr))
		update.run()
	_set_time_zone(time_zone)
	if has_erpnext:
		company_setup.check_company(company)
	enable_scheduler()
	# now, and again after the commit: the site answers already, and a request may have cached the old names meanwhile
	_forget()
	frappe.db.after_commit.add(_forget)
	return {"abbr": abbr, "places": len(prepared["places"])}


def _forget() -> None:
	"""Drop the caches that SQL has made wrong behind Frappe's back.

	The definitions of doctypes stay: they take longest to read again, and no company stands in them.
	"""
	frappe.cache.delete_keys("document_cache::")
	clear_defaults_cache()


def _check_cell(cell: str, company: str, abbr: str, place: str) -> None:
	"""Raise frappe.ValidationError unless the cell is one of ERPNext's forms: the name, the abbreviation, or "… - ABBR".

	Anywhere else, in JSON or HTML for example, a customer's name would have to be escaped.
	"""
	head, _separator, tail = cell.rpartition(f" - {abbr}")
	names_record = head and not tail and abbr not in head and (head == company or company not in head)
	if cell not in (company, abbr) and not names_record:
		frappe.throw(
			_("The company's name stands in {0} in a way that cannot be replaced in a copy: {1}").format(
				place, cell[:200]
			)
		)


def _text_columns() -> list[tuple[str, str]]:
	columns = frappe.qb.Schema("information_schema").columns
	return (
		frappe.qb.from_(columns)
		.select(columns.table_name, columns.column_name)
		.where((columns.table_schema == frappe.conf.db_name) & columns.data_type.isin(TEXT_TYPES))
		.orderby(columns.table_name, columns.column_name)
		.run()
	)


def _by_table(places: list) -> dict[str, list[str]]:
	tables: dict[str, list[str]] = {}
	for table, column in places:
		tables.setdefault(table, []).append(column)
	return tables


def _fiscal_year_end() -> str | None:
	if "erpnext" not in frappe.get_installed_apps():
		return None
	years = frappe.get_all("Fiscal Year", pluck="year_end_date", order_by="year_end_date desc", limit=1)
	return str(years[0]) if years else None


def _set_time_zone(time_zone: str) -> None:
	"""Set the time zone as the set-up wizard does: for the site and, in newer Frappe, for the framework's two users."""
	settings = frappe.get_doc("System Settings")
	if settings.time_zone != time_zone:
		settings.time_zone = time_zone
		settings.flags.ignore_permissions = True
		settings.save()
	for user in frappe.STANDARD_USERS if framework.sets_users_time_zone() else ():
		frappe.db.set_value("User", user, "time_zone", time_zone, update_modified=False)
