"""Numbers that the admin site's own records have: plans, trials, revenue, limits, backups, certificates, jobs, drift; for Prometheus."""

from collections import Counter

import frappe
from frappe.utils import now_datetime
from pypika.functions import Max

from buildpro_saas.datetimes import epoch
from buildpro_saas.monitoring import business, customers, outlook
from buildpro_saas.monitoring.rates import A_DAY
from buildpro_saas.tenant_status import WITH_SITE

Rows = list[tuple[tuple[str, ...], float]]
# of a Provisioning Job: all but those that ended well
OPEN = ("Waiting", "Queued", "Running", "Cancelling", "Failed")
Family = tuple[str, str, tuple[str, ...], Rows]


def families() -> list[Family]:
	"""[(name, help, names of its labels, [(values of its labels, number)])]; a few questions, however many tenants there are."""
	known = customers.read()
	return [*_of_business(known), *_of_limits(known), *_of_records()]


def of_disks(benches: list[str]) -> Family:
	"""In how long disks are full, of those that fill up."""
	rows = [
		((bench, disk, kind), round(days * A_DAY))
		for bench in benches
		for (disk, kind), days in outlook.full_in_days(bench).items()
	]
	help = "In how long nothing is free on the disk, if it goes on as in the last days"
	return ("bench_disk_full_seconds", help, ("bench", "disk", "kind"), rows)


def _of_business(known: list[business.Customer]) -> list[Family]:
	now = now_datetime()
	revenue = business.monthly_revenue(known, now, customers.prices("Plan"), customers.prices("Add-on"))
	full = business.at_limits(known)
	return [
		("tenants", "Tenants", ("plan", "status"), _rows(business.by_plan_and_status(known))),
		(
			"trials",
			"Tenants in a trial, and those whose trial ends in a week",
			("state",),
			_rows(business.trials(known, now)),
		),
		(
			"monthly_revenue",
			"What tenants bring in a month by the prices of plans and add-ons",
			("plan", "currency"),
			[(key, float(amount)) for key, amount in revenue.items()],
		),
		(
			"tenants_at_limit",
			"Limits of tenants that are reached, or nearly",
			("state",),
			[((state,), len(rows)) for state, rows in full.items()],
		),
	]


def _of_limits(known: list[business.Customer]) -> list[Family]:
	rows = [((each.name, limit), numbers) for each in known for limit, numbers in each.limits.items()]
	labels = ("tenant", "limit")
	return [
		(
			"tenant_limit_used",
			"What of a limit is in use",
			labels,
			[(key, used) for key, (used, _value) in rows],
		),
		("tenant_limit", "What a limit allows", labels, [(key, value) for key, (_used, value) in rows]),
	]


def _of_records() -> list[Family]:
	backups = _newest("Backup", "taken_at", {"status": "Kept"})
	verified = _newest("Backup", "verified_at", {"status": "Kept"})
	certificates = frappe.get_all(
		"Site Certificate", {"status": "Valid", "valid_until": ("is", "set")}, ["folder", "valid_until"]
	)
	failing = frappe.get_all(
		"Tenant",
		{"status": ("in", WITH_SITE), "delivery_failing_since": ("is", "set")},
		["name", "delivery_failing_since"],
	)
	jobs = Counter(frappe.get_all("Provisioning Job", {"status": ("in", OPEN)}, pluck="status"))
	return [
		(
			"tenant_backup_timestamp_seconds",
			"When the newest backup that is kept was taken",
			("tenant",),
			backups,
		),
		(
			"tenant_backup_verified_timestamp_seconds",
			"When a backup was last verified",
			("tenant",),
			verified,
		),
		(
			"certificate_expiry_timestamp_seconds",
			"Until when a certificate is valid",
			("certificate",),
			[((row.folder,), epoch(row.valid_until)) for row in certificates],
		),
		(
			"tenant_delivery_failing_timestamp_seconds",
			"Since when an entitlement could not be delivered",
			("tenant",),
			[((row.name,), epoch(row.delivery_failing_since)) for row in failing],
		),
		(
			"provisioning_jobs",
			"Jobs that wait, run, or have failed",
			("status",),
			[((each,), jobs[each]) for each in OPEN],
		),
		(
			"drift_findings",
			"Open findings of drift",
			(),
			[((), frappe.db.count("Drift Finding", {"status": "Open"}))],
		),
	]


def _newest(doctype: str, field: str, filters: dict) -> Rows:
	"""The latest moment of the field of each tenant."""
	table = frappe.qb.DocType(doctype)
	query = frappe.qb.from_(table).select(table.tenant, Max(table[field])).groupby(table.tenant)
	for name, value in filters.items():
		query = query.where(table[name] == value)
	return [((tenant,), epoch(at)) for tenant, at in query.run() if tenant and at]


def _rows(numbers: dict) -> Rows:
	return [(key if isinstance(key, tuple) else (key,), number) for key, number in numbers.items()]
