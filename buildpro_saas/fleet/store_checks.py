"""Looks at each store, here and offsite, by turns: is it sound, and does it have what the records say?"""

import frappe
from frappe import _
from frappe.utils import add_days, convert_utc_to_system_timezone, get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.fleet import (
	admin_backup,
	backup_keys,
	backups,
	benches,
	offsite,
	store_records,
	unread_backups,
)
from buildpro_saas.fleet.store_records import Comparison, Record, StoreFacts
from buildpro_saas.jobs import lifecycle
from buildpro_saas.refusal import refuse

PLAYBOOK = "check_store"
DAYS = 7  # between two looks at a store
PARTS, PARTS_OFFSITE = 10, 30  # in how many looks all of its data is read once; offsite reading is paid for
AT_ONCE = 1  # of each bench
PLACES = (store_records.HERE, store_records.OFFSITE)
SECONDS = len("2027-01-31T14:05:00")  # of a moment in ISO 8601
FACTS = (
	"name",
	"tenant",
	"check_error",
	"offsite_place",
	"offsite_error",
	"offsite_check_error",
	"strangers",
)


def check_due_stores() -> None:
	"""Every ten minutes, on the admin site: check the stores whose last look was a week ago, the longest one first, one a bench at once."""
	if not site_role.is_admin_site():
		return
	before = add_days(now_datetime(), -DAYS)
	for bench in frappe.get_all("Bench", {"is_reachable": 1}, pluck="name"):
		free = AT_ONCE - _running(bench)
		if free < 1:
			continue
		rows = frappe.db.sql(
			"""select name, tenant from `tabBackup Store` where bench = %s and status = %s
			and coalesce(checked_at, creation) < %s order by coalesce(checked_at, creation) limit 20""",
			(bench, backup_keys.IN_USE, before),
			as_dict=True,
		)
		for row in [row for row in rows if not backups.under_way(row.tenant)][:free]:
			lifecycle.shielded(start, row.name)


def start(store: str) -> str:
	"""Start the job that checks a store, unless one is under way; returns its name. Commits.

	Raises frappe.ValidationError for a store whose key was destroyed.
	"""
	backup_keys.key_of(store)
	benches.only_reached(frappe.db.get_value(backup_keys.STORE, store, "bench"))
	job = under_way(store) or backups.start_on_store(PLAYBOOK, store)
	frappe.db.commit()
	return job


def start_all() -> list[str]:
	"""Start a check of each store that is in use and can be reached; returns the jobs. Commits."""
	benches_there = frappe.get_all("Bench", {"is_reachable": 1}, pluck="name")
	filters = {"status": backup_keys.IN_USE, "bench": ("in", benches_there)}
	return [start(name) for name in frappe.get_all(backup_keys.STORE, filters, pluck="name", order_by="name")]


def with_strangers() -> list[str]:
	"""The stores in use in which the last look found backups that no record knows."""
	filters = {"status": backup_keys.IN_USE, "strangers": ("is", "set")}
	return frappe.get_all(backup_keys.STORE, filters, pluck="name", order_by="name")


def under_way(store: str) -> str | None:
	"""The unfinished job that checks the store; None for none."""
	return backups.job_on_store(PLAYBOOK, store, status=("in", backups.UNFINISHED))


def of_tenant(tenant: str) -> str:
	"""The tenant's store that is in use; this site's own for its name. Raises frappe.ValidationError where there is none."""
	whose = ("is", "not set") if tenant == frappe.local.site else tenant
	found = frappe.get_all(
		backup_keys.STORE,
		{"tenant": whose, "status": backup_keys.IN_USE},
		pluck="name",
		order_by="creation desc",
		limit=1,
	)
	return found[0] if found else refuse(_("{0} has no backups that could be checked."), tenant)


def share_of(number: int, parts: int) -> str:
	"""Which part of a store's data the look of that number (0, 1, …) reads, as restic takes it."""
	return f"{number % parts + 1}/{parts}"


def _running(bench: str) -> int:
	return frappe.db.count(
		"Provisioning Job", {"bench": bench, "playbook": PLAYBOOK, "status": ("in", backups.UNFINISHED)}
	)


# -- what jobs ask ---------------------------------------------------------------------------------------------------


def records_of(store: str) -> list[Record]:
	"""All records of backups in the store."""
	rows = frappe.get_all(
		backups.DOCTYPE, {"store": store}, ["name", "backup_id", "status"], order_by="creation, name"
	)
	return [
		Record(
			row.name, row.backup_id, row.status in (backups.KEPT, backups.LOST), row.status == backups.TAKING
		)
		for row in rows
	]


def set_compared(store: str, found: Comparison, offsite_place: dict | None = None) -> None:
	"""Note where the backups lie, which are lost, and which are unknown. offsite_place: where copies were found. The caller commits."""
	if offsite_place:
		frappe.db.set_value(backup_keys.STORE, store, "offsite_place", offsite.described(offsite_place))
	for name, (is_here, is_offsite) in found.places.items():
		# a Lost one that is found again is Kept again
		row = frappe.db.get_value(backups.DOCTYPE, name, ["status", "place"], as_dict=True)
		place = backups.place_of(is_here, is_offsite)
		values = {"status": backups.KEPT, "place": place} if place else {"status": backups.LOST}
		if any(row[field] != value for field, value in values.items()):
			frappe.db.set_value(backups.DOCTYPE, name, values)
	frappe.db.set_value(backup_keys.STORE, store, "strangers", store_records.told(found.strangers))


def take_in(store: str) -> list[str]:
	"""Make records of the backups that the last look found and no record knows; returns their names. The caller commits.

	As after the admin site was restored from an older backup. A job reads what they hold: until then the records do not say it.
	"""
	row = frappe.db.get_value(backup_keys.STORE, store, ["tenant", "bench", "strangers"], as_dict=True)
	found = store_records.read(row.strangers)
	names = []
	for id in dict.fromkeys(id for ids in found.values() for id in ids):
		id, _at, taken_at = id.partition("@")
		if frappe.db.exists(backups.DOCTYPE, {"store": store, "backup_id": id}):
			continue
		is_in = [any(each.startswith(id) for each in found.get(place, ())) for place in PLACES]
		taken_at = convert_utc_to_system_timezone(get_datetime(taken_at[:SECONDS])).replace(tzinfo=None)
		doc = frappe.get_doc(
			{
				"doctype": backups.DOCTYPE,
				"tenant": row.tenant,
				"bench": row.bench,
				"store": store,
				"kind": backups.BY_HAND if row.tenant else admin_backup.KIND,
				"why": _("Found in the store"),
				"status": backups.KEPT,
				"place": backups.place_of(*is_in),
				"backup_id": id,
				"taken_at": taken_at,
			}
		)
		names.append(doc.insert(ignore_permissions=True).name)
	frappe.db.set_value(backup_keys.STORE, store, "strangers", "")
	unread_backups.start(store)
	return names


def facts_of(bench: str) -> list[StoreFacts]:
	"""What is on record of the bench's stores, for drift."""
	lost: dict[str, list[str]] = {}
	for row in frappe.get_all(
		backups.DOCTYPE, {"bench": bench, "status": backups.LOST}, ["name", "store"], order_by="name"
	):
		lost.setdefault(row.store, []).append(row.name)
	rows = frappe.get_all(backup_keys.STORE, {"bench": bench, "status": backup_keys.IN_USE}, FACTS)
	if not frappe.db.get_single_value("SaaS Settings", "offsite_kind"):
		for row in rows:  # it was switched off: what copying met once concerns nobody
			row.update(dict.fromkeys(("offsite_error", "offsite_check_error"), ""))
	for row in rows:
		row.tenant = row.tenant or frappe.local.site  # this site's own
	return [
		StoreFacts(**{field: row[field] or "" for field in FACTS}, lost=tuple(lost.get(row.name, ())))
		for row in rows
	]
