"""A MariaDB server's binary log: whether it tells what happened to each database, and from which moments on it still does."""

from buildpro_saas.agent.backup_facts import LogPosition, LogState
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import DENIED_CODES, AgentError, mariadb_code

# What the server must have, as it is written into its option file (mariadb.com/kb/en/replication-and-binary-log-system-variables).
WANTED = {
	"log_bin": ("ON", "log_bin = binlog"),
	"binlog_format": ("ROW", "binlog_format = ROW"),
	"binlog_row_image": ("FULL", "binlog_row_image = FULL"),
	# since 10.8: an `alter table` is then written in two halves, which are nothing for a client
	"binlog_alter_two_phase": ("OFF", "binlog_alter_two_phase = OFF"),
}
EXPIRES, EXPIRES_DAYS, SERVER_ID = "binlog_expire_logs_seconds", "expire_logs_days", "server_id"
DAY = 24 * 3600  # seconds
RIGHTS = ("BINLOG MONITOR", "BINLOG REPLAY", "REPLICATION SLAVE")
POSITION = "show status like 'binlog_snapshot_%'"
LOST = "A moment before that needs the log as it was; see `saas backups` for those that can be met."


def state(mariadb: DatabaseServer) -> LogState:
	"""What the server has."""
	has, lacks = _variables(mariadb)
	keeps = float(has.get(EXPIRES) or 0) or float(has.get(EXPIRES_DAYS) or 0) * DAY
	is_on = has.get("log_bin") == "ON"
	return LogState(
		lacks=lacks,
		keeps=int(keeps),
		files=_files(mariadb) if is_on else [],
		missing_rights=_missing_rights(mariadb),
		now=float(mariadb.db.sql("select unix_timestamp(now(6))")[0][0]),
	)


def snapshot(connection) -> tuple[str, int, float]:
	"""File, position and moment at which the transaction of a connection of the driver's own (PEP 249) sees the server.

	It has just begun, `with consistent snapshot`. The file is empty where the server writes no log.
	"""
	with connection.cursor() as cursor:
		cursor.execute(POSITION)
		told = {name.lower(): value for name, value in cursor.fetchall()}
		cursor.execute("select unix_timestamp(now(6))")
		moment = float(cursor.fetchone()[0])
	return told.get("binlog_snapshot_file") or "", int(told.get("binlog_snapshot_position") or 0), moment


def position(mariadb: DatabaseServer, file: str, at: int, moment: float) -> LogPosition | None:
	"""What `snapshot` gave, with what proves it later on. None where the server does not write what a replay needs."""
	has, lacks = _variables(mariadb)
	if lacks or not file or not (gtid := gtid_at(mariadb, file, at)):
		return None
	return LogPosition(file, at, gtid, int(has[SERVER_ID]), moment)


def gtid_at(mariadb: DatabaseServer, file: str, at: int) -> str:
	"""The last event's GTID before a place of the log; empty where there is none, or no such place."""
	return mariadb.db.sql("select binlog_gtid_pos(%s, %s)", (file, at))[0][0] or ""


def check(mariadb: DatabaseServer, since: LogPosition) -> None:
	"""Raise AgentError unless the server's log still goes on from that moment, and may be read and replayed."""
	found = state(mariadb)
	if found.lacks:
		raise AgentError(
			"The server does not write the binary log that a restore to a moment needs.",
			f"Write {'; '.join(found.lacks)} under [mysqld] and restart MariaDB. Moments after the next backup can then be met.",
		)
	check_rights(found)
	if since.file not in found.files:
		raise AgentError(f"The server has no {since.file} of its binary log any more.", LOST)
	has_id = mariadb.db.sql("select @@server_id")[0][0]
	if (int(has_id), gtid_at(mariadb, since.file, since.position)) != (since.server_id, since.gtid):
		raise AgentError(
			f"{since.file} is of another binary log than the backup's: the server was made anew, or is another one.",
			LOST,
		)


def files_and_end(mariadb: DatabaseServer) -> tuple[list[str], int]:
	"""The files of the log, the oldest first, and where the last one ends by now."""
	rows = mariadb.db.sql("show binary logs")
	return [row[0] for row in rows], int(rows[-1][1])


def first_known(mariadb: DatabaseServer, positions: list[LogPosition]) -> int | None:
	"""The index of the first position from which the server's log goes on; None for none. They are in the order of the log."""
	files, has_id = set(_files(mariadb) or ()), int(mariadb.db.sql("select @@server_id")[0][0])
	for at, each in enumerate(positions):
		if (
			each.file in files
			and each.server_id == has_id
			and gtid_at(mariadb, each.file, each.position) == each.gtid
		):
			return at
	return None


def check_rights(found: LogState) -> None:
	"""Raise AgentError where the account may not read or replay the log."""
	if found.missing_rights:
		raise AgentError(
			f"The bench's database account lacks {', '.join(found.missing_rights)}.",
			"Have a plan promise hours (Plan, Recover Hours), then run `bench --site <admin site> saas setup --root-password-stdin`.",
		)


def _variables(mariadb: DatabaseServer) -> tuple[dict[str, str], list[str]]:
	"""{variable: value} of those that matter, and what the option file lacks. A server does not know those of later versions."""
	names = (*WANTED, EXPIRES, EXPIRES_DAYS, SERVER_ID)
	has = dict(mariadb.db.sql("show global variables where variable_name in %s", (names,)))
	return has, [line for name, (value, line) in WANTED.items() if has.get(name, value) != value]


def _files(mariadb: DatabaseServer) -> list[str] | None:
	try:
		return [row[0] for row in mariadb.db.sql("show binary logs")]
	except mariadb.db.OperationalError as error:
		if mariadb_code(error) in DENIED_CODES:
			return None
		raise


def _missing_rights(mariadb: DatabaseServer) -> list[str]:
	"""Those of RIGHTS that the account has not for the whole server."""
	grants = " ".join(
		row[0].split(" ON *.* ")[0] for row in mariadb.db.sql("show grants") if " ON *.* " in row[0]
	)
	return [] if "ALL PRIVILEGES" in grants else [right for right in RIGHTS if right not in grants]
