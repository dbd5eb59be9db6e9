"""What makes a tenant's site slow, and ending a statement or a job of it: recorded with the tenant."""

import json
from typing import Any

import frappe
from frappe import _

from buildpro_saas.fleet import backups
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.monitoring.diagnosis import records
from buildpro_saas.refusal import refuse

TITLE = "Slow Site"


def look(tenant: str) -> dict[str, Any]:
	"""What agent.diagnosis.slow tells of the tenant's site. Each table also has "before", its rows in the last backup, where there is one.

	Takes some seconds. Raises frappe.ValidationError for a tenant without a site, AgentError where its bench cannot be reached.
	"""
	of = records.target(tenant)
	found = door_of(of.bench).do("slow_site", site=of.site)
	before, at = _rows_before(tenant)
	for table in found["tables"].get("tables", ()):
		if table["table"] in before:
			table["before"] = before[table["table"]]
	return {**found, "compared_with": at}


def _rows_before(tenant: str) -> tuple[dict[str, int], str | None]:
	"""({table: its rows} of the newest backup, when that was taken)."""
	of = {"tenant": tenant, "status": backups.KEPT, "manifest": ("is", "set")}
	row = frappe.db.get_value("Backup", of, ["manifest", "taken_at"], order_by="taken_at desc", as_dict=True)
	if not row:
		return {}, None
	tables = json.loads(row.manifest).get("tables") or {}
	return {name: int(rows) for name, (rows, _checksum) in tables.items()}, str(row.taken_at)


def end_statement(tenant: str, id: int, whole: bool, why: str, by: str) -> str:
	"""End a statement of the tenant's site, or (whole) the connection with its changes; kept with the tenant. Returns what it was.

	Raises frappe.ValidationError without a reason; AgentError where the site has no such connection.
	"""
	of, why = records.target(tenant), _checked(why)
	what = door_of(of.bench).do("end_statement", site=of.site, id=id, is_whole=whole)
	kind = _("connection") if whole else _("statement")
	_note(tenant, by, _("ended the {0} {1} ({2})").format(kind, id, what), why)
	return what


def end_job(tenant: str, job: str, why: str, by: str) -> str:
	"""End a background job of the tenant's site, by RQ's id; kept with the tenant. Returns what it was. Raises as end_statement does."""
	of, why = records.target(tenant), _checked(why)
	what = door_of(of.bench).do("end_job", site=of.site, job=job)
	_note(tenant, by, _("ended the background job {0} ({1})").format(job, what), why)
	return what


def _checked(why: str) -> str:
	if not (why := why.strip()):
		refuse(_("Enter the reason: it stays on record with the tenant."), title=_(TITLE))
	return why


def _note(tenant: str, by: str, what: str, why: str) -> None:
	text = frappe.utils.escape_html(f"{by} {what}: {why}")
	frappe.get_doc("Tenant", tenant).add_comment("Info", text)
