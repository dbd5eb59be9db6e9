"""What a site's own tables say of its scheduler, its mail, its apps and its limits: counts, times and names of ours, nothing of its people."""

import json
import re
import socket
import ssl
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pymysql.cursors import Cursor

from buildpro_saas import side_by_side
from buildpro_saas.agent import errors
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.diagnosis import connection
from buildpro_saas.agent.diagnosis.connection import connected, rows

SETTINGS = ("enable_scheduler", "time_zone", "dormant_days")
MAIL_SECONDS, GREETING = 1, 512  # bytes
# The kind of an error, at the end of what Email Queue keeps of it. The rest may name people.
KIND = re.compile(r"\b([A-Z]\w{2,60}(?:Error|Exception|Refused|Denied|Disconnected|Mails))\b")
USERS = (
	"select count(*), count(case when last_active > now() - interval 1 day then 1 end) from tabUser"
	" where enabled = 1 and name not in ('Guest', 'Administrator')"
)
ACCOUNTS = (
	"select smtp_server, smtp_port, use_tls, use_ssl_for_outgoing from `tabEmail Account`"
	" where enable_outgoing = 1 order by default_outgoing desc limit 3"
)
MAILS = (
	"select count(case when status in ('Not Sent', 'Sending') then 1 end),"
	" min(case when status = 'Not Sent' and (send_after is null or send_after < %(now)s) then modified end),"
	" count(case when status = 'Error' and modified > %(day)s then 1 end)"
	" from `tabEmail Queue` where status in ('Not Sent', 'Sending', 'Error')"
)


def look(bench: Bench, site: str) -> dict[str, Any]:
	"""{"scheduler", "mail", "installed", "limits", "errors"}; a part that the site's tables do not have is left out.

	scheduler: {"is_enabled", "ran": seconds since its last job began, None for never, "active": seconds since anybody did anything,
	"dormant_days", "stopped": how many jobs}. mail: {"waiting", "oldest", "failed", "why", "servers": [{"place", "says"}]}. installed: apps.
	limits: {key: in use}. errors: rows of Error Log in the last hour. Raises what MariaDB raises where the site is not let in.
	"""
	config = bench.site(site).config_in_place()
	with connected(connection.of_site(config), str(config["db_name"])) as cursor:
		known = dict(
			rows(
				cursor,
				"select field, value from tabSingles where doctype = 'System Settings' and field in %s",
				SETTINGS,
			)
		)
		now = datetime.now(timezone.utc).astimezone(_zone(known.get("time_zone"))).replace(tzinfo=None)
		parts = {
			"scheduler": lambda: _scheduler(cursor, known, now),
			"mail": lambda: _mail(cursor, now),
			"installed": lambda: _installed(cursor),
			"limits": lambda: {
				key: float(used or 0)
				for key, used in rows(cursor, "select limit_key, used from `tabLimit Level`")
			},
			"errors": lambda: _one(
				cursor, "select count(*) from `tabError Log` where modified > %s - interval 1 hour", now
			),
		}
		found = {name: _unless_lacking(part) for name, part in parts.items()}
	if found["mail"]:
		found["mail"]["servers"] = _servers(found["mail"].pop("accounts"))
	return {name: value for name, value in found.items() if value is not None}


def users(bench: Bench, site: str) -> dict[str, int] | None:
	"""{"enabled", "active"}: users beside the framework's own, and those of them who did something in the last day.

	None where the site is not let in by MariaDB.
	"""
	config = bench.site(site).config_in_place()
	try:
		with connected(connection.of_site(config), str(config["db_name"])) as cursor:
			((enabled, active),) = rows(cursor, USERS)
	except Exception as error:
		if not errors.trouble_of(error):
			raise
		return None
	return {"enabled": int(enabled), "active": int(active)}


def _scheduler(cursor: Cursor, known: Mapping, now: datetime) -> dict[str, Any]:
	((ran, stopped),) = rows(cursor, "select max(last_execution), sum(stopped) from `tabScheduled Job Type`")
	active = _one(cursor, "select max(modified) from `tabActivity Log`")
	return {
		"is_enabled": known.get("enable_scheduler") == "1",
		"ran": _since(ran, now),
		"active": _since(active, now),
		"dormant_days": int(known.get("dormant_days") or 4),
		"stopped": int(stopped or 0),
	}


def _mail(cursor: Cursor, now: datetime) -> dict[str, Any]:
	cursor.execute(MAILS.replace("%(day)s", "%(now)s - interval 1 day"), {"now": now})
	waiting, oldest, failed = cursor.fetchone()
	newest = rows(
		cursor, "select error from `tabEmail Queue` where status = 'Error' order by modified desc limit 1"
	)
	kinds = KIND.findall(newest[0][0] or "") if newest and failed else []
	return {
		"waiting": int(waiting or 0),
		"oldest": _since(oldest, now) or 0.0,
		"failed": int(failed or 0),
		"why": kinds[-1] if kinds else "",
		"accounts": rows(cursor, ACCOUNTS),
	}


def _servers(accounts: list[tuple]) -> list[dict[str, str]]:
	"""_server of each account, side by side: a name that no server resolves takes its time."""
	asked = {str(number): partial(_server, *each) for number, each in enumerate(accounts)}
	found = side_by_side.do(asked, 2 * MAIL_SECONDS).values()
	return [
		each.value or {"place": str(of[0]), "says": str(each.fault)}
		for each, of in zip(found, accounts, strict=True)
	]


def _server(host: str | None, port: str | None, is_tls: int, is_ssl: int) -> dict[str, str]:
	"""{"place", "says"} of a mail server: why it does not greet us; "" where it does. Nobody signs in."""
	number = int(port) if port and str(port).isdigit() else 465 if is_ssl else 587 if is_tls else 25
	told = {"place": f"{host}:{number}", "says": ""}
	if not host:
		return {"place": "no server", "says": "The account names no outgoing server."}
	try:
		with socket.create_connection((host, number), MAIL_SECONDS) as plain:
			if is_ssl:
				with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
					return {**told, "says": _greeting(secure)}
			return {**told, "says": _greeting(plain)}
	except OSError as error:
		return {**told, "says": getattr(error, "strerror", None) or str(error) or type(error).__name__}


def _greeting(connected: socket.socket) -> str:
	connected.settimeout(MAIL_SECONDS)
	said = connected.recv(GREETING)
	return "" if said.startswith(b"220") else "It does not greet as a mail server does."


def _installed(cursor: Cursor) -> list[str]:
	found = rows(
		cursor,
		"select defvalue from tabDefaultValue where parent = '__global' and defkey = 'installed_apps' limit 1",
	)
	return [str(app) for app in json.loads(found[0][0])] if found else []


def _one(cursor: Cursor, question: str, *values: object) -> Any:
	return rows(cursor, question, *values)[0][0]


def _unless_lacking(part) -> Any:
	"""What the part finds; None where the site lacks its table or column: other versions, and sites that were only just begun."""
	try:
		return part()
	except Exception as error:
		if errors.mariadb_code(error) not in errors.LACKING_CODES:
			raise
		return None


def _since(moment: datetime | None, now: datetime) -> float | None:
	return None if moment is None else (now - moment).total_seconds()


def _zone(name: str | None) -> ZoneInfo:
	try:
		return ZoneInfo(name or "UTC")
	except (ZoneInfoNotFoundError, ValueError, OSError):
		return ZoneInfo("UTC")
