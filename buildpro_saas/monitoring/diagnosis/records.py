"""What the admin site's records say of a tenant: where its site is asked for, its status, our jobs, what was changed last."""

from typing import Any
from urllib.parse import urlsplit

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime, strip_html

from buildpro_saas.domains import addresses, records, seeing, settings
from buildpro_saas.fleet import backups, refreshes
from buildpro_saas.monitoring.diagnosis.facts import Target
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import SUSPENDED, WITHOUT_SITE

OPEN = ("Waiting", "Queued", "Running", "Cancelling")
FIELDS = ("name", "site", "bench", "plan", "status", "entitlement_sequence", "delivery_failing_since")
CHANGES = 8  # that are told
LOCAL = ".localhost"


def target(tenant: str) -> Target:
	"""The tenant's site and where it is asked for. Raises frappe.ValidationError for a tenant that has none."""
	row = frappe.db.get_value("Tenant", tenant, FIELDS, as_dict=True)
	if not row:
		refuse(_("There is no tenant {0}."), tenant, title=_("Diagnosis"), error=frappe.DoesNotExistError)
	if row.status in WITHOUT_SITE or not row.site:
		refuse(_("{0} is {1}: it has no site."), tenant, row.status, title=_("Diagnosis"))
	bench = frappe.db.get_value("Bench", row.bench, "*", as_dict=True)
	is_managed = bench.proxy == records.NGINX
	host = urlsplit(addresses.of_tenant(row.name, row.site, bench)).hostname or row.site
	return Target(
		*(row.name, row.site, row.bench, host, int(bench.web_port or 8000)),
		https_port=int(bench.https_port or 443),
		http_port=int(bench.http_port or 80),
		is_managed=is_managed,
		is_asked=is_managed or not host.endswith(LOCAL),
		leads_to=_leads_to(row, host),
		addresses=tuple(settings.addresses_of(bench)),
		connect_to=seeing.listens_at(),
		is_local=bool(bench.is_local),
	)


def _leads_to(row, host: str) -> str:
	name = next((each for each in records.of_tenant(row.name) if each.host == host), None)
	return seeing.leads_to(name) if name else ""


def read(tenant: str) -> dict[str, Any]:
	"""{"status", "why", "plan", "sequence", "delivery_failing", "limits", "at_work", "failed", "changes", "last_backup"}.

	why: the reason that was entered where the tenant is suspended. delivery_failing: seconds, None for not. limits: {key: in use} as the site
	told last. at_work, failed: jobs {"name", "title", "status", "ago"}. changes: [{"what", "ago"}], the newest first; ago in seconds.
	"""
	row = frappe.db.get_value("Tenant", tenant, FIELDS, as_dict=True)
	now = now_datetime()
	jobs = frappe.get_all(
		"Provisioning Job",
		{"tenant": tenant},
		["name", "title", "status", "creation", "started_at", "ended_at", "error"],
		order_by="creation desc",
		limit=10,
	)
	levels = frappe.get_all("Tenant Limit Level", {"tenant": tenant, "is_limited": 1}, ["limit_key", "used"])
	return {
		**{"status": row.status, "plan": row.plan, "sequence": str(row.entitlement_sequence or "")},
		"why": _reason(tenant) if row.status == SUSPENDED else "",
		"delivery_failing": _ago(row.delivery_failing_since, now),
		"limits": {level.limit_key: float(level.used or 0) for level in levels},
		"at_work": [_job(job, now) for job in jobs if job.status in OPEN],
		"failed": _job(jobs[0], now) if jobs and jobs[0].status == "Failed" else None,
		"changes": _changes(row, jobs, now),
		"last_backup": _ago(_last_backup(tenant), now),
	}


def _job(job, now) -> dict[str, Any]:
	told = {"name": job.name, "title": job.title, "status": job.status}
	return {**told, "ago": _ago(job.ended_at or job.started_at or job.creation, now) or 0.0}


def _changes(row, jobs: list, now) -> list[dict[str, Any]]:
	"""Jobs that ended, turns in batches, notes of staff, updates of its bench, other versions of its plan: the newest first."""
	found = [(job.ended_at, f"{job.title}: {job.status} ({job.name})") for job in jobs if job.ended_at]
	turns = frappe.get_all(
		"Batch Row",
		{"tenant": row.name, "ended_at": ("is", "set")},
		["batch", "status", "ended_at"],
		order_by="ended_at desc",
		limit=5,
	)
	batches = ("in", [turn.batch for turn in turns] or [""])
	titles = dict(frappe.get_all("Batch", {"name": batches}, ["name", "title"], as_list=True))
	found += [(turn.ended_at, f"{titles.get(turn.batch)}: {turn.status} ({turn.batch})") for turn in turns]
	notes = frappe.get_all(
		"Comment",
		{"reference_doctype": "Tenant", "reference_name": row.name, "comment_type": "Info"},
		["creation", "owner", "content"],
		order_by="creation desc",
		limit=5,
	)
	found += [(note.creation, f"{note.owner} {strip_html(note.content or '')}") for note in notes]
	of_bench = frappe.get_all(
		"Provisioning Job",
		{"bench": row.bench, "playbook": refreshes.PLAYBOOK, "ended_at": ("is", "set")},
		["name", "title", "status", "ended_at"],
		order_by="ended_at desc",
		limit=2,
	)
	found += [(job.ended_at, f"{job.title}: {job.status} ({job.name})") for job in of_bench]
	versions = frappe.get_all(
		"Plan Version", {"plan": row.plan}, ["name", "creation"], order_by="creation desc", limit=1
	)
	found += [
		(version.creation, f"The plan {row.plan} was changed ({version.name}).") for version in versions
	]
	newest = sorted(((get_datetime(at), what) for at, what in found), key=lambda each: each[0], reverse=True)
	return [{"what": what, "ago": _ago(at, now) or 0.0} for at, what in newest[:CHANGES]]


def _reason(tenant: str) -> str:
	"""What staff entered as they suspended the tenant; "" for nothing."""
	of = {"reference_doctype": "Tenant", "reference_name": tenant, "comment_type": "Info"}
	notes = frappe.get_all(
		"Comment", {**of, "content": ("like", "%suspended%")}, ["content"], order_by="creation desc", limit=1
	)
	return strip_html(notes[0].content).partition(": ")[2] if notes else ""


def _last_backup(tenant: str):
	of = {"tenant": tenant, "status": backups.KEPT}
	return frappe.db.get_value("Backup", of, "taken_at", order_by="taken_at desc")


def _ago(moment, now) -> float | None:
	return max((now - get_datetime(moment)).total_seconds(), 0.0) if moment else None
