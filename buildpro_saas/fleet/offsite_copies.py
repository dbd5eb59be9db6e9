"""Copies of backups offsite: which are due, by which jobs, and what the records say of them."""

from dataclasses import dataclass

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from buildpro_saas import site_role
from buildpro_saas.fleet import backup_keys, backups, benches, offsite
from buildpro_saas.fleet.backup_retention import superfluous
from buildpro_saas.fleet.backup_times import pause_after
from buildpro_saas.jobs import lifecycle
from buildpro_saas.refusal import refuse

PLAYBOOK = "copy_offsite"
AT_ONCE = 1  # of each bench: they share its line
FIELDS = ("name", "tenant", "bench", "offsite_place", "offsite_failures", "offsite_tried_at")


@dataclass(frozen=True)
class Wanted:
	"""What belongs offsite of a store: names of backups that are to be copied, and of those that are to go there."""

	copied: list[str]
	forgotten: list[str]


def copy_due_backups() -> None:
	"""Every ten minutes, on the admin site: have the backups copied offsite that are not there, a bounded number of stores at once."""
	if not site_role.is_admin_site() or not (place := offsite.where()):
		return
	for bench in frappe.get_all("Bench", {"is_reachable": 1}, pluck="name"):
		free = AT_ONCE - _running(bench)
		stores = frappe.get_all(
			backup_keys.STORE,
			{"bench": bench, "status": backup_keys.IN_USE},
			FIELDS,
			order_by="offsite_at, name",
		)
		filters = {"bench": bench, "status": backups.KEPT, "place": backups.LOCAL}
		here_alone = set(frappe.get_all(backups.DOCTYPE, filters, pluck="store", distinct=True))
		for store in stores:
			if free < 1:
				break
			may_be = store.name in here_alone or store.offsite_place != offsite.described(place)
			if may_be and _has_owner(store) and _is_due(store, place) and not under_way(store.name):
				lifecycle.shielded(start, store.name)
				free -= 1


def start(store: str) -> str:
	"""Start the job that copies a store's backups offsite, unless one is under way; returns its name. Commits.

	Raises frappe.ValidationError where there is nowhere to copy to.
	"""
	if not frappe.db.get_single_value(offsite.SETTINGS, "offsite_kind"):
		refuse(_("There is nowhere to copy backups to: see Offsite Backups in SaaS Settings."))
	benches.only_reached(frappe.db.get_value(backup_keys.STORE, store, "bench"))
	job = under_way(store) or backups.start_on_store(PLAYBOOK, store)
	frappe.db.commit()
	return job


def under_way(store: str) -> str | None:
	"""The unfinished job that copies the store's backups; None for none."""
	return backups.job_on_store(PLAYBOOK, store, status=("in", backups.UNFINISHED))


def wanted(store: str, tenant: str | None) -> Wanted:
	"""What is to be copied of the store's backups, and what offsite is not needed any more. tenant: None where it is this site's."""
	everywhere = backups.held_of(tenant, backups.PLACES)
	now = backups.in_zone(now_datetime(), backups.zone_of(tenant))
	needless = set(superfluous(everywhere, offsite.policy(backups.policy_of(tenant)), now))
	rows = frappe.get_all(
		backups.DOCTYPE,
		{"store": store, "status": backups.KEPT},
		["name", "place"],
		order_by="creation, name",
	)
	goes = set() if backups.is_kept_by_drill(tenant) else needless
	return Wanted(
		[row.name for row in rows if row.place != backups.OFFSITE and row.name not in needless],
		[row.name for row in rows if row.place != backups.LOCAL and row.name in goes],
	)


def _has_owner(store) -> bool:
	"""Whether somebody says how much is kept of it: the tenant, or this site. A tenant's record may be gone, and must stop no others."""
	return not store.tenant or bool(frappe.db.exists("Tenant", store.tenant))


def _is_due(store, place: dict) -> bool:
	if store.offsite_failures and now_datetime() < get_datetime(store.offsite_tried_at) + pause_after(
		store.offsite_failures
	):
		return False
	names = wanted(store.name, store.tenant).copied
	if not names:
		return False
	if store.offsite_place != offsite.described(place):
		return True
	return any(frappe.db.get_value(backups.DOCTYPE, name, "place") == backups.LOCAL for name in names)


def _running(bench: str) -> int:
	return frappe.db.count(
		"Provisioning Job", {"bench": bench, "playbook": PLAYBOOK, "status": ("in", backups.UNFINISHED)}
	)


# -- what jobs ask ---------------------------------------------------------------------------------------------------


def set_copied(store: str, place: dict, there: list[str], size: int) -> None:
	"""Note what lies offsite. there: IDs of all backups that lie there. The caller commits."""
	for row in frappe.get_all(
		backups.DOCTYPE, {"store": store, "status": backups.KEPT}, ["name", "backup_id", "place"]
	):
		now = backups.place_of(row.place != backups.OFFSITE, row.backup_id in there)
		if now and now != row.place:
			frappe.db.set_value(backups.DOCTYPE, row.name, "place", now)
	values = {
		"offsite_place": offsite.described(place),
		"offsite_at": now_datetime(),
		"offsite_size": size / backups.MB,
		"offsite_error": "",
		"offsite_tried_at": None,
		"offsite_failures": 0,
	}
	frappe.db.set_value(backup_keys.STORE, store, values)


def job_is(inputs: dict, status: str) -> None:
	"""The playbook's on_status: the store's record says why copying failed, which alerts and drift show."""
	if status != "Failed":
		return
	store = inputs["store"]
	error = frappe.db.get_value("Provisioning Job", backups.job_on_store(PLAYBOOK, store), "error") or ""
	failures = frappe.db.get_value(backup_keys.STORE, store, "offsite_failures") or 0
	values = {
		"offsite_error": error,
		"offsite_tried_at": now_datetime(),
		"offsite_failures": failures + 1,
	}
	frappe.db.set_value(backup_keys.STORE, store, values)
