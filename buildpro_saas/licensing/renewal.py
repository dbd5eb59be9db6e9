"""Looks after the entitlements that tenants' sites have.

They are renewed in time, and sent again where a site has lost one, or has one that does not say what is so any more.
"""

import zlib

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.entitlements import clock
from buildpro_saas.jobs import lifecycle
from buildpro_saas.licensing import backoff, delivery, signing, site_files
from buildpro_saas.licensing.sources import Sources
from buildpro_saas.tenant_status import WITH_SITE

SLOTS = 6  # an hour's runs of renew_entitlements, among which the tenants are spread


def renew_entitlements() -> None:
	"""Every ten minutes, on the admin site: send new entitlements to the sites that need one.

	A site needs one when half of its entitlement's time is over, when the site does not have it (a file that was lost or damaged closes a
	site), and when it does not say any more what is so. Changes are sent at once, by delivery.send. This finds changes after which nobody
	called that; each tenant is looked at for them once an hour. A site that cannot be looked at is noted in the Error Log, and does not
	keep the others.
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
	return not signing.is_current(frappe.get_doc("Tenant", row.name), sources)
