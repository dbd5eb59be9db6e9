"""Backups of tenants' sites on record: noted, taken by jobs, thinned out by the plan's retention.

A Backup is the record of one. What it holds lies encrypted in the tenant's Backup Store, on the bench's machine (agent/backup_store.py).
"""

import secrets
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import get_datetime, get_system_timezone, now_datetime

from buildpro_saas.fleet import backup_keys, offsite
from buildpro_saas.fleet.backup_retention import Held, Policy, stays_until, superfluous
from buildpro_saas.jobs import lifecycle

DOCTYPE, PLAYBOOK = "Backup", "back_up"
TAKING, KEPT, FAILED, FORGOTTEN, LOST = "Taking", "Kept", "Failed", "Forgotten", "Lost"
SCHEDULED, BY_HAND = "Scheduled", "By Hand"
LOCAL, OFFSITE, BOTH = "Local", "Offsite", "Local and Offsite"
HERE, PLACES = (LOCAL, BOTH), (LOCAL, OFFSITE, BOTH)
MB = 10**6
# How a backup is known to be good: its files were read again where they were written; it was restored, and compared.
READ_AGAIN, RESTORED = "Read Again", "Restored"
# What a Tenant says of its last drill (drills.py) where that failed.
DRILL_FAILED = "Failed"
UNFINISHED = ("Waiting", "Queued", "Running", "Cancelling")
IN_PLAN = ("backups_per_day", "keep_daily", "keep_weekly", "keep_monthly")
# The same of this site's own backups, which have no tenant, where SaaS Settings (admin_…) say nothing else.
OF_ADMIN_SITE = {"backups_per_day": 4, "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 6}


# -- what jobs ask ---------------------------------------------------------------------------------------------------


def note(tenant: str, bench: str, *, kind: str, why: str = "", **fields) -> str:
	"""The record of a backup that is about to be taken; returns its name. The caller commits. Raises what backup_keys.store_of raises."""
	values = {
		"doctype": DOCTYPE,
		"tenant": tenant,
		"bench": bench,
		"store": backup_keys.store_of(tenant, bench),
		"kind": kind,
		"why": (why or "").strip()[:300],
		"status": TAKING,
		"place": LOCAL,
		"backup_id": secrets.token_hex(8),
		"turn": 0,
		**fields,
	}
	return frappe.get_doc(values).insert(ignore_permissions=True).name


def under_way(tenant: str) -> str | None:
	"""The unfinished job that takes a backup of the tenant; None for none."""
	return frappe.db.get_value(
		"Provisioning Job", {"tenant": tenant, "playbook": PLAYBOOK, "status": ("in", UNFINISHED)}
	)


def store_spec(store: str) -> dict:
	"""What the agent's operations on a store need: {"folder", "store", "key"}. The key is for the agent alone, and in no record of a job."""
	row = frappe.db.get_value(backup_keys.STORE, store, ["store_id", "folder"], as_dict=True)
	return {"folder": row.folder or "", "store": row.store_id, "key": backup_keys.key_of(store)}


def spec(name: str) -> dict:
	"""The same with the backup's id in the store as `backup`."""
	row = frappe.db.get_value(DOCTYPE, name, ["store", "backup_id"], as_dict=True)
	return {**store_spec(row.store), "backup": row.backup_id}


def reading_spec(name: str) -> dict:
	"""What fetch_backup and export_backup take, beside `to`: `spec`, and where it lies offsite, if it does (`offsite`).

	There it is read if the store on the bench's machine does not have it.
	"""
	return {**spec(name), **offsite.spec(frappe.db.get_value(DOCTYPE, name, "store"))}


def set_kept(name: str, taken, seconds: float) -> None:
	"""Note that the backup is whole (agent's backup_facts.Taken), and what it holds. The caller commits."""
	now = now_datetime()
	values = {
		"status": KEPT,
		"error": "",
		"taken_at": now,
		"added": taken.added / MB,
		"seconds": seconds,
		"verified_at": now,
		"verified_how": READ_AGAIN,
		**_held_by(taken),
	}
	frappe.db.set_value(DOCTYPE, name, values)
	_set_expiry(name)


def set_read(name: str, taken) -> None:
	"""Note what a kept backup holds of which nobody knew it (agent's backup_facts.Taken, as it was read). The caller commits."""
	frappe.db.set_value(DOCTYPE, name, _held_by(taken))
	_set_expiry(name)


def _held_by(taken) -> dict:
	return {
		"size": taken.size / MB,
		"manifest": frappe.as_json(asdict(taken.about.manifest), indent=None),
		"apps": "\n".join(f"{app.app} {app.version}".strip() for app in taken.about.apps),
		"tables": len(taken.about.manifest.tables),
		"records": sum(rows for rows, _checksum in taken.about.manifest.tables.values()),
		"database": taken.about.database,
		"binary_log": frappe.as_json(asdict(taken.about.log), indent=None) if taken.about.log else "",
	}


def _set_expiry(name: str) -> None:
	"""Note until when the backup stays on the bench's machine, if it lies there."""
	tenant = frappe.db.get_value(DOCTYPE, name, "tenant")
	held = held_of(tenant)
	for each in held:
		if each.name == name:
			frappe.db.set_value(DOCTYPE, name, "expires_on", stays_until(each, held, policy_of(tenant)))


def job_is(inputs: dict, status: str) -> None:
	"""The playbook's on_status: the record says that its job runs, and with which reason it failed."""
	name = inputs["backup"]
	if frappe.db.get_value(DOCTYPE, name, "status") not in (TAKING, FAILED):
		return
	if status == "Running":
		frappe.db.set_value(DOCTYPE, name, {"status": TAKING, "error": ""})
	elif status in ("Failed", "Cancelled"):
		error = frappe.db.get_value("Provisioning Job", {"name": _job_of(name)}, "error")
		values = {"status": FAILED, "error": error or _("It was cancelled.")}
		frappe.db.set_value(DOCTYPE, name, values)


def _job_of(name: str) -> str:
	return frappe.db.get_value(DOCTYPE, name, "job")


def start_on_store(playbook: str, store: str) -> str:
	"""Start a job that works on a store, whosever it is; returns the job's name. The caller commits."""
	row = frappe.db.get_value(backup_keys.STORE, store, ["tenant", "bench"], as_dict=True)
	about = None if row.tenant else frappe.local.site
	of = {"tenant": row.tenant, "bench": row.bench, "about": about, "subject": store}
	return lifecycle.start(playbook, inputs={"store": store}, **of).name


def job_on_store(playbook: str, store: str, **filters) -> str | None:
	"""The newest such job (filters: of its record); None for none."""
	found = frappe.get_all(
		"Provisioning Job",
		{"playbook": playbook, "subject": store, **filters},
		pluck="name",
		order_by="creation desc",
		limit=1,
	)
	return found[0] if found else None


# -- retention -------------------------------------------------------------------------------------------------------


def policy_of(tenant: str | None) -> Policy:
	"""How much is kept of the tenant's backups: as the tenant says where it does, else as its plan says. None: of this site's own."""
	found = numbers_of(tenant)
	return Policy(found["keep_daily"], found["keep_weekly"], found["keep_monthly"])


def numbers_of(tenant: str | None) -> dict[str, int]:
	"""{field of IN_PLAN: number} of the tenant's own, or of its plan where the tenant's is 0. -1 of a tenant means none. None: this site's."""
	if not tenant:
		settings = frappe.get_single("SaaS Settings")
		return {field: settings.get(f"admin_{field}") or usual for field, usual in OF_ADMIN_SITE.items()}
	row = frappe.db.get_value("Tenant", tenant, ["plan", *IN_PLAN], as_dict=True)
	plan = frappe.db.get_value("Plan", row.plan, IN_PLAN, as_dict=True) or {}
	return {field: max(row[field] or plan.get(field) or 0, 0) for field in IN_PLAN}


def held_of(tenant: str | None, places: tuple = HERE) -> list[Held]:
	"""The tenant's kept backups in these places (None: this site's), in the order in which they were made, with times in its own zone."""
	zone = zone_of(tenant)
	fields = ["name", "taken_at", "verified_how"]
	filters = {"tenant": tenant or ("is", "not set"), "status": KEPT, "place": ("in", places)}
	rows = frappe.get_all(DOCTYPE, filters, fields, order_by="creation, name")
	return [Held(row.name, in_zone(row.taken_at, zone), row.verified_how == RESTORED) for row in rows]


def to_forget(tenant: str | None, store: str) -> list[str]:
	"""Names of the tenant's backups in that store on the bench's machine that its plan does not keep there.

	None as long as its last drill is a failed one.
	"""
	if is_kept_by_drill(tenant):
		return []
	names = superfluous(held_of(tenant), policy_of(tenant), in_zone(now_datetime(), zone_of(tenant)))
	return [name for name in names if frappe.db.get_value(DOCTYPE, name, "store") == store]


def is_in_use(store: str) -> bool:
	"""Whether a backup on record lies in the store on the bench's machine."""
	return bool(frappe.db.exists(DOCTYPE, {"store": store, "status": KEPT, "place": ("in", HERE)}))


def is_kept_by_drill(tenant: str | None) -> bool:
	"""Whether nothing of the tenant's (None: this site's) is forgotten, because its last drill failed: nobody knows which are good."""
	if not tenant:
		return bool(failing_of_admin_site())
	return frappe.db.get_value("Tenant", tenant, "drill_status") == DRILL_FAILED


def failing_of_admin_site() -> str | None:
	"""The newest backup of this site itself whose drill failed, where none that is newer has passed since; None for none."""
	failed = _newest_of_admin_site(drill_error=("is", "set"))
	passed = _newest_of_admin_site(verified_how=RESTORED)
	return failed.name if failed and not (passed and passed.taken_at > failed.taken_at) else None


def _newest_of_admin_site(**having):
	of = {"tenant": ("is", "not set"), "status": KEPT, **having}
	newest = {"order_by": "taken_at desc, creation desc", "limit": 1}
	return next(iter(frappe.get_all(DOCTYPE, of, ["name", "taken_at"], **newest)), None)


def zone_of(tenant: str | None) -> str:
	"""The tenant's time zone; this site's where it has none."""
	return (tenant and frappe.db.get_value("Tenant", tenant, "time_zone")) or get_system_timezone()


def in_zone(moment: datetime, zone: str) -> datetime:
	"""A time of this site's records, in another zone; without a zone, as all times of records."""
	here = get_datetime(moment).replace(tzinfo=ZoneInfo(get_system_timezone()))
	return here.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def set_forgotten(names: list[str]) -> None:
	"""Note that these are gone. Their records stay. The caller commits."""
	for name in names:
		frappe.db.set_value(DOCTYPE, name, {"status": FORGOTTEN, "manifest": ""})


def set_gone(names: list[str], place: str) -> None:
	"""Note that these are gone from one place, LOCAL or OFFSITE: those that lie in the other one, too, stay. The caller commits."""
	for name in names:
		found = frappe.db.get_value(DOCTYPE, name, "place")
		if left := place_of(found != OFFSITE and place != LOCAL, found != LOCAL and place != OFFSITE):
			frappe.db.set_value(DOCTYPE, name, "place", left)
		else:
			set_forgotten([name])


def place_of(is_here: bool, is_offsite: bool) -> str | None:
	"""What a record says of where its backup lies; None for nowhere."""
	return {(True, True): BOTH, (True, False): LOCAL, (False, True): OFFSITE}.get((is_here, is_offsite))
