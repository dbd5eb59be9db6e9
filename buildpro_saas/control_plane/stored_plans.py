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


def offered() -> list[dict]:
	"""The active plans as entitlements.plans.resolve returns them, the lowest-ranked first."""
	stored = stored_plans()
	active = [plan for plan in stored.values() if plan["is_active"]]
	return [
		plans.resolve(stored, plan["name"])
		for plan in sorted(active, key=lambda plan: (plan["rank"], plan["name"]))
	]


def available_in(offers: list[dict]) -> dict[str, str]:
	"""For each feature that a plan of `offers` (see offered) has, the first one that has it."""
	found: dict[str, str] = {}
	for plan in offers:
		for feature in plan["features"]:
			found.setdefault(feature, plan["plan"])
	return found


def _rows(doctype: str, *fields: str) -> list:
	return frappe.get_all(doctype, {"parenttype": "Plan"}, ["parent", *fields], order_by="parent, idx")
