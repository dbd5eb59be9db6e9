"""Restores to a moment: the last backup before it, then what the server's binary log has of the site's database (agent/log_replay.py)."""

import json
import math

import frappe
from frappe import _
from frappe.utils import add_to_date, get_system_timezone, now_datetime

from buildpro_saas import datetimes
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backups, database_history, moments
from buildpro_saas.fleet.moments import Known, Span
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.refusal import refuse

HOURS = "recover_hours"
HOUR, DAY = 3600, 24 * 3600


# -- what can be recovered -------------------------------------------------------------------------------------------


def recoverable(tenant: str) -> dict:
	"""{"spans": [{"first", "last"}], "time_zone", "why_not"}: the moments to which the tenant's site can be restored.

	first, last: as texts in this site's time zone, with it. The oldest span first. why_not: a sentence where there is none.
	"""
	zone = get_system_timezone()
	try:
		found, lacks = spans_of(tenant)
	except AgentError as error:
		found, lacks = [], str(error)
	told = [
		{"first": moments.told(each.first, zone), "last": moments.told(each.last, zone)} for each in found
	]
	return {
		"spans": told,
		"time_zone": zone,
		"why_not": "" if told else lacks or _("No backup has its place in the log yet."),
	}


def spans_of(tenant: str) -> tuple[list[Span], str]:
	"""The spans of moments that can be recovered, and a sentence on what the server lacks, or an empty one."""
	bench = frappe.db.get_value("Tenant", tenant, "bench")
	state = door_of(bench).do("binary_log_state")
	if state.lacks:
		return [], f"The server of the bench {bench} lacks {'; '.join(state.lacks)}."
	if state.missing_rights:
		return (
			[],
			f"The database account of the bench {bench} lacks {', '.join(state.missing_rights)}: see `saas doctor`.",
		)
	rows = frappe.get_all(
		backups.DOCTYPE,
		{"tenant": tenant, "status": backups.KEPT},
		["name", "bench", "database", "binary_log", "taken_at"],
		order_by="creation, name",
	)
	noted = {row.name: json.loads(row.binary_log) for row in rows if row.binary_log and row.bench == bench}
	first = door_of(bench).do("first_in_binary_log", positions=list(noted.values()))
	there = set(list(noted)[first:]) if first is not None else set()
	known = [
		Known(row.name, row.database or "", _at(row, noted.get(row.name)), row.name in there) for row in rows
	]
	return moments.spans(known, database_history.lives(tenant), state.now), ""


def _at(row, noted: dict | None) -> float:
	return noted["moment"] if noted else float(datetimes.epoch(row.taken_at))


# -- what a restore asks ---------------------------------------------------------------------------------------------


def choose(tenant: str, text: str) -> tuple[str, int]:
	"""The tenant's backup to begin with, and the moment (seconds since the epoch), for a moment that somebody typed.

	Raises frappe.ValidationError, with the moments that can be met, for another one.
	"""
	zone = get_system_timezone()
	try:
		moment = moments.parsed(text, zone)
	except ValueError as error:
		refuse("{0}", error, title=_("Moment"))
	try:
		found, lacks = spans_of(tenant)
	except AgentError as error:
		refuse("{0}", error.advice, title=_("Moment"))
	if not found:
		refuse(
			_("The site of {0} cannot be restored to a moment. {1}"),
			*(
				tenant,
				lacks
				or _(
					"No backup of it is in the binary log: those of `saas backups` can be restored as they are."
				),
			),
			title=_("Moment"),
		)
	for span in found:
		if base := span.base_of(moment):
			return base.name, moment
	can = "; ".join(f"{moments.told(each.first, zone)} to {moments.told(each.last, zone)}" for each in found)
	refuse(_("{0} cannot be met. Moments that can: {1}."), moments.told(moment, zone), can, title=_("Moment"))


def told(moment: int) -> str:
	"""A moment for people: in this site's time zone, which Desk shows all times in, and in UTC."""
	return moments.told(moment, get_system_timezone())


# -- what plans promise ----------------------------------------------------------------------------------------------


def is_promised() -> bool:
	"""Whether any plan promises hours within which a site can be restored to any moment."""
	return bool(frappe.db.exists("Plan", {HOURS: (">", 0)}))


def wants_backup(tenant: str) -> bool:
	"""Whether a backup is due at once: the plan promises hours, and none is there of the database that the site has by now.

	So it is after each swap. Where the last one has failed, it has an hour's rest.
	"""
	row = frappe.db.get_value("Tenant", tenant, ["plan", "database", "bench"], as_dict=True)
	if not (
		row.database
		and frappe.db.get_value("Plan", row.plan, HOURS)
		and backups.numbers_of(tenant)["backups_per_day"]
	):
		return False
	of = {"tenant": tenant, "status": backups.KEPT, "database": row.database}
	failed = {
		"tenant": tenant,
		"status": backups.FAILED,
		"modified": (">", add_to_date(now_datetime(), hours=-1)),
	}
	if frappe.db.exists(backups.DOCTYPE, of) or frappe.db.exists(backups.DOCTYPE, failed):
		return False
	return not door_of(row.bench).do("binary_log_state").lacks


def complaints(bench: str) -> list[str]:
	"""A sentence for each thing that the bench's server lacks for what its tenants' plans promise."""
	plans = frappe.get_all(
		"Tenant", {"bench": bench, "status": ("not in", ("Removed", "Draft"))}, pluck="plan", distinct=True
	)
	promised = frappe.get_all(
		"Plan",
		{"name": ("in", plans), HOURS: (">", 0)},
		["name", HOURS, "backups_per_day", "keep_daily"],
		order_by=f"{HOURS} desc",
	)
	if not promised:
		return []
	longest = promised[0]
	hours = longest[HOURS]
	promise = _("Bench {0}: the plan {1} promises restores to any moment of {2} hours").format(
		bench, longest.name, hours
	)
	state = door_of(bench).do("binary_log_state")
	found = []
	if state.lacks:
		lines = [*state.lacks, f"binlog_expire_logs_seconds = {_least(hours)}"]
		found.append(
			f"{promise}; write {'; '.join(lines)} under [mysqld] in MariaDB's my.cnf, and restart it."
		)
	elif state.keeps and state.keeps < hours * HOUR:
		found.append(
			f"{promise}, and MariaDB keeps its binary log for {state.keeps / HOUR:g}; write binlog_expire_logs_seconds = {_least(hours)}"
			" under [mysqld] in my.cnf (`set global` does it at once)."
		)
	if state.missing_rights:
		found.append(
			f"{promise}, and its database account lacks {', '.join(state.missing_rights)}; run `saas setup --root-password-stdin` again"
			" (on another bench `saas add-bench PATH --root-password-stdin`)."
		)
	for plan in promised:
		days = math.ceil(plan[HOURS] / 24) + 1
		if plan.keep_daily < days or not plan.backups_per_day:
			found.append(
				f"The plan {plan.name} promises restores to any moment of {plan[HOURS]} hours: that takes backups of each day"
				f" for {days} days (Backups a Day, Keep Days)."
			)
	return found


def _least(hours: int) -> int:
	"""Seconds for which the log is to be kept: a day more, for the backup before the first moment."""
	return hours * HOUR + DAY
