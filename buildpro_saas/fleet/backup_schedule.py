"""Takes the backups that plans promise, each in its tenant's night, and looks after the stores."""

from dataclasses import dataclass
from datetime import datetime, timezone

import frappe
from frappe import _
from frappe.utils import get_system_timezone, get_time, now_datetime

from buildpro_saas import site_role
from buildpro_saas.fleet import backup_keys, backup_requests, backups, offsite, point_in_time
from buildpro_saas.fleet.backup_times import Rhythm, Turn, begins_at, pause_after, turn_at
from buildpro_saas.jobs import lifecycle, sites
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.tenant_status import WITH_SITE

AT_ONCE = 2


@dataclass(frozen=True, order=True)
class Due:
	"""A tenant (by its name) whose turn has begun, in UTC. turn: None where a restore to a moment has nothing to begin with."""

	begun: datetime
	name: str
	turn: Turn | None


def take_due_backups() -> None:
	"""Every ten minutes, on the admin site: start the backups whose turn it is, the one that waits longest first.

	No more than a bench takes at once; the others have their turn at the next look. A turn that nobody came to is made up for as long as
	the next one has not begun. Nothing is begun without a recovery key.
	"""
	if not site_role.is_admin_site() or not backup_keys.recipient():
		return
	now = datetime.now(timezone.utc)
	for bench in frappe.get_all("Bench", {"is_reachable": 1}, ["name", "max_backups"]):
		free = (bench.max_backups or AT_ONCE) - _running(bench.name)
		for due in _due(bench.name, now)[: max(free, 0)]:
			lifecycle.shielded(_start, due)


def _start(due: Due) -> None:
	why = "" if due.turn else _("The site has another database: restores to a moment begin with this backup")
	backup_requests.start(frappe.get_doc("Tenant", due.name), kind=backups.SCHEDULED, why=why, turn=due.turn)
	frappe.db.commit()


def _running(bench: str) -> int:
	return frappe.db.count(
		"Provisioning Job",
		{"bench": bench, "playbook": backups.PLAYBOOK, "status": ("in", backups.UNFINISHED)},
	)


def _due(bench: str, now: datetime) -> list[Due]:
	"""The tenants whose turn it is, the one whose turn began first in front."""
	fields = ["name", "time_zone", "backup_at"]
	found = []

	def look_at(tenant) -> None:
		rhythm = rhythm_of(tenant)
		turn = turn_at(now, rhythm, tenant.name)
		if turn and not _is_settled(tenant.name, turn) and not backups.under_way(tenant.name):
			found.append(Due(begins_at(turn, rhythm, tenant.name), tenant.name, turn))
		elif not backups.under_way(tenant.name) and point_in_time.wants_backup(tenant.name):
			found.append(Due(now, tenant.name, None))

	for tenant in frappe.get_all("Tenant", {"bench": bench, "status": ("in", WITH_SITE)}, fields):
		lifecycle.shielded(look_at, tenant)
	return sorted(found)


def rhythm_of(tenant) -> Rhythm:
	"""How often the tenant (name, time_zone, backup_at) is backed up by itself, and from when on."""
	at = None if tenant.backup_at in (None, "") else get_time(str(tenant.backup_at))
	numbers = backups.numbers_of(tenant.name)
	return Rhythm(numbers["backups_per_day"], tenant.time_zone or get_system_timezone(), at)


def _is_settled(tenant: str, turn: Turn) -> bool:
	"""Whether the turn has its backup, or rests after a failure."""
	rows = frappe.get_all(
		backups.DOCTYPE,
		{"tenant": tenant, "for_day": turn.day, "turn": turn.number},
		["status", "modified"],
		order_by="creation desc",
	)
	if any(row.status != backups.FAILED for row in rows):
		return True
	return bool(rows) and now_datetime() < rows[0].modified + pause_after(len(rows))


def remove_destroyed_stores() -> None:
	"""Every ten minutes, on the admin site: remove the folders of stores whose keys were destroyed, and what lies offsite of them."""
	if not site_role.is_admin_site():
		return
	filters = {"status": backup_keys.DESTROYED, "is_removed": 0}
	for store in frappe.get_all(
		backup_keys.STORE, filters, ["name", "tenant", "bench", "folder", "store_id"]
	):
		if is_reached(store.bench):
			lifecycle.shielded(_remove, store)


def _remove(store) -> None:
	with sites.held(store.tenant) as is_ours:
		if not is_ours:
			return  # ten minutes later
		if copies := offsite.spec(store.name):
			door_of(store.bench).do(
				"remove_offsite", folder=store.folder or "", store=store.store_id, **copies
			)
		door_of(store.bench).do("remove_store", folder=store.folder or "", store=store.store_id)
		frappe.db.set_value(backup_keys.STORE, store.name, "is_removed", 1)
		kept = frappe.get_all(backups.DOCTYPE, {"store": store.name, "status": backups.KEPT}, pluck="name")
		backups.set_forgotten(kept)
		frappe.db.commit()
