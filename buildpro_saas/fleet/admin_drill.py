"""Drills of this site's own backups: the newest one is restored beside the sites, compared, and dropped; what came of it stands on the Backup.

As long as the newest one that was drilled is a failed one, none of this site's backups is forgotten, and
there is an alert (monitoring/checks/records.py).
"""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import get_datetime, get_system_timezone, now_datetime

from buildpro_saas import site_role
from buildpro_saas.fleet import admin_backup, backups, shadows
from buildpro_saas.fleet.drill_times import is_due
from buildpro_saas.jobs import lifecycle
from buildpro_saas.refusal import refuse

PLAYBOOK = "drill_admin_backup"
DRILLED = {**admin_backup.OF_ADMIN_SITE, "status": backups.KEPT}


def start() -> tuple[str, str]:
	"""Start the job that drills this site's newest backup; returns the backup's name and the job's, or those of a drill that is under way.

	Raises frappe.ValidationError, and nothing is begun, where there is no backup, or its key was destroyed.
	"""
	if found := under_way():
		return frappe.parse_json(found.inputs)["backup"], found.name
	newest = frappe.get_all(
		backups.DOCTYPE, DRILLED, ["name", "bench"], order_by="taken_at desc, creation desc", limit=1
	)
	if not newest:
		refuse(_("There is no backup of this site to drill: take one with `saas backup-admin`."))
	backups.spec(newest[0].name)  # with its key, or not at all
	job = lifecycle.start(
		PLAYBOOK,
		tenant=None,
		about=frappe.local.site,
		bench=newest[0].bench,
		inputs={"backup": newest[0].name, "database": shadows.new_database()},
	)
	frappe.db.set_value(backups.DOCTYPE, newest[0].name, "drill", job.name)
	return newest[0].name, job.name


def under_way():
	"""The unfinished job that drills a backup of this site: its name and inputs; None for none."""
	of = {"playbook": PLAYBOOK, "status": ("in", backups.UNFINISHED)}
	return frappe.db.get_value("Provisioning Job", of, ["name", "inputs"], as_dict=True)


def start_due_drill() -> None:
	"""Every ten minutes, on the admin site: start the drill that is due once in 28 days, at night; one that failed is tried each night."""
	if not site_role.is_admin_site() or under_way() or admin_backup.under_way():
		return
	if not frappe.db.exists(backups.DOCTYPE, DRILLED):
		return
	now, zone = datetime.now(timezone.utc), get_system_timezone()
	if is_due(now, zone, frappe.local.site, _zoned(last_passed()), _zoned(_last_failed())):
		start()
		frappe.db.commit()


def last_passed():
	"""When this site's backups were proven last; None for never."""
	found = frappe.get_all(
		backups.DOCTYPE,
		{**admin_backup.OF_ADMIN_SITE, "verified_how": backups.RESTORED},
		pluck="verified_at",
		order_by="verified_at desc",
		limit=1,
	)
	return found[0] if found else None


def _last_failed():
	"""When the drill of the backup that fails by now had ended; None where none fails."""
	name = backups.failing_of_admin_site()
	job = name and frappe.db.get_value(backups.DOCTYPE, name, "drill")
	return job and frappe.db.get_value("Provisioning Job", job, "ended_at")


def _zoned(moment) -> datetime | None:
	return get_datetime(moment).replace(tzinfo=ZoneInfo(get_system_timezone())) if moment else None


def complaint() -> str | None:
	"""A sentence, where the newest drill of this site's backups failed; None where it did not."""
	if not (name := backups.failing_of_admin_site()):
		return None
	error = frappe.db.get_value(backups.DOCTYPE, name, "drill_error")
	return _("The drill of this site's backup {0} failed: {1} Try again with `saas drill-admin`.").format(
		name, error
	)


# -- what came of it -------------------------------------------------------------------------------------------------


def set_passed(name: str, seconds: float) -> None:
	"""Note that the backup was restored and is what it must be. seconds: that the restore took. The caller commits."""
	proven = {
		"verified_at": now_datetime(),
		"verified_how": backups.RESTORED,
		"recover_seconds": seconds,
		"drill_error": "",
	}
	frappe.db.set_value(backups.DOCTYPE, name, proven)


def job_is(inputs: dict, status: str) -> None:
	"""The playbook's on_status: a failed drill stands on the Backup."""
	if status != "Failed":
		return
	name = inputs["backup"]
	job = frappe.db.get_value(backups.DOCTYPE, name, "drill")
	error = frappe.db.get_value("Provisioning Job", job, "error") or _("See {0}.").format(job)
	frappe.db.set_value(backups.DOCTYPE, name, "drill_error", error)
