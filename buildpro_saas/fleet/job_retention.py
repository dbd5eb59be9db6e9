"""How long Provisioning Jobs, Batches and Alerts are kept. Frappe's Log Settings say the days; this file says what is needed for longer."""

import frappe
from frappe import _
from frappe.utils import add_to_date, now_datetime

from buildpro_saas.fleet import shadows
from buildpro_saas.fleet.expected_state import LET_GO

DOCTYPE = "Provisioning Job"
DAYS = 90
KEPT = {DOCTYPE: DAYS, "Batch": 30, "Monitoring Alert": 180}
# The fewest days: what is told of the last day (standby.overview) needs the jobs of that day.
LEAST_DAYS = 2
AT_ONCE = 500  # jobs that one transaction deletes
# Playbooks that make a tenant's site, take it in again, or swap another in. As long as the site stands, it carries the mark of such a job.
MAKES_SITE = (
	"create_tenant",
	"adopt_site",
	"take_in_site",
	"take_over_site",
	"clone_tenant",
	*shadows.MAKES_SITE,
)


def register() -> None:
	"""Have Frappe's Log Settings prune this site's jobs, batches and alerts, unless staff have set their days."""
	settings = frappe.get_doc("Log Settings")
	known = {row.ref_doctype for row in settings.logs_to_clear}
	missing = {doctype: days for doctype, days in KEPT.items() if doctype not in known}
	if missing:
		settings.extend(
			"logs_to_clear", [{"ref_doctype": doctype, "days": days} for doctype, days in missing.items()]
		)
		settings.save(ignore_permissions=True)


def unregister() -> None:
	"""Take them out of the Log Settings, for uninstalling."""
	frappe.db.delete("Logs To Clear", {"parent": "Log Settings", "ref_doctype": ("in", list(KEPT))})


def prune(days: int) -> int:
	"""Delete the jobs that ended more than `days` ago (at least LEAST_DAYS) and that nothing needs; returns how many.

	A job that has not ended, or has failed, is never deleted: it knows what it made. Commits as it goes.
	"""
	before = add_to_date(now_datetime(), days=-max(days, LEAST_DAYS))
	needed = _needed()
	ended = frappe.get_all(DOCTYPE, {"status": ("in", LET_GO), "ended_at": ("<", before)}, pluck="name")
	old = [name for name in ended if name not in needed]
	for first in range(0, len(old), AT_ONCE):
		names = old[first : first + AT_ONCE]
		frappe.db.delete("Provisioning Job Step", {"parenttype": DOCTYPE, "parent": ("in", names)})
		frappe.db.delete(DOCTYPE, {"name": ("in", names)})
		frappe.db.commit()
	return len(old)


def prune_batches(days: int) -> int:
	"""Delete the batches, with their rows, that ended more than `days` ago (at least LEAST_DAYS); returns how many. Commits as it goes."""
	before = add_to_date(now_datetime(), days=-max(days, LEAST_DAYS))
	old = frappe.get_all("Batch", {"status": ("in", LET_GO), "ended_at": ("<", before)}, pluck="name")
	for first in range(0, len(old), AT_ONCE):
		names = old[first : first + AT_ONCE]
		frappe.db.delete("Batch Row", {"batch": ("in", names)})
		frappe.db.delete("Batch", {"name": ("in", names)})
		frappe.db.commit()
	return len(old)


def check_not_needed(job: str) -> None:
	"""Raise frappe.ValidationError with the reason where the job (its name) is kept for what it made."""
	if job in _needed():
		frappe.throw(
			_(
				"{0} cannot be deleted: it made what is still there, or is its tenant's newest, and tells whose a site and a database are."
			).format(job)
		)


def _needed() -> set[str]:
	"""Jobs that records name, or whose mark is on something that stands: of tenants, images and standby sites.

	Without them reconciliation could not tell what a job of ours made.
	"""
	standing = {"status": ("!=", "Discarded")}
	named = {
		*frappe.get_all("Site Image", pluck="job"),
		*frappe.get_all("Standby Site", standing, pluck="claimed_by"),
		*_of_tenants(),
	}
	marks = {
		*frappe.get_all("Site Image", pluck="mark"),
		*frappe.get_all("Standby Site", standing, pluck="mark"),
	} - {None, ""}
	return named.union(frappe.get_all(DOCTYPE, {"mark": ("in", list(marks))}, pluck="name") if marks else ())


def _of_tenants() -> set[str]:
	"""Of each tenant that is not removed: the jobs that made its site, and its newest job."""
	tenants = set(frappe.get_all("Tenant", {"status": ("!=", "Removed")}, pluck="name"))
	jobs = frappe.get_all(
		DOCTYPE, {"tenant": ("is", "set")}, ["name", "tenant", "playbook"], order_by="creation"
	)
	newest = {job.tenant: job.name for job in jobs}
	return {
		job.name
		for job in jobs
		if job.tenant in tenants and (job.playbook in MAKES_SITE or newest[job.tenant] == job.name)
	}
