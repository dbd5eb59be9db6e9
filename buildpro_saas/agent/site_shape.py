"""What is particular about the site of this process: how much was customised there. Its database is asked."""

import frappe

# What the guide calls customisations, and how those are found that nobody shipped with an app.
CUSTOM = {
	"Custom Field": {"is_system_generated": 0},
	"Property Setter": {"is_system_generated": 0},
	"Client Script": {"enabled": 1},
	"Server Script": {"disabled": 0},
	"DocType": {"custom": 1},
}


def customisations() -> int:
	"""How many custom fields, property setters, scripts and doctypes of its own the site has."""
	return sum(
		frappe.db.count(doctype, filters)
		for doctype, filters in CUSTOM.items()
		if frappe.db.table_exists(doctype)
	)
