"""How long a tenant's site that could not be reached is left alone. Two fields of the Tenant say it."""

from datetime import datetime

import frappe
from frappe.utils import add_to_date, get_datetime, now_datetime

# A site is left alone for as long as it has been failing already, within these bounds (seconds): ten minutes, ten, twenty,
# forty, and then an hour each time.
SHORTEST, LONGEST = 600, 3600
# The scheduler comes every ten minutes, and not to the second; nor does a delivery fail in no time.
EARLY = 120
FIELDS = ("delivery_failing_since", "delivery_next_try")


def failed(tenant: str) -> None:
	"""Note that the site of the tenant (its name) could not be given its entitlement. The caller commits."""
	now = now_datetime()
	since = frappe.db.get_value("Tenant", tenant, FIELDS[0], for_update=True)
	# a time in the future was noted by a clock that ran ahead, and says nothing
	since = get_datetime(since) if since and get_datetime(since) <= now else now
	pause = min(max((now - since).total_seconds(), SHORTEST), LONGEST)
	values = dict(zip(FIELDS, (since, add_to_date(now, seconds=pause - EARLY)), strict=True))
	frappe.db.set_value("Tenant", tenant, values, update_modified=False)


def reached(tenant) -> None:
	"""Note that the site of the tenant (document) has its entitlement. The caller commits."""
	if any(tenant.get(field) for field in FIELDS):
		tenant.update(dict.fromkeys(FIELDS))
		frappe.db.set_value("Tenant", tenant.name, dict.fromkeys(FIELDS), update_modified=False)


def is_failing(tenant, now: datetime) -> bool:
	"""Whether the last delivery to the tenant's site failed. tenant: a row or document with FIELDS."""
	since = tenant.get(FIELDS[0])
	return bool(since) and get_datetime(since) <= now


def is_resting(tenant, now: datetime) -> bool:
	"""Whether the tenant's site is to be left alone as of `now`. tenant: a row or document with FIELDS."""
	until = tenant.get(FIELDS[1])
	return (
		is_failing(tenant, now)
		and bool(until)
		and now < get_datetime(until) <= add_to_date(now, seconds=LONGEST)
	)
