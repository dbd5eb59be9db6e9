"""The Plan documents as plain data, as entitlements/plans.py takes them."""

import frappe

from buildpro_saas.entitlements import plans


def hold() -> None:
	"""Hold all plans until this transaction ends. Whoever changes a plan waits for whoever changes another, and sees that change.

	Call it before the plan's own row is locked: two transactions that held a row each would wait for each other.
	"""
	plan = frappe.qb.DocType("Plan")
	frappe.qb.from_(plan).select(plan.name).orderby(plan.name).for_update().run()


def stored_plans(*, is_current: bool = False) -> dict[str, dict]:
	"""All plans by name, as entitlements.plans.resolve takes them, with "rank" and "is_active".

	is_current: as they are now, for a caller that holds them; else as they were when this transaction began to read.
	"""
	plan = frappe.qb.DocType("Plan")
	query = frappe.qb.from_(plan).select(plan.name, plan.includes, plan["rank"], plan.is_active)
	found = {
		row.name: {**row, "features": [], "limits": {}, "apps": []}
		for row in (query.for_update() if is_current else query).run(as_dict=True)
	}
	for row in _rows(is_current, "Plan Feature", "feature"):
		found[row.parent]["features"].append(row.feature)
	for row in _rows(is_current, "Plan Limit", "limit_key", "value", "is_hard"):
		found[row.parent]["limits"][row.limit_key] = {"value": row.value, "is_hard": bool(row.is_hard)}
	for row in _rows(is_current, "Plan App", "app"):
		found[row.parent]["apps"].append(row.app)
	return found


def offered() -> list[dict]:
	"""The active plans as entitlements.plans.resolve returns them, the lowest rank first.

	A plan that cannot be resolved is left out: it must not stop the tenants of other plans. Its own tenants' deliveries fail with the
	reason.
	"""
	stored, found = stored_plans(), []
	active = [plan for plan in stored.values() if plan["is_active"]]
	for plan in sorted(active, key=lambda plan: (plan["rank"], plan["name"])):
		try:
			found.append(plans.resolve(stored, plan["name"]))
		except plans.PlanError:
			continue
	return found


def available_in(offers: list[dict]) -> dict[str, str]:
	"""{feature: the first plan of `offers` (see offered) that has it}."""
	found: dict[str, str] = {}
	for plan in offers:
		for feature in plan["features"]:
			found.setdefault(feature, plan["plan"])
	return found


def _rows(is_current: bool, doctype: str, *fields: str) -> list:
	row = frappe.qb.DocType(doctype)
	query = frappe.qb.from_(row).select(row.parent, *(row[field] for field in fields))
	query = query.where(row.parenttype == "Plan").orderby(row.parent).orderby(row.idx)
	return (query.for_update() if is_current else query).run(as_dict=True)
