"""Backups of the admin site itself, with the keys that sign statements: in a store of its own, under the recovery key.

The records are those of tenants' backups (backups.py), without a tenant. `saas recover-admin-site` makes the site of one again, where
nothing is left of it (admin_recovery.py).
"""

import secrets
from datetime import datetime, timedelta, timezone

import frappe
from frappe import _
from frappe.utils import get_system_timezone, now_datetime

from buildpro_saas import site_role
from buildpro_saas.fleet import backup_keys, backup_requests, backups
from buildpro_saas.fleet.backup_times import Rhythm, Turn, pause_after, turn_at
from buildpro_saas.jobs import lifecycle
from buildpro_saas.refusal import refuse

KIND, PLAYBOOK = "Admin Site", "back_up_admin_site"
OF_ADMIN_SITE = {"tenant": ("is", "not set"), "kind": KIND}
LONGEST_AGE = timedelta(days=2)  # of the newest one, before an operator is told


def start(why: str = "", turn: Turn | None = None) -> tuple[str, str]:
	"""Start the job that takes a backup of this site; returns the backup's name and the job's. turn: of the schedule, where it is for one.

	Raises frappe.ValidationError, and nothing is begun, where one is being taken, there is no recovery key, or no record of this bench.
	"""
	if not (bench := frappe.db.get_value("Bench", {"is_local": 1})):
		refuse(_("This bench is not on record yet: run `saas setup`."), title=_("Backup"))
	store = backup_keys.store_of(None, bench)
	if job := under_way():
		refuse(_("{0} takes a backup of this site already: wait for its end (`saas job {0}`)."), job)
	doc = frappe.get_doc(
		{
			"doctype": backups.DOCTYPE,
			"bench": bench,
			"store": store,
			"kind": KIND,
			"why": (why or "").strip()[:300],
			"status": backups.TAKING,
			"place": backups.LOCAL,
			"backup_id": secrets.token_hex(8),
			"for_day": turn and turn.day,
			"turn": turn.number if turn else 0,
		}
	).insert(ignore_permissions=True)
	job = lifecycle.start(
		PLAYBOOK, tenant=None, about=frappe.local.site, bench=bench, inputs={"backup": doc.name}
	)
	frappe.db.set_value(backups.DOCTYPE, doc.name, "job", job.name)
	return doc.name, job.name


def under_way() -> str | None:
	"""The unfinished job that takes a backup of this site; None for none."""
	of = {"playbook": PLAYBOOK, "status": ("in", backups.UNFINISHED)}
	return frappe.db.get_value("Provisioning Job", of)


def overview() -> list[dict]:
	"""This site's backups that are there or failed, the newest first, as backup_requests.overview has a tenant's."""
	return backup_requests.overview(None)


def take_due_backup() -> None:
	"""Every ten minutes, on the admin site: start the backup whose turn it is. Nothing is begun without a recovery key."""
	if not site_role.is_admin_site() or not backup_keys.recipient() or under_way():
		return
	rhythm = Rhythm(backups.numbers_of(None)["backups_per_day"], get_system_timezone())
	turn = turn_at(datetime.now(timezone.utc), rhythm, frappe.local.site)
	if turn and not _is_settled(turn):
		start(turn=turn)
		frappe.db.commit()


def complaint() -> str | None:
	"""A sentence, where this site has no backup, or none of the last days; None where it has."""
	newest = frappe.db.get_value(
		backups.DOCTYPE, {**OF_ADMIN_SITE, "status": backups.KEPT}, "taken_at", order_by="taken_at desc"
	)
	if not newest:
		return _("There is no backup of this site: take one with `saas backup-admin`.")
	if newest < now_datetime() - LONGEST_AGE:
		return _("The newest backup of this site is of {0}: see `saas admin-backups` for the reason.").format(
			f"{newest:%Y-%m-%d %H:%M}"
		)
	return None


def _is_settled(turn: Turn) -> bool:
	"""Whether the turn has its backup, or rests after a failure."""
	rows = frappe.get_all(
		backups.DOCTYPE,
		{**OF_ADMIN_SITE, "for_day": turn.day, "turn": turn.number},
		["status", "modified"],
		order_by="creation desc",
	)
	if any(row.status != backups.FAILED for row in rows):
		return True
	return bool(rows) and now_datetime() < rows[0].modified + pause_after(len(rows))
