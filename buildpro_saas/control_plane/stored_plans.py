"""The Plan documents as plain data, as entitlements/plans.py takes them."""

import frappe

from buildpro_saas.entitlements import plans


def stored_plans() -> dict[str, dict]:
	"""All plans by name, as entitlements.plans.resolve takes them, with "rank" and "is_active"."""
	found = {
		plan.name: {**plan, "features": [], "limits": {}, "apps": []}
		for plan in frappe.get_all("Plan", fields=["name", "includes", "rank", "is_active"])
	}
	for row in _rows("Plan Feature", "feature"):
		found[row.parent]["features"].append(row.feature)
	for row in _rows("Plan Limit", "limit_key", "value", "is_hard"):
		found[row.parent]["limits"][row.limit_key] = {"value": row.value, "is_hard": bool(row.is_hard)}
	for row in _rows("Plan App", "app"):
		found[row.parent]["apps"].append(row.app)
	return found


def available_in() -> dict[str, str | None]:
	"""For each feature of the catalogue, the lowest-ranked active plan that has it, or None when none has."""
	stored = stored_plans()
	offered = sorted(
		(plan for plan in stored.values() if plan["is_active"]), key=lambda plan: (plan["rank"], plan["name"])
	)
	found: dict[str, str | None] = dict.fromkeys(frappe.get_all("Feature", pluck="name"))
	for plan in offered:
		for feature in plans.resolve(stored, plan["name"])["features"]:
			if found.get(feature) is None:
				found[feature] = plan["name"]
	return found


def _rows(doctype: str, *fields: str) -> list:
	return frappe.get_all(doctype, {"parenttype": "Plan"}, ["parent", *fields], order_by="parent, idx")
