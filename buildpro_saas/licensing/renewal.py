"""Looks after the entitlements that tenants' sites have: renewed in time, sent again where they are lost or say what is not so any more."""

import zlib

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.entitlements import clock
from buildpro_saas.jobs import lifecycle
from buildpro_saas.licensing import backoff, delivery, site_files
from buildpro_saas.licensing.sources import Sources
from buildpro_saas.tenant_status import WITH_SITE

SLOTS = 6  # an hour's runs of renew_entitlements, among which the tenants are spread


def renew_entitlements() -> None:
	"""Every ten minutes, on the admin site: renew the entitlements whose time is half over, and send those that say what is not so any
	more, or that a site does not have.

	What changed is what `delivery.send` sends at once; here it is looked at once an hour for each tenant, for whatever that was not called
	for. What the sites have is looked at in each run: a file that was lost or damaged closes a site. One that cannot be looked at is in
	the Error Log, and does not keep the others.
	"""
	if not site_role.is_admin_site():
		return
	fields = ["name", "site", "bench", "entitlement_sequence", "entitlement_renew_at", *backoff.FIELDS]
	tenants = frappe.get_all("Tenant", {"status": ("in", WITH_SITE)}, fields, order_by="name")
	under_way, sources = delivery.under_way(), Sources()
	due = []

	def look_at(row) -> None:
		if row.name not in under_way and _is_due(row, sources):
			due.append(row.name)

	for row in tenants:
		lifecycle.shielded(look_at, row)
	if due:
		delivery.send(due, "renewed", priority=delivery.RENEWAL)


def _is_due(row, sources: Sources) -> bool:
	now = now_datetime()
	if backoff.is_resting(row, now):
		return False
	renew_at = row.entitlement_renew_at and get_datetime(row.entitlement_renew_at)
	if clock.is_renewal_due(renew_at or None, now, sources.valid_days):
		return True
	if not site_files.is_in_force(row.bench, row.site, row.entitlement_sequence):
		return True
	# one that could not be reached does not wait for its turn of the hour
	is_failing = backoff.is_failing(row, now)
	if not is_failing and zlib.crc32(row.name.encode()) % SLOTS != now.minute * SLOTS // 60:
		return False
	return not frappe.get_doc("Tenant", row.name).is_entitlement_current(sources)
