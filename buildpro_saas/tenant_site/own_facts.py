"""What this site says of its customer, for an admin site that has lost the record. Plain facts of its own database. It only reads.

The fleet calls it by dotted name.
"""

import frappe

from buildpro_saas.tenant_site.entitlement import DOCTYPE

OWNER_ROLE = "System Manager"


def tell() -> dict:
	"""{"company", "country", "currency", "language", "time_zone", "owner_name", "owner_email": text or None, "apps": names in the order
	of their installation}.

	The owner is the first of the customer's own System Managers who can sign in. All but the apps may be what a user of this site wrote.
	"""
	settings = frappe.get_doc("System Settings")
	return {
		"company": frappe.db.get_single_value(DOCTYPE, "company"),
		"country": settings.country,
		"currency": frappe.db.get_default("currency"),
		"language": settings.language,
		"time_zone": settings.time_zone,
		**_owner(),
		"apps": frappe.get_installed_apps(),
	}


def _owner() -> dict:
	managers = frappe.get_all("Has Role", {"role": OWNER_ROLE, "parenttype": "User"}, pluck="parent")
	people = {
		"enabled": 1,
		"user_type": "System User",
		"name": ("in", set(managers) - set(frappe.STANDARD_USERS)),
	}
	found = frappe.get_all("User", people, ["full_name", "email"], order_by="creation, name", limit=1)
	return {
		"owner_name": found[0].full_name if found else None,
		"owner_email": found[0].email if found else None,
	}
