"""Refreshes over HTTP: apps pulled, and the sites of a bench brought up to date with them. For SaaS Manager.

`saas jobs` and the Provisioning Job tell how one goes on. What it may run on the machine only a shell can say (`saas setup`).
"""

import frappe

from buildpro_saas import given
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.fleet import refreshes
from buildpro_saas.fleet.canaries import MOST

MOST_CANARIES, MOST_FAILURES = 50, 10**6


@frappe.whitelist(methods=["POST"])
@arguments.checked
def start(
	bench: str | None = None,
	site: str | None = None,
	has_backup: int | str = 1,
	has_pull: int | str = 1,
	canaries: int | str = MOST,
	stop_after: int | str = 1,
) -> dict:
	"""Refresh a bench (the admin site's own, where none is named), or one site alone; returns {"job"}.

	has_backup, has_pull: 0 leaves that out. canaries: at most so many. stop_after: failures of the others. Raises frappe.ValidationError
	(HTTP 417), with what to change, and then nothing is begun.
	"""
	staff.only_for_manager()
	job = refreshes.start(
		bench or refreshes.bench_of(site),
		site=site,
		by=frappe.session.user,
		has_backup=bool(given.count(has_backup, "has_backup", 1)),
		has_pull=bool(given.count(has_pull, "has_pull", 1)),
		most_canaries=given.count(canaries, "canaries", MOST_CANARIES),
		stop_after=given.count(stop_after, "stop_after", MOST_FAILURES),
	)
	return {"job": job.name}


@frappe.whitelist(methods=["GET"])
@arguments.checked
def report(job: str) -> dict:
	"""{"status", "report": lines, "error", "hint"} of a refresh. For SaaS Manager and SaaS Support. Raises frappe.DoesNotExistError."""
	staff.only_for_staff()
	return refreshes.outcome(job)
