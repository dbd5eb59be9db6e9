"""Backups of the admin site itself."""

import frappe

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.fleet import admin_backup, admin_drill


@frappe.whitelist(methods=["POST"])
@arguments.checked
def back_up(why: str | None = None) -> dict:
	"""Take a backup of this site: {"backup", "job"}; for SaaS Manager. Raises frappe.ValidationError with what to change."""
	staff.only_for_manager()
	backup, job = admin_backup.start(why or "")
	return {"backup": backup, "job": job}


@frappe.whitelist(methods=["GET"])
@arguments.checked
def backups() -> list[dict]:
	"""The backups of this site that are kept or failed, the newest first; for SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	return admin_backup.overview()


@frappe.whitelist(methods=["POST"])
@arguments.checked
def drill() -> dict:
	"""Drill this site's newest backup: {"backup", "job"}; for SaaS Manager. Raises frappe.ValidationError where there is none."""
	staff.only_for_manager()
	backup, job = admin_drill.start()
	return {"backup": backup, "job": job}
