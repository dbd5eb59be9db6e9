"""What every tenant's site is told of all features, limits and plans."""

import frappe

from buildpro_saas.licensing.stored_plans import available_in, offered

OPERATIONS = ("create", "write", "submit", "delete")


def catalogue_for_tenants() -> dict:
	"""All features and limits as a tenant's site needs to know them, as entitlements/catalogue.py has it."""
	offers = offered()
	plans = available_in(offers)
	gates: dict[str, list] = {}
	for row in frappe.get_all("Feature Gate", {"parenttype": "Feature"}, ["*"], order_by="parent, idx"):
		gates.setdefault(row.parent, []).append(gate(row))
	return {
		"features": {
			feature.name: {
				"label": feature.label,
				"plan": plans.get(feature.name),
				"gates": gates.get(feature.name, []),
				"hides": bool(feature.hides_existing),
			}
			for feature in frappe.get_all("Feature", fields=["name", "label", "hides_existing"])
		},
		"limits": {},
		"plans": [
			{
				"plan": plan["plan"],
				"limits": {key: limit["value"] for key, limit in plan["limits"].items()},
			}
			for plan in offers
		],
	}


def gate(row) -> dict:
	"""A row of Feature Gate as entitlements/catalogue.py has a gate."""
	gate = {"kind": row.kind, "name": row.target}
	if row.kind == "DocType":
		gate["operations"] = [operation for operation in OPERATIONS if row.get(f"gates_{operation}")]
	return gate
