"""What of a tenant's site must be equal however its job went."""

import frappe

from buildpro_saas.tenant_site import entitlement, usage

# Rows that count what happened rather than what is, or that time alone makes.
HISTORIES = {
	*(
		"Error Log",
		"Activity Log",
		"Access Log",
		"Scheduled Job Log",
		"Version",
		"Comment",
		"Email Queue",
		"View Log",
	),
	*(
		"Email Queue Recipient",
		"Route History",
		"Error Snapshot",
		"Notification Log",
		"Deleted Document",
		"RQ Job",
	),
	*("Prepared Report", "Patch Log", "Logs To Clear", "Webhook Request Log", "API Request Log"),
	*("Feature Usage", "Limit Level"),
}
SECRETS = {
	*("db_password", "encryption_key", "db_name", "host_name", "buildpro_job", "buildpro_tenant"),
	*("buildpro_sequence", "buildpro_clock", "buildpro_sync_token", "buildpro_last_known"),
	"buildpro_shown",
}


def fingerprint() -> dict:
	"""Tables and their numbers of rows, configuration, apps, owner and entitlement of this site. Run on the site."""
	tables = {
		table: frappe.db.sql(f"select count(*) from `{table}`")[0][0]
		for table in sorted(frappe.db.sql("show tables", pluck=True))
		if table.removeprefix("tab") not in HISTORIES and not table.startswith("__")
	}
	owner = frappe.get_all(
		"User", {"email": ("like", "owner@%")}, ["name", "enabled", "language", "time_zone"]
	)
	settings = frappe.get_single("Nexelya Plan Settings")
	return {
		"tables": tables,
		"config": {key: value for key, value in frappe.get_site_config().items() if key not in SECRETS},
		"apps": frappe.get_installed_apps(),
		"owners": len(owner),
		"roles": sorted(frappe.get_roles(owner[0].name)) if owner else [],
		"plan": [settings.plan_type, settings.status],
		"is_set_up": frappe.db.get_single_value("System Settings", "setup_complete"),
		"scheduler": frappe.db.get_single_value("System Settings", "enable_scheduler"),
	}


def token() -> str:
	"""The signed statement as it lies in this site's database."""
	return frappe.db.get_single_value("Nexelya Plan Settings", "token", cache=False)


def put_token(value: str) -> None:
	"""Write a statement straight into this site's database, past every check of Desk."""
	frappe.db.set_single_value("Nexelya Plan Settings", "token", value)
	frappe.clear_cache()


def names() -> list[str]:
	"""Names of everything on this site that an app could have brought: tables, and the records of all doctypes."""
	found = list(frappe.db.sql("show tables", pluck=True))
	for doctype in frappe.get_all("DocType", {"issingle": 0, "istable": 0, "is_virtual": 0}, pluck="name"):
		found += [f"{doctype}:{name}" for name in frappe.get_all(doctype, pluck="name", limit=0) if name]
	found += [f"app:{app}" for app in frappe.get_installed_apps()]
	return [str(name) for name in found]


def api_key() -> str:
	"""A new key and secret of this site's Administrator, as the header has them: "key:secret"."""
	user = frappe.get_doc("User", "Administrator")
	key, secret = frappe.generate_hash(length=15), frappe.generate_hash(length=15)
	user.update({"api_key": key, "api_secret": secret})
	user.save(ignore_permissions=True)
	return f"{key}:{secret}"


def installed_apps_row() -> str:
	"""The record in which Frappe keeps which apps this site has."""
	return frappe.db.get_value("DefaultValue", {"defkey": "installed_apps"})


def listed_apps() -> list[str]:
	"""The apps of this site, as its database has them."""
	return frappe.parse_json(frappe.db.get_global("installed_apps"))


def uses(feature: str) -> dict[str, int]:
	"""{outcome: count} of a feature yesterday and today, with what still waits in Redis."""
	return usage.recent(2).get(feature) or {}


def set_password(user: str, password: str) -> None:
	"""As the owner does with the link that he was sent."""
	from frappe.utils.password import update_password

	update_password(user, password)
	frappe.db.commit()


def restriction() -> str | None:
	"""Why this site keeps its users from working: the name of the reason, or None."""
	found = entitlement.current_decisions().restriction
	return found and found.name


def doctypes_of(names: list[str]) -> list[str]:
	"""Those of the names that are doctypes of this site."""
	return frappe.get_all("DocType", {"name": ("in", names)}, pluck="name")


def known_definitions() -> list[str]:
	"""Doctypes whose definitions Redis knows."""
	return [frappe.as_unicode(name) for name in frappe.cache.hkeys("doctype_meta")]


def languages() -> dict:
	"""The language of the site and of its owner."""
	return {
		"site": frappe.db.get_single_value("System Settings", "language"),
		"owner": frappe.db.get_value("User", {"email": ("like", "owner@%")}, "language"),
	}
