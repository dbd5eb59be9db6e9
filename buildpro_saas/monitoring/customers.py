"""Reads the records that business.py reckons with, in a few questions for all tenants."""

from collections import defaultdict
from decimal import Decimal

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.monitoring.business import Customer, Price


def read() -> list[Customer]:
	"""All tenants but those that are removed or not begun."""
	rows = frappe.get_all(
		"Tenant",
		{"status": ("not in", ("Draft", "Removed"))},
		["name", "plan", "status", "trial_ends_on", "cloned_from"],
		order_by="name",
	)
	addons, limits = _addons(), _limits()
	return [
		Customer(
			name=row.name,
			plan=row.plan,
			status=row.status,
			trial_ends=get_datetime(row.trial_ends_on) if row.trial_ends_on else None,
			is_clone=bool(row.cloned_from),
			addons=addons.get(row.name, {}),
			limits=limits.get(row.name, {}),
		)
		for row in rows
	]


def prices(doctype: str) -> dict[str, Price]:
	"""{name: Price} of all Plans or Add-ons."""
	rows = frappe.get_all(doctype, fields=["name", "price", "currency", "billing_period"])
	return {
		row.name: Price(Decimal(str(row.price or 0)), row.currency or "", row.billing_period or "Monthly")
		for row in rows
	}


def _addons() -> dict[str, dict[str, int]]:
	"""{tenant: {add-on: how many}} of those that hold now."""
	now, found = now_datetime(), defaultdict(lambda: defaultdict(int))
	rows = frappe.get_all(
		"Tenant Add-on", {"parenttype": "Tenant"}, ["parent", "addon", "quantity", "starts_on", "ends_on"]
	)
	for row in rows:
		has_begun = not row.starts_on or get_datetime(row.starts_on) <= now
		if has_begun and (not row.ends_on or get_datetime(row.ends_on) > now):
			found[row.parent][row.addon] += row.quantity or 1
	return found


def _limits() -> dict[str, dict[str, tuple[float, float]]]:
	rows = frappe.get_all("Tenant Limit Level", {"is_limited": 1}, ["tenant", "limit_key", "used", "value"])
	found: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
	for row in rows:
		found[row.tenant][row.limit_key] = (row.used or 0, row.value or 0)
	return found
