"""The numbers of the bench's MariaDB server: its status, the size of its databases, and what each user has used."""

import time
from typing import Any

from buildpro_saas.agent import errors
from buildpro_saas.agent.database_connection import NAME_PATTERN
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.metrics.kept import Kept

# A site whose tables somebody holds, or whose statement takes long, is told as such; it keeps nobody else waiting.
LOCK_SECONDS, STATEMENT_SECONDS = 2, 5
SIZES_GOOD_FOR = 5 * 60  # seconds; the server looks at a file for each table
NO_SIZES = (
	"The size of databases and who uses the server are not seen: the bench's account lacks the right PROCESS. Run"
	" `bench --site <admin site> saas setup` again (on another bench `saas add-bench PATH`) to give it."
)
# {variable of `show global status`: metric} (https://mariadb.com/kb/en/server-status-variables/)
STATUS = {
	"Threads_connected": "connections",
	"Threads_running": "threads_running",
	"Max_used_connections": "most_connections",
	"Connections": "connections_made",
	"Aborted_connects": "connections_refused",
	"Questions": "statements",
	"Slow_queries": "slow_statements",
	"Innodb_buffer_pool_read_requests": "buffer_reads",
	"Innodb_buffer_pool_reads": "buffer_misses",
	"Innodb_buffer_pool_bytes_data": "buffer_data_bytes",
	"Innodb_row_lock_current_waits": "lock_waits_now",
	"Innodb_row_lock_waits": "lock_waits",
	"Innodb_deadlocks": "deadlocks",
	"Open_tables": "open_tables",
	"Opened_tables": "tables_opened",
	"Open_table_definitions": "open_definitions",
	"Created_tmp_disk_tables": "disk_tables",
	"Bytes_received": "received_bytes",
	"Bytes_sent": "sent_bytes",
	"Uptime": "uptime_seconds",
}
VARIABLES = {
	"max_connections": "connections_limit",
	"innodb_buffer_pool_size": "buffer_bytes",
	"table_open_cache": "open_tables_limit",
	"table_definition_cache": "definitions_limit",
	"userstat": "counts_users",
	"read_only": "is_read_only",
	"log_bin": "writes_log",
}
# {column of USER_STATISTICS: metric of a site}; cumulative since the server began (https://mariadb.com/kb/en/user-statistics/)
OF_USERS = {
	"CPU_TIME": "database_cpu_seconds",
	"BUSY_TIME": "database_seconds",
	"ROWS_READ": "database_rows_read",
	"BYTES_SENT": "database_sent_bytes",
}


def set_patience(server: DatabaseServer) -> None:
	"""Let no statement of this connection wait or work for long, nor hold a table's definition after it."""
	server.db.sql("set session autocommit = 1")
	server.db.sql(f"set session lock_wait_timeout = {LOCK_SECONDS}")
	server.db.sql(f"set session max_statement_time = {STATEMENT_SECONDS}")


def take(server: DatabaseServer) -> dict[str, Any]:
	"""{metric: number} of the server, and its "datadir"."""
	status = dict(server.db.sql("show global status where variable_name in %s", (tuple(STATUS),)))
	variables = dict(
		server.db.sql("show global variables where variable_name in %s", ((*VARIABLES, "datadir"),))
	)
	numbers = {metric: _number(status[name]) for name, metric in STATUS.items() if name in status}
	numbers |= {metric: _number(variables[name]) for name, metric in VARIABLES.items() if name in variables}
	return {**numbers, **_of_log(server, numbers), "datadir": variables.get("datadir", "")}


def _of_log(server: DatabaseServer, numbers: dict) -> dict[str, int]:
	"""The size of the binary log, where there is one and the account may see it."""
	if not numbers.get("writes_log"):
		return {}
	rows = _unless_denied(server, "show binary logs")
	return {"binary_log_bytes": sum(int(row[1]) for row in rows)} if rows else {}


def sizes(server: DatabaseServer, kept: Kept) -> dict[str, int]:
	"""{database: bytes that its tables' files have}; {} where the account may not see it. Some minutes old at most."""
	at, known = kept.databases
	if known and time.time() - at < SIZES_GOOD_FOR:
		return known
	rows = _unless_denied(
		server,
		"select substring_index(name, '/', 1), sum(file_size) from information_schema.innodb_sys_tablespaces"
		" where name like '%/%' group by 1",
	)
	found = {name: int(size or 0) for name, size in rows if NAME_PATTERN.fullmatch(name)}
	kept.databases = [time.time(), found]
	return found


def use_by_user(server: DatabaseServer) -> dict[str, dict[str, float]]:
	"""{database user: {metric: since the server began}}, where the server counts it (`userstat`); else {}."""
	columns = ", ".join(OF_USERS)
	rows = _unless_denied(server, f"select user, {columns} from information_schema.user_statistics")
	return {row[0]: dict(zip(OF_USERS.values(), map(float, row[1:]), strict=True)) for row in rows}


def _unless_denied(server: DatabaseServer, question: str) -> list[tuple]:
	"""The answer; [] where the account lacks the right to ask."""
	try:
		return list(server.db.sql(question))
	except Exception as error:
		if errors.mariadb_code(error) not in errors.DENIED_CODES:
			raise
		return []


def _number(value: Any) -> float | int:
	"""What the server says as text: a number, or ON and OFF."""
	text = str(value)
	if text.upper() in ("ON", "OFF"):
		return int(text.upper() == "ON")
	try:
		return int(text)
	except ValueError:
		return float(text)
