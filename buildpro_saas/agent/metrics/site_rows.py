"""What a site's own tables say of it in numbers: users, sessions, mail, errors, its scheduler. Only counts and times, never what is in rows."""

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from buildpro_saas.agent import errors
from buildpro_saas.agent.databases import DatabaseServer, quoted

SETTINGS = ("time_zone", "enable_scheduler")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NO_PEOPLE = "('Guest', 'Administrator')"
# {metric: (table, what is asked of it)}. Each ends within an index or in a table that stays small.
COUNTS = {
	"users_enabled": ("tabUser", f"select count(*) from {{}} where enabled = 1 and name not in {NO_PEOPLE}"),
	"users_active_day": (
		"tabUser",
		f"select count(*) from {{}} where last_active > %(day)s and name not in {NO_PEOPLE}",
	),
	"logins_day": (
		"tabUser",
		f"select count(*) from {{}} where last_login > %(day)s and name not in {NO_PEOPLE}",
	),
	"sessions_hour": (
		"tabSessions",
		f"select count(*) from {{}} where lastupdate > %(hour)s and user not in {NO_PEOPLE}",
	),
	"mails_waiting": (
		"tabEmail Queue",
		"select count(*) from {} where status in ('Not Sent', 'Sending', 'Partially Sent')",
	),
	"mails_failed": ("tabEmail Queue", "select count(*) from {} where status = 'Error'"),
	"errors_hour": ("tabError Log", "select count(*) from {} where modified > %(hour)s"),
	"scheduled_jobs_stopped": ("tabScheduled Job Type", "select count(*) from {} where stopped = 1"),
}
# The same, of moments: the site writes them in its own time zone.
MOMENTS = {
	"scheduler_ran_at": ("tabScheduled Job Type", "select max(last_execution) from {}"),
	"seen_at": ("tabUser", f"select max(last_active) from {{}} where name not in {NO_PEOPLE}"),
}


def take(server: DatabaseServer, database: str) -> dict[str, Any]:
	"""{metric: number} of the site in that database. A table that the site lacks leaves its metrics out.

	Moments are seconds since the epoch. Raises what MariaDB raises where there is no such database.
	"""
	known = _settings(server, database)
	zone = _zone(known.get("time_zone"))
	now = datetime.now(timezone.utc).astimezone(zone).replace(tzinfo=None)
	found = _asked(server, database, {**COUNTS, **MOMENTS}, {"hour": now - HOUR, "day": now - DAY})
	numbers = {name: int(found[name]) for name in COUNTS if found.get(name) is not None}
	numbers |= {name: _epoch(found[name], zone) for name in MOMENTS if found.get(name) is not None}
	if "enable_scheduler" in known:
		numbers["is_scheduler_enabled"] = int(known["enable_scheduler"] == "1")
	return numbers


def _settings(server: DatabaseServer, database: str) -> dict[str, str]:
	return dict(
		server.db.sql(
			f"select field, value from {quoted(database, 'tabSingles')} where doctype = 'System Settings' and field in %s",
			(SETTINGS,),
		)
	)


def _asked(server: DatabaseServer, database: str, questions: dict, values: dict) -> dict[str, Any]:
	"""{metric: the answer} of all questions in one statement. Where a table is missing, each by itself."""
	parts = [f"({text.format(quoted(database, table))})" for table, text in questions.values()]
	try:
		(row,) = server.db.sql(f"select {', '.join(parts)}", values)
		return dict(zip(questions, row, strict=True))
	except Exception as error:
		if errors.mariadb_code(error) not in errors.LACKING_CODES:
			raise
	if len(questions) == 1:
		return {}
	alone = ({name: question} for name, question in questions.items())
	return {name: found for each in alone for name, found in _asked(server, database, each, values).items()}


def _zone(name: str | None) -> ZoneInfo | timezone:
	"""The site's time zone; UTC for one that this machine does not know."""
	try:
		return ZoneInfo(name or "UTC")
	except (ZoneInfoNotFoundError, ValueError, OSError):
		return timezone.utc


def _epoch(moment: datetime, zone: ZoneInfo | timezone) -> int:
	return int(moment.replace(tzinfo=zone).timestamp())
