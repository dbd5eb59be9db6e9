"""Whether a tenant's site is free for what waits for nobody: a rename, an archiving, a removal."""

from typing import NoReturn

import frappe
from frappe import _
from frappe.utils import pretty_date

from buildpro_saas.domains import flow
from buildpro_saas.fleet import shadows
from buildpro_saas.refusal import refuse

RENAME, ARCHIVE, REMOVE = "rename_site", "archive_site", "remove_site"
ARCHIVE_LOST, REMOVE_LOST = "archive_lost_site", "remove_lost_site"
# Their jobs are gone on with, or undone, before anything else is done with the tenant.
TO_BE_ENDED = (RENAME, ARCHIVE, REMOVE, ARCHIVE_LOST, REMOVE_LOST, shadows.RESTORE_LOST, shadows.UNARCHIVE)


FIELDS = ("name", "title", "owner", "creation", "playbook", "status", "started_at")


def check(tenant: str) -> None:
	"""Raise frappe.ValidationError where a job of the tenant (its name) is at work, or one that has failed stands half way: who, which, since when."""
	of = {"tenant": tenant, "status": ("in", (*shadows.UNDER_WAY, "Failed"))}
	of["playbook"] = ("not in", flow.BESIDE)  # they leave the site alone
	for job in frappe.get_all("Provisioning Job", of, FIELDS, order_by="creation desc"):
		if job.status != "Failed":
			refuse_busy(job)
		if job.playbook in TO_BE_ENDED:
			refuse(
				_("{0} ({1}) has failed half way: press Retry there, or Cancel."),
				job.name,
				job.title,
				title=_("In Use"),
			)


def refuse_busy(job) -> NoReturn:
	"""Raise frappe.ValidationError for a job (its FIELDS) that is at work on the site: which, whose, since when, how long such a job takes."""
	refuse(
		_("{0} ({1}) of {2} is at work on the site, since {3}{4}: wait for its end, or cancel it."),
		job.name,
		job.title,
		job.owner,
		pretty_date(job.started_at or job.creation),
		_usually(job.playbook),
		title=_("In Use"),
	)


def _usually(playbook: str) -> str:
	"""How long such a job took lately, as a piece of a sentence; empty where none has ended."""
	ended = frappe.get_all(
		"Provisioning Job",
		{"playbook": playbook, "status": "Completed"},
		pluck="duration",
		order_by="ended_at desc",
		limit=5,
	)
	seconds = sorted(each or 0 for each in ended)
	return _(" (such a job takes about {0} s)").format(round(seconds[len(seconds) // 2])) if seconds else ""


def check_confirmed(tenant, confirm: str | None) -> None:
	"""Raise frappe.ValidationError unless the subdomain of the tenant (document) was typed."""
	if (confirm or "").strip().lower() != tenant.subdomain:
		refuse(
			_("Type {0}, the subdomain of the tenant whose site goes."),
			tenant.subdomain,
			title=_("Confirmation"),
		)
