"""Shadows of tenants' sites: copies of a moment, kept for some hours, that can be put in the site's place, and taken out again.

A Site Shadow is the record of what lies in one hidden folder with its database. A swap exchanges the two: what was the site is what
the record is about afterwards. So the same button takes a swap back.
"""

import secrets
import time

import frappe
from frappe import _
from frappe.utils import add_to_date, now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import benches, database_history
from buildpro_saas.jobs import lifecycle, sites
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import WITH_SITE

DOCTYPE = "Site Shadow"
FILLING, READY, DROPPING, DROPPED = "Filling", "Ready", "Dropping", "Dropped"
COPY, SWAP, RESTORE = "copy_site", "swap_site", "restore_site"
MIGRATE, REHEARSE = "migrate_site", "rehearse_site"
DRILL, UNARCHIVE = "drill_backup", "unarchive_site"
# A restore where the site's folder or database is lost, and there is nothing to swap.
RESTORE_LOST = "restore_lost_site"
# Playbooks whose jobs make a shadow that may become the site, and then carries their mark.
MAKES_SITE = (COPY, RESTORE, RESTORE_LOST, MIGRATE, UNARCHIVE)
# Playbooks of jobs that are about a shadow, which is in their inputs.
ABOUT = (*MAKES_SITE, SWAP, REHEARSE, DRILL)
HOURS = 24
MB = 10**6
# How the names of shadows' databases begin.
DATABASE = "_shadow_"
# Field of the record: with it, a site that is being migrated in place is put back as it was (fleet/holds.py).
WAY_BACK = "is_way_back"
FIELDS = ("name", "tenant", "bench", "database", "mark", "status", "as_of")
UNDER_WAY = ("Waiting", "Queued", "Running", "Cancelling")


def hours() -> int:
	"""Hours for which a shadow is kept unless somebody says otherwise."""
	return frappe.db.get_single_value("SaaS Settings", "shadow_hours") or HOURS


def new_database() -> str:
	"""A name for a shadow's database, which nobody has."""
	return f"{DATABASE}{secrets.token_hex(8)}"


def row(name: str):
	"""The record's FIELDS. Raises frappe.DoesNotExistError."""
	found = frappe.db.get_value(DOCTYPE, name, FIELDS, as_dict=True)
	if not found:
		raise frappe.DoesNotExistError(_("There is no shadow {0}.").format(name))
	return found


# -- what staff ask for ----------------------------------------------------------------------------------------------


def start_job(playbook: str, tenant, why: str, **inputs) -> tuple[str, str]:
	"""Start a job that fills a shadow of the site of the tenant (document), with the record of that; returns the shadow's name and the job's.

	Raises frappe.ValidationError, and nothing is begun, where the tenant has no site that can be reached from here.
	"""
	check_has_site(tenant)
	return begin(playbook, tenant, why, **inputs)


def begin(playbook: str, tenant, why: str, **inputs) -> tuple[str, str]:
	"""The same for a tenant (document) that need not have a site now."""
	doc = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"tenant": tenant.name,
			"bench": tenant.bench,
			"why": why,
			"status": FILLING,
			"database": new_database(),
		}
	).insert(ignore_permissions=True)
	of = {"tenant": tenant.name, "bench": tenant.bench, "subject": doc.name}
	job = lifecycle.start(playbook, inputs={"shadow": doc.name, **inputs}, **of)
	frappe.db.set_value(DOCTYPE, doc.name, "mark", job.mark)
	return doc.name, job.name


# -- what jobs do ----------------------------------------------------------------------------------------------------


def set_ready(name: str, *, size: int, kept_hours: float) -> None:
	"""Note that the copy of this moment is complete. size in bytes. The caller commits."""
	now = now_datetime()
	values = {
		"status": READY,
		"size": size / MB,
		"as_of": now,
		"kept_until": add_to_date(now, hours=kept_hours),
	}
	frappe.db.set_value(DOCTYPE, name, values)


def set_filling(name: str) -> None:
	"""Note that the copy is being made (again). Commits."""
	frappe.db.set_value(DOCTYPE, name, "status", FILLING)
	frappe.db.commit()


def set_put_aside(name: str, why: str) -> None:
	"""Note that what the record is about can be swapped in again, and why it was put aside. The caller commits."""
	frappe.db.set_value(DOCTYPE, name, {"status": READY, "why": why})


def set_dropped(name: str) -> None:
	"""Note that nothing of the shadow is there any more. The caller commits."""
	frappe.db.set_value(DOCTYPE, name, "status", DROPPED)


def forget_copy(name: str) -> None:
	"""Remove what a job has made of the shadow, which has the site to itself, and note that it is gone. Commits. Repeatable."""
	shadow = row(name)
	_only_unneeded(name)
	door_of(shadow.bench).do("drop_shadow", database=shadow.database, mark=shadow.mark)
	frappe.db.set_value(DOCTYPE, name, "status", DROPPED)
	frappe.db.commit()


def set_swapped(name: str, *, database: str, mark: str, size: int, unreachable: float) -> None:
	"""Note that the record is about what was the site until now: in that database, with that mark. The caller commits."""
	now = now_datetime()
	database_history.note_end(row(name).tenant, database, time.time())
	values = {
		"database": database,
		"mark": mark,
		"size": size / MB,
		"as_of": now,
		"kept_until": add_to_date(now, hours=hours()),
		"unreachable": unreachable,
		"why": _("The site as it was before the swap of {0}").format(f"{now:%Y-%m-%d %H:%M}"),
	}
	frappe.db.set_value(DOCTYPE, name, values)


def job_about(name: str) -> str | None:
	"""The job that has not ended, or failed and may go on, and is about the shadow. A failed drill would begin anew, without it."""
	of = {"subject": name, "playbook": ("in", ABOUT), "status": ("in", (*UNDER_WAY, "Failed"))}
	jobs = frappe.get_all("Provisioning Job", of, ["name", "playbook", "status"])
	return next((job.name for job in jobs if (job.playbook, job.status) != (DRILL, "Failed")), None)


def drop(name: str) -> None:
	"""Remove the shadow's folder, database and database user, and note that it is gone. Commits. Repeatable.

	Raises SiteTakenError while a job has its tenant's site, and NotOursError where a site has that database.
	"""
	shadow = row(name)
	with sites.taken(shadow.tenant):
		shadow = row(name)
		_only_unneeded(name)
		frappe.db.set_value(DOCTYPE, name, "status", DROPPING)
		frappe.db.commit()
		if shadow.mark:
			door_of(shadow.bench).do("drop_shadow", database=shadow.database, mark=shadow.mark)
		frappe.db.set_value(DOCTYPE, name, "status", DROPPED)
		frappe.db.commit()


def _only_unneeded(name: str) -> None:
	if frappe.db.get_value(DOCTYPE, name, WAY_BACK):
		raise AgentError(
			f"{name} is the only way back of a site that is half migrated.",
			"It is put back within a minute; then try again.",
		)


def drop_old_shadows() -> None:
	"""Every ten minutes, on the admin site: drop what has been kept for long enough, and what was being dropped when a process died."""
	if not site_role.is_admin_site():
		return
	due = frappe.get_all(
		DOCTYPE,
		{"status": READY, "kept_until": ("<=", now_datetime())},
		["name", "bench"],
		order_by="kept_until",
	)
	due += frappe.get_all(DOCTYPE, {"status": DROPPING}, ["name", "bench"])
	for shadow in due:
		if is_reached(shadow.bench) and not job_about(shadow.name):
			lifecycle.shielded(drop_unless_taken, shadow.name)


def drop_unless_taken(name: str) -> None:
	"""Drop the shadow; nothing where a job has its tenant's site: later, then. Commits."""
	try:
		drop(name)
	except sites.SiteTakenError:
		frappe.db.rollback()  # ten minutes later


def check_confirmed(tenant, confirm: str | None) -> None:
	"""Raise frappe.ValidationError unless the subdomain of the tenant (document) was typed."""
	if (confirm or "").strip().lower() != tenant.subdomain:
		refuse(
			_("Type {0}, the subdomain of the tenant whose site is swapped."),
			tenant.subdomain,
			title=_("Confirmation"),
		)


def check_has_site(tenant) -> None:
	"""Raise frappe.ValidationError unless the tenant (document) has a site that can be reached from here."""
	if tenant.status not in WITH_SITE:
		refuse(_("{0} is {1}, and has no site to copy."), tenant.name, _(tenant.status))
	benches.only_reached(tenant.bench)
