"""What tenants use of what they pay for, and what they ask for beyond it: uses and refusals of each feature in a time."""

import frappe
from frappe import _
from frappe.utils import add_days, getdate, nowdate
from pypika import Order
from pypika.functions import Max, Sum

from buildpro_saas.control_plane.access import staff

COLUMNS = (
	{"fieldname": "tenant", "label": "Tenant", "fieldtype": "Link", "options": "Tenant", "width": 160},
	{"fieldname": "plan", "label": "Plan", "fieldtype": "Link", "options": "Plan", "width": 120},
	{"fieldname": "status", "label": "Status", "fieldtype": "Data", "width": 110},
	{"fieldname": "feature", "label": "Feature or Limit", "fieldtype": "Data", "width": 180},
	{"fieldname": "allowed", "label": "Allowed", "fieldtype": "Int", "width": 110},
	{"fieldname": "denied", "label": "Denied", "fieldtype": "Int", "width": 110},
	{"fieldname": "shadow", "label": "Shadow", "fieldtype": "Int", "width": 110},
	{"fieldname": "last_day", "label": "Last Day", "fieldtype": "Date", "width": 110},
)
DAYS = 30


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Columns and rows for Frappe's report view; for SaaS Manager and SaaS Support.

	filters: "from_date", "to_date" (the last 30 days where not given), "tenant", "plan", "feature".
	"""
	staff.only_for_staff()
	filters = frappe._dict(filters or {})
	return [{**column, "label": _(column["label"])} for column in COLUMNS], _rows(filters)


def _rows(filters: frappe._dict) -> list[dict]:
	usage, tenant = frappe.qb.DocType("Tenant Usage"), frappe.qb.DocType("Tenant")
	query = (
		frappe.qb.from_(usage)
		.join(tenant)
		.on(tenant.name == usage.tenant)
		.select(usage.tenant, tenant.plan, tenant.status, usage.feature)
		.select(*(Sum(usage[outcome]).as_(outcome) for outcome in ("allowed", "denied", "shadow")))
		.select(Max(usage.date).as_("last_day"))
		.where(tenant.cloned_from.isnull() | (tenant.cloned_from == ""))  # a clone is no customer
		.where(usage.date >= getdate(filters.from_date or add_days(nowdate(), -DAYS)))
		.where(usage.date <= getdate(filters.to_date or add_days(nowdate(), 1)))
		.groupby(usage.tenant, tenant.plan, tenant.status, usage.feature)
		.orderby(usage.tenant)
		.orderby(Sum(usage.denied), order=Order.desc)
		.orderby(usage.feature)
	)
	for field, column in (("tenant", usage.tenant), ("plan", tenant.plan), ("feature", usage.feature)):
		if filters.get(field):
			query = query.where(column == filters[field])
	return query.run(as_dict=True)
