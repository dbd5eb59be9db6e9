"""MariaDB as one site meets it: whether it lets the site in, who holds what, what takes long, and whether anything can be written."""

import os
import time
from collections.abc import Mapping
from typing import Any

from pymysql.cursors import Cursor

from buildpro_saas.agent import account, errors
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import Account
from buildpro_saas.agent.diagnosis import connection
from buildpro_saas.agent.diagnosis.connection import connected, rows
from buildpro_saas.agent.diagnosis.statement_shape import shape
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.metrics.machine import disks

VARIABLES = (
	"read_only",
	"innodb_read_only",
	"max_connections",
	"datadir",
	"version",
	"userstat",
	"slow_query_log",
)
WAITS = (
	"select timestampdiff(second, r.trx_wait_started, now()), q.user, q.info, p.id, p.user,"
	" timestampdiff(second, b.trx_started, now()), p.command, p.info, b.trx_rows_modified"
	" from information_schema.innodb_lock_waits w"
	" join information_schema.innodb_trx r on r.trx_id = w.requesting_trx_id"
	" join information_schema.innodb_trx b on b.trx_id = w.blocking_trx_id"
	" left join information_schema.processlist q on q.id = r.trx_mysql_thread_id"
	" left join information_schema.processlist p on p.id = b.trx_mysql_thread_id"
)
# Transactions that have changed or locked rows, the oldest first.
OPEN = (
	"select p.id, timestampdiff(second, t.trx_started, now()), p.command, t.trx_rows_modified, p.info"
	" from information_schema.innodb_trx t join information_schema.processlist p on p.id = t.trx_mysql_thread_id"
	" where p.user = %s and (t.trx_rows_locked > 0 or t.trx_rows_modified > 0) order by t.trx_started limit 10"
)
STATEMENTS = (
	"select id, time_ms / 1000, state, info from information_schema.processlist"
	" where user = %s and command in ('Query', 'Execute') and id <> connection_id() order by time_ms desc limit 20"
)
NO_ACCOUNT = "The bench has no database account of its own."


def look(bench: Bench, site: str) -> dict[str, Any]:
	"""{"server", "site", "locks", "statements"}. Raises AgentError where the site's configuration says nothing of a database.

	server: as _server tells it. site: {"trouble", "says", "has_database"}. locks: {"says": why they are not seen, "waits", "open"}.
	statements: [{"id", "seconds", "state", "statement"}] that the site has under way, the longest first.
	"""
	config = bench.site(site).config_in_place()
	own, database = connection.of_site(config), str(config["db_name"])
	server = _server(bench, database)
	if server["trouble"] in (errors.AWAY, errors.LATE):  # it would only take its time again
		nothing = {"trouble": server["trouble"], "says": server["says"], "has_database": None}
		return {"server": server, "site": nothing, "locks": _unseen(server["says"]), "statements": []}
	locks = _told(lambda: _locks(bench, own.user), _unseen)
	return {"server": server, "locks": locks, **_as_site(own, database, server.pop("has_database", None))}


def _server(bench: Bench, database: str) -> dict[str, Any]:
	"""{"trouble", "says", …} of the server by the bench's own account: errors.trouble_of, and its sentence.

	Where it answers, also "is_read_only", "connections", "most_connections", "version", "offset" (seconds that its clock is ahead of this
	machine's), "disk" (as metrics.machine.disks) where its data is on this machine, "counts_users", "writes_slow_log".
	"""
	try:
		with connected(account.read(bench)) as cursor:
			return {"trouble": "", "says": "", **_numbers(cursor, database)}
	except AgentError:
		return {"trouble": errors.OTHER, "says": NO_ACCOUNT}
	except Exception as error:
		if not (trouble := errors.trouble_of(error)):
			raise
		return {"trouble": trouble, "says": errors.sentence_of_mariadb(error)}


def _numbers(cursor: Cursor, database: str) -> dict[str, Any]:
	at = time.time()
	((clock, there),) = rows(
		cursor,
		"select unix_timestamp(now(6)), (select count(*) from information_schema.schemata where schema_name = %s)",
		database,
	)
	known = dict(rows(cursor, "show global variables where variable_name in %s", VARIABLES))
	((_name, threads),) = rows(cursor, "show global status like 'Threads_connected'")
	return {
		"has_database": bool(there),
		"is_read_only": "ON" in (known.get("read_only"), known.get("innodb_read_only")),
		"connections": int(threads),
		"most_connections": int(known.get("max_connections") or 0),
		"version": known.get("version", ""),
		"offset": round(float(clock) - (at + time.time()) / 2, 1),
		"counts_users": known.get("userstat") == "ON",
		"writes_slow_log": known.get("slow_query_log") == "ON",
		"disk": disks({"database": known["datadir"]}).get("database", {})
		if os.path.isdir(known.get("datadir", ""))
		else {},
	}


def _as_site(own: Account, database: str, has_database: bool | None) -> dict[str, Any]:
	"""What the site itself meets: {"site", "statements"}."""
	met = {"trouble": "", "says": "", "has_database": has_database}
	try:
		with connected(own, database) as cursor:
			found = rows(cursor, STATEMENTS, own.user)
		statements = [
			{"id": id, "seconds": float(seconds), "state": state or "", "statement": shape(text)}
			for id, seconds, state, text in found
		]
		return {"site": met, "statements": statements}
	except Exception as error:
		if not (trouble := errors.trouble_of(error)):
			raise
		return {
			"site": {**met, "trouble": trouble, "says": errors.sentence_of_mariadb(error)},
			"statements": [],
		}


def _locks(bench: Bench, user: str) -> dict[str, Any]:
	"""Who of the site waits for whom, and which of its transactions are open."""
	with connected(account.read(bench)) as cursor:
		waits = [_wait(row) for row in rows(cursor, WAITS) if user in (row[1], row[4])]
		stopped = rows(
			cursor,
			"select id, time_ms / 1000, state, info from information_schema.processlist"
			" where user = %s and state like %s order by time_ms desc limit 10",
			user,
			"Waiting for%lock%",
		)
		found = rows(cursor, OPEN, user)
	tables = [
		{"seconds": float(seconds), "statement": shape(text), "state": state}
		for _id, seconds, state, text in stopped
	]
	names = ("id", "seconds", "command", "changed")
	opened = [{**dict(zip(names, row[:4], strict=True)), "statement": shape(row[4])} for row in found]
	return {"says": "", "waits": waits, "tables": tables, "open": opened}


def _wait(row: tuple) -> dict[str, Any]:
	seconds, waiting, text, id, holder, age, command, held_by, changed = row
	return {
		"seconds": int(seconds or 0),
		"statement": shape(text),
		"by": {
			"id": id,
			"is_own": holder == waiting,
			"seconds": int(age or 0),
			"is_idle": command == "Sleep",
			"statement": shape(held_by),
			"changed": int(changed or 0),
		},
	}


def _unseen(says: str) -> dict[str, Any]:
	return {"says": says, "waits": [], "tables": [], "open": []}


def _told(work, otherwise) -> Mapping:
	try:
		return work()
	except Exception as error:
		if not isinstance(error, AgentError) and not errors.trouble_of(error):
			raise
		return otherwise(errors.sentence_of_mariadb(error))


def end_statement(bench: Bench, site: str, id: int, is_whole: bool) -> str:
	"""End the statement of a connection of the site's own, or (is_whole) the connection with its transaction. Returns its shape.

	The site's own account does it, so no other site can be met. Raises AgentError where there is no such connection (any more).
	"""
	config = bench.site(site).config_in_place()
	own = connection.of_site(config)
	with connected(own, str(config["db_name"])) as cursor:
		found = rows(
			cursor,
			"select info from information_schema.processlist where id = %s and user = %s and id <> connection_id()",
			id,
			own.user,
		)
		if not found:
			raise AgentError(f"{site} has no connection {id} to MariaDB: it may have ended by itself.")
		cursor.execute(f"kill {'connection' if is_whole else 'query'} %s", (id,))
		return shape(found[0][0]) or "an idle connection"
