"""What the admin site's own records say, as the checks take it."""

from datetime import datetime, timedelta

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.domains import records
from buildpro_saas.fleet import (
	admin_backup,
	admin_drill,
	backup_keys,
	backups,
	offsite_copies,
	shadows,
	store_checks,
)
from buildpro_saas.jobs import registry
from buildpro_saas.jobs.ending import ACTIVE as ACTIVE_JOB
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.jobs.playbook import BenchUse
from buildpro_saas.tenant_status import ACTIVE, PAST_DUE

JOB = "Provisioning Job"
# In use by their people. Suspended and archived ones are left alone.
IN_USE = (ACTIVE, PAST_DUE)
# Playbooks that have a check of their own for what they find, and tell it there.
TOLD_ELSEWHERE = (shadows.DRILL, admin_drill.PLAYBOOK, offsite_copies.PLAYBOOK, store_checks.PLAYBOOK)
RECENT = timedelta(days=7)  # a job that failed before that is no news any more
WAITING = timedelta(hours=1)
AT_WORK = "{0} ({1}) is at work on it."
AFTER = timedelta(minutes=2)  # after a job's end, in which a site's first answer may take its time
REFRESH = "refresh"


def gather() -> dict:
	"""{"site", "tenants", "jobs", "stores", "certificates", "drift", "has_recovery_key", "own_backup", "own_drill"}; ages are in seconds."""
	now = now_datetime()
	return {
		"site": frappe.local.site,
		"has_recovery_key": bool(backup_keys.recipient()),
		"own_backup": admin_backup.complaint() or "",
		"own_drill": admin_drill.complaint() or "",
		"tenants": tenants(now),
		"jobs": jobs(now),
		"stores": stores(),
		"certificates": certificates(),
		"drift": drift(now),
	}


def benches() -> list:
	"""The Benches that can be reached from here, with what is asked for."""
	fields = ["name", "web_port", "https_port", "min_free_disk_gb"]
	return frappe.get_all("Bench", {"is_reachable": 1}, fields, order_by="is_local desc, name")


def tenants(now: datetime) -> dict[str, dict]:
	"""Tenant → its facts, of those whose people use their site."""
	fields = [
		"name",
		"site",
		"bench",
		"active_since",
		"drill_status",
		"drill_error",
		"drilled_at",
		"creation",
	]
	fields += ["delivery_failing_since", "entitlement_renew_at", "cloned_from"]
	of_jobs, newest = engaged(), _newest_backups()
	half = 12 * 3600 * (frappe.db.get_single_value("SaaS Settings", "entitlement_valid_days") or 0)
	found = {}
	for row in frappe.get_all("Tenant", {"status": ("in", IN_USE)}, fields, order_by="name"):
		begun = row.active_since or row.creation
		found[row.name] = {
			"site": row.site or "",
			"bench": row.bench or "",
			"engaged": of_jobs.get(row.name, ""),
			**{"closed": "", "closed_by_us": False, "paused": False},
			"backups_per_day": 0 if row.cloned_from else backups.numbers_of(row.name)["backups_per_day"],
			"has_backup": row.name in newest,
			"backup_age": _since(now, newest.get(row.name, begun)),
			"drill_error": (row.drill_error or "") if row.drill_status == backups.DRILL_FAILED else "",
			"drill_age": _since(now, row.drilled_at or begun),
			"delivery_failing": _since(now, row.delivery_failing_since),
			# an entitlement is renewed when half of its time is over
			"renewal_overdue": (overdue := max(_since(now, row.entitlement_renew_at), 0.0)),
			"entitlement_left": half - overdue,
		}
	return found


def _newest_backups() -> dict[str, datetime]:
	rows = frappe.get_all(
		backups.DOCTYPE,
		{"status": backups.KEPT},
		["tenant", "max(taken_at)"],
		group_by="tenant",
		as_list=True,
	)
	return {tenant: taken for tenant, taken in rows if tenant and taken}


def engaged() -> dict[str, str]:
	"""Tenant → which work of ours its site is under, or was a moment ago, as a sentence."""
	held = frappe.get_all(shadows.DOCTYPE, {"holds_site": 1}, ["name", "tenant"])
	turns = frappe.get_all("Batch Row", {"status": "Running"}, ["batch", "tenant"])
	return {
		**{row.tenant: f"It is held for {row.name}." for row in held},
		**{row.tenant: AT_WORK.format(row.batch, "a batch") for row in turns},
		**{
			row.tenant: AT_WORK.format(row.name, row.title)
			for row in _at_work()
			if row.tenant and _has_site(row)
		},
	}


def benches_at_work() -> dict[str, str]:
	"""Bench → which job of ours restarts it or has it to itself, or did a moment ago, as a sentence."""
	return {row.bench: AT_WORK.format(row.name, row.title) for row in _at_work() if _has_bench(row.playbook)}


def _at_work() -> list:
	"""Jobs that are being run or stand half way, and those that have ended just now."""
	fields = ["name", "title", "tenant", "bench", "playbook"]
	return [
		*frappe.get_all(JOB, {"status": ("in", ACTIVE_JOB)}, fields),
		*frappe.get_all(JOB, {"status": "Waiting", "holds": 1}, fields),
		*frappe.get_all(JOB, {"ended_at": (">", now_datetime() - AFTER)}, fields),
	]


def _has_site(row) -> bool:
	playbook = registry.find(row.playbook)
	return not playbook or playbook.needs.site


def _has_bench(name: str) -> bool:
	playbook = registry.find(name)
	return name == REFRESH or bool(playbook and playbook.needs.bench is BenchUse.EXCLUSIVE)


def jobs(now: datetime) -> list[dict]:
	"""Jobs that have failed lately, and those that take too long: "state" is failed or stuck."""
	fields = ["name", "title", "tenant", "bench", "playbook", "status", "error", "hint"]
	failed = frappe.get_all(JOB, {"status": "Failed", "ended_at": (">", now - RECENT)}, fields)
	found = [_job(row, "failed") for row in failed if row.playbook not in TOLD_ELSEWHERE]
	fields += ["started_at", "creation", "run_after"]
	for row in frappe.get_all(JOB, {"status": ("in", UNFINISHED)}, fields):
		if says := _stuck(row, now):
			found.append({**_job(row, "stuck"), "says": says})
	return found


def _job(row, state: str) -> dict:
	said = {"error": _first_line(row.error), "hint": _first_line(row.hint)}
	about = {"tenant": row.tenant or "", "bench": row.bench or ""}
	return {"name": row.name, "title": row.title, "state": state, **said, **about}


def _first_line(text: str | None) -> str:
	return (text or "").strip().partition("\n")[0]


def _stuck(row, now: datetime) -> str:
	"""What is wrong with a job that has not ended, as the end of a sentence; "" for nothing."""
	playbook = registry.find(row.playbook)
	limit = timedelta(seconds=playbook.timeout) if playbook else WAITING
	if row.started_at and now - row.started_at > limit:
		return f"has been at work for {_hours(now - row.started_at)}, longer than it may."
	is_waiting = (
		row.status in ("Waiting", "Queued")
		and not row.started_at
		and not (row.run_after and row.run_after > now)
	)
	if is_waiting and now - row.creation > WAITING:
		return f"has waited for {_hours(now - row.creation)} and was not begun."
	return ""


def stores() -> list[dict]:
	"""What is on record of stores that are in use, where it is an error."""
	has_offsite = frappe.db.get_single_value("SaaS Settings", "offsite_kind")
	fields = ["tenant", "bench", "check_error", "offsite_check_error", "offsite_error"]
	rows = frappe.get_all(backup_keys.STORE, {"status": backup_keys.IN_USE}, fields, order_by="name")
	return [
		{
			"whose": row.tenant or frappe.local.site,
			"tenant": row.tenant or "",
			"bench": row.bench or "",
			"check_error": row.check_error or (row.offsite_check_error if has_offsite else "") or "",
			"offsite_error": (row.offsite_error if has_offsite else "") or "",
		}
		for row in rows
	]


def certificates() -> list[dict]:
	"""Certificates of which the last look at what is served found something to tell, on benches that are looked at."""
	managed = records.managed_benches()
	of = {"status": ("!=", records.REMOVED), "alarmed": ("is", "set"), "bench": ("in", managed)}
	fields = ["name", "names", "alarmed", "alarm_says", "last_error", "bench", "tenant"]
	return [
		{
			"names": ", ".join((row.names or row.name).split()),
			"level": row.alarmed,
			"sentence": row.alarm_says or "",
			"error": row.last_error or "",
			"bench": row.bench or "",
			"tenant": row.tenant or "",
		}
		for row in (frappe.get_all(records.CERTIFICATE, of, fields) if managed else ())
	]


def drift(now: datetime) -> dict[str, dict]:
	"""Bench → {"count", "first"} of differences that have been open for a day."""
	of = {"status": "Open", "first_found": ("<", now - timedelta(days=1))}
	found: dict[str, dict] = {}
	for row in frappe.get_all("Drift Finding", of, ["bench", "what"], order_by="first_found"):
		told = found.setdefault(row.bench or "", {"count": 0, "first": row.what or ""})
		told["count"] += 1
	return found


def _since(now: datetime, moment) -> float:
	return (now - get_datetime(moment)).total_seconds() if moment else 0.0


def _hours(span: timedelta) -> str:
	return f"{span.total_seconds() / 3600:.1f} hours"
