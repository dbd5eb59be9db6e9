import json

import frappe

DOCTYPE = "Provisioning Job"


def execute() -> None:
	"""Fill the columns by which jobs are now found: their mark, image and database. Before, these were looked for in their JSON."""
	if not frappe.db.table_exists(DOCTYPE):
		return  # a tenant's site, which has the record's doctype but nothing in it, or none
	for row in frappe.get_all(DOCTYPE, {"mark": ("is", "not set")}, ["name", "inputs", "state"]):
		inputs, state = _read(row.inputs), _read(row.state)
		values = {
			"mark": inputs.get("mark"),
			"image": inputs.get("image"),
			"site_mark": inputs.get("site_mark"),
			"database": state.get("reserved_database") or state.get("database"),
		}
		frappe.db.set_value(DOCTYPE, row.name, values, update_modified=False)


def _read(text: str | None) -> dict:
	found = json.loads(text or "{}")
	return found if isinstance(found, dict) else {}
