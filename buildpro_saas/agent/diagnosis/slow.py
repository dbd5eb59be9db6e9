"""What makes a site slow: its statements now and those that MariaDB noted, its largest tables, its requests, and who else uses the server.

Statements come without their literals (statement_shape.py), requests without what they are about (request_paths.py).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymysql.cursors import Cursor

from buildpro_saas import side_by_side
from buildpro_saas.agent import account, errors, site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import Account
from buildpro_saas.agent.diagnosis import connection, log_end, mariadb, request_paths
from buildpro_saas.agent.diagnosis.connection import connected, rows
from buildpro_saas.agent.diagnosis.statement_shape import shape
from buildpro_saas.agent.errors import AgentError

SECONDS = 20  # for all of it
TAIL = 4 << 20  # bytes of a log's end that are read
MOST = 10  # of a kind that are told
ENTRY = re.compile(r"^# User@Host: ", re.MULTILINE)
WHO = re.compile(r"\A([^\[\s]+)\[")
TOOK = re.compile(r"^# Query_time: ([\d.]+)\s.*?Rows_examined: (\d+)", re.MULTILINE)
TABLES = (
	"select table_name, data_length + index_length, table_rows from information_schema.tables"
	" where table_schema = %s and table_type = 'BASE TABLE' order by 2 desc limit 15"
)
DIGESTS = (
	"select digest_text, count_star, sum_timer_wait / 1e12, max_timer_wait / 1e12, sum_rows_examined"
	" from performance_schema.events_statements_summary_by_digest where schema_name = %s"
	" order by sum_timer_wait desc limit 10"
)
USERS = "select user, busy_time, cpu_time, rows_read from information_schema.user_statistics order by busy_time desc limit 50"
NO_SLOW_LOG = "MariaDB notes no slow statements. As its root: set global slow_query_log = 1, long_query_time = 1; keep it in its my.cnf."
NO_USERSTAT = (
	"MariaDB does not count what each site uses. As its root: set global userstat = 1; keep it in its my.cnf."
)


def look(bench: Bench, conf: Mapping, site: str) -> dict[str, Any]:
	"""{"now", "noted", "tables", "requests", "neighbours"}, each {"says": why nothing is told, …}.

	now: "statements" as mariadb.look has them, and "locks". noted: "statements" [{"statement", "times", "seconds", "longest", "examined"}].
	tables: [{"table", "bytes", "rows"}], rows about. requests: as request_paths.take. neighbours: "sites" [{"site", "seconds", "cpu", "rows"}].
	"""
	config = bench.site(site).config_in_place()
	own, database = connection.of_site(config), str(config["db_name"])
	# by itself: the questions below would be among the site's statements
	now = side_by_side.do({"now": lambda: _now(bench, site)}, SECONDS)
	work = {
		"noted": lambda: _noted(bench, own.user, database),
		"tables": lambda: _tables(own, database),
		"requests": lambda: request_paths.take(
			bench.path / "logs", site, bool({**conf, **config}.get("monitor"))
		),
		"neighbours": lambda: _neighbours(bench),
	}
	return {name: _plain(each) for name, each in {**now, **side_by_side.do(work, SECONDS)}.items()}


def _plain(outcome: side_by_side.Outcome) -> dict[str, Any]:
	if outcome.fault is None:
		return {"says": "", **outcome.value}
	return {"says": errors.sentence_of_mariadb(outcome.fault)}


def _now(bench: Bench, site: str) -> dict[str, Any]:
	found = mariadb.look(bench, site)
	return {"says": found["site"]["says"], "statements": found["statements"], "locks": found["locks"]}


def _noted(bench: Bench, user: str, database: str) -> dict[str, Any]:
	with connected(account.read(bench)) as cursor:
		wanted = ("slow_query_log", "slow_query_log_file", "datadir", "performance_schema")
		known = dict(rows(cursor, "show global variables where variable_name in %s", wanted))
		if known.get("performance_schema") == "ON" and (found := _unless_denied(cursor, DIGESTS, database)):
			names = ("statement", "times", "seconds", "longest", "examined")
			return {"statements": [_numbers(names, (shape(row[0]), *row[1:])) for row in found]}
	if known.get("slow_query_log") != "ON":
		return {"says": NO_SLOW_LOG, "statements": []}
	path = Path(known["datadir"]) / known["slow_query_log_file"]
	try:
		return {"statements": of_slow_log(log_end.read(path, TAIL), user)}
	except OSError as error:
		return {"says": f"MariaDB's {path.name} cannot be read here ({error.strerror}).", "statements": []}


def _numbers(names: tuple, row: tuple) -> dict[str, Any]:
	statement, times, *numbers = row
	return dict(zip(names, (statement, int(times), *map(float, numbers)), strict=True))


def of_slow_log(text: str, user: str) -> list[dict[str, Any]]:
	"""The statements of the database user in a slow log, those that took longest in all first."""
	found: dict[str, dict[str, Any]] = {}
	for entry in ENTRY.split(text)[1:]:
		who, took = WHO.match(entry), TOOK.search(entry)
		if not who or not took or who[1] != user:
			continue
		told = shape(_statement(entry))
		each = found.setdefault(
			told, {"statement": told, "times": 0, "seconds": 0.0, "longest": 0.0, "examined": 0}
		)
		seconds = float(took[1])
		each["times"] += 1
		each["seconds"] = round(each["seconds"] + seconds, 3)
		each["longest"] = max(each["longest"], seconds)
		each["examined"] += int(took[2])
	return sorted(found.values(), key=lambda each: -each["seconds"])[:MOST]


def _statement(entry: str) -> str:
	"""The statement of an entry: what follows the lines of comments, `use` and `SET timestamp`."""
	lines = entry.splitlines()[1:]
	kept = [line for line in lines if not line.startswith(("#", "SET timestamp=", "use "))]
	return "\n".join(kept).strip().removesuffix(";")


def _tables(own: Account, database: str) -> dict[str, Any]:
	with connected(own, database) as cursor:
		found = rows(cursor, TABLES, database)
	return {
		"tables": [
			{"table": name, "bytes": int(size or 0), "rows": int(number or 0)} for name, size, number in found
		]
	}


def _neighbours(bench: Bench) -> dict[str, Any]:
	with connected(account.read(bench)) as cursor:
		((counts,),) = rows(cursor, "select @@userstat")
		found = _unless_denied(cursor, USERS) if counts else []
	if not counts:
		return {"says": NO_USERSTAT, "sites": []}
	sites = _sites_by_user(bench)
	known = [(sites[user], *numbers) for user, *numbers in found if user in sites]
	told = [
		{"site": site, "seconds": float(busy), "cpu": float(cpu), "rows": int(read)}
		for site, busy, cpu, read in known
	]
	return {"sites": told[:MOST]}


def _sites_by_user(bench: Bench) -> dict[str, str]:
	found = {}
	for name in bench.site_names():
		try:
			config = site_config.read(bench.site(name).path)
		except AgentError:
			continue  # a damaged one names nobody
		if user := config.get("db_user") or config.get("db_name"):
			found[str(user)] = name
	return found


def _unless_denied(cursor: Cursor, question: str, *values: object) -> list[tuple]:
	"""The answer; [] where the account lacks the right to ask."""
	try:
		return rows(cursor, question, *values)
	except Exception as error:
		if errors.mariadb_code(error) not in errors.DENIED_CODES:
			raise
		return []
