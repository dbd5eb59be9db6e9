"""When a trial ends or a scheduled change is due, the tenant's record follows what its site does already."""

import frappe
from frappe.utils import now_datetime

from buildpro_saas import site_role
from buildpro_saas.jobs import lifecycle
from buildpro_saas.licensing import delivery


def follow_agreed_dates() -> None:
	"""Every five minutes, on the admin site: move each tenant whose date has come to its plan, and send new entitlements by one batch.

	Commits after each tenant. One that cannot be moved is noted in the Error Log and tried again; it does not keep the others.
	"""
	if not site_role.is_admin_site():
		return
	with delivery.together():
		for tenant in due():
			lifecycle.shielded(_follow, tenant)
	frappe.db.commit()


def _follow(tenant: str) -> None:
	frappe.get_doc("Tenant", tenant).follow_terms()
	frappe.db.commit()


def due() -> list[str]:
	"""The tenants with a date that has come, and that their record does not follow yet."""
	table = frappe.qb.DocType("Tenant")
	now = now_datetime()
	# not get_all, for which an empty date is an early one
	query = (
		frappe.qb.from_(table)
		.select(table.name)
		.where((table.trial_ends_on <= now) | (table.next_plan_on <= now))
		.where(table.status != "Removed")
	)
	return query.orderby(table.name).run(pluck=True)
