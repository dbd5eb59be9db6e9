"""What installing, migrating and uninstalling the app does for the control plane. Called by buildpro_saas.install."""

from datetime import datetime, timedelta, timezone

import frappe
from frappe.core.doctype.domain_settings.domain_settings import get_active_domains
from frappe.permissions import add_permission, reset_perms

from buildpro_saas import region, site_role
from buildpro_saas.control_plane import catalogue
from buildpro_saas.control_plane.access import staff
from buildpro_saas.control_plane.doctype.bench.bench import ensure_local_bench
from buildpro_saas.fleet import job_retention
from buildpro_saas.jobs import schedule

ROLES = (staff.MANAGER, staff.SUPPORT)
MODULE = "Control Plane"
WESTERNMOST = timezone(timedelta(hours=-12))
# Frappe keeps what is restricted to a domain out of search, menus and pickers, also Administrator's, unless the
# domain is active. Each doctype of the control plane names this one; it is active on the admin site only.
DOMAIN = "BuildPro Admin Site"
# The app's records in Desk that Frappe shows to Administrator whatever the domain: tenant sites do without them.
DESK_RECORDS = ("Workspace", "Number Card", "Dashboard Chart", "Report")


def after_install() -> None:
	"""Make the admin site ready: show the control plane, bring the catalogue, register the bench, fill the settings."""
	# A tenant has a currency, which Frappe lets only a few roles of its own see.
	add_permission("Currency", staff.MANAGER)
	catalogue.forget_if_gone()
	after_migrate()
	if not frappe.db.get_single_value("System Settings", "time_zone", cache=False):
		_date_before_every_time_zone()


def after_migrate() -> None:
	"""After `bench migrate`, add what is missing, and read the bench's apps again."""
	schedule.stay_awake()
	region.make_currencies()
	_show_control_plane()
	_fill_settings()
	catalogue.bring()
	job_retention.register()
	bench = ensure_local_bench()
	_set_missing({"default_bench": bench, "base_domain": _own_domain()})


def after_uninstall() -> None:
	"""Remove what Frappe leaves behind: the settings' values, the roles with their permissions, and the domain."""
	frappe.db.delete("Singles", {"doctype": "SaaS Settings"})
	frappe.db.delete("Activity Log", {"subject": schedule.AWAKE})
	job_retention.unregister()
	frappe.db.delete("Has Domain", {"parent": "Domain Settings", "domain": DOMAIN})
	for role in ROLES:
		frappe.db.delete("Custom DocPerm", {"role": role})
		frappe.db.delete("Has Role", {"role": role})
		frappe.delete_doc("Role", role, force=True, ignore_permissions=True)
	if _permission_rows("Custom DocPerm") == _permission_rows("DocPerm"):
		reset_perms("Currency")
	frappe.delete_doc("Domain", DOMAIN, force=True, ignore_permissions=True)
	frappe.clear_cache()


def hide() -> None:
	"""On every site, once Frappe has synced the app's records: keep the control plane out of sight where it does not run."""
	for role in ROLES:
		frappe.db.set_value("Role", role, "restrict_to_domain", DOMAIN)
	frappe.db.set_value("Module Def", MODULE, "restrict_to_domain", DOMAIN)
	if not site_role.is_admin_site():
		for doctype in DESK_RECORDS:
			for name in frappe.get_all(doctype, {"module": MODULE}, pluck="name"):
				_delete_row(doctype, name)


def _permission_rows(doctype: str) -> list[tuple]:
	"""Who may do what with currencies, by the rules of `doctype`, in comparable form."""
	rules = frappe.get_all(doctype, {"parent": "Currency"}, ["role", "permlevel", *frappe.permissions.rights])
	return sorted(tuple(rule.values()) for rule in rules)


def _delete_row(doctype: str, name: str) -> None:
	# frappe.delete_doc would delete the app's own source file on a bench in developer mode
	for field in frappe.get_meta(doctype).get_table_fields():
		frappe.db.delete(field.options, {"parenttype": doctype, "parent": name})
	frappe.db.delete(doctype, {"name": name})


def _show_control_plane() -> None:
	if DOMAIN not in get_active_domains():
		frappe.get_single("Domain Settings").set_active_domains([DOMAIN])


def _fill_settings() -> None:
	"""Write the defaults of settings that this site does not have yet: Frappe reads an unsaved one as empty."""
	defaults = {df.fieldname: df.default for df in frappe.get_meta("SaaS Settings").fields if df.default}
	_set_missing(defaults)


def _set_missing(values: dict) -> None:
	known = frappe.db.get_singles_dict("SaaS Settings")
	missing = {field: value for field, value in values.items() if known.get(field) is None}
	if missing:
		frappe.db.set_single_value("SaaS Settings", missing)


def _date_before_every_time_zone() -> None:
	"""Let what was brought be of a time that is past whatever time zone this site gets.

	Until it has one the framework counts in India's, and west of there the records would be of tomorrow.
	"""
	latest = datetime.now(WESTERNMOST).replace(tzinfo=None)
	for doctype in frappe.get_all("DocType", {"module": MODULE, "issingle": 0}, pluck="name"):
		for field in ("creation", "modified"):
			frappe.db.set_value(doctype, {field: (">", latest)}, field, latest, update_modified=False)


def _own_domain() -> str:
	"""The domain that this site is a host of: example.com of admin.example.com; localhost where the name has no dot."""
	return frappe.local.site.partition(".")[2] or "localhost"
