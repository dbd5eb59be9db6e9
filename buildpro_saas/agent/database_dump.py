"""A site's database at one moment: the stream of SQL that mariadb-dump writes, and a manifest of just what is in it."""

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pymysql
from pymysql.constants import ER

from buildpro_saas.agent import binary_log, manifest, program
from buildpro_saas.agent.backup_facts import LogPosition
from buildpro_saas.agent.database_connection import Account, check_name
from buildpro_saas.agent.database_copy import DatabaseCopy
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError, TransientError, is_transient
from buildpro_saas.agent.facts import Contents, Manifest
from buildpro_saas.agent.program import Running
from buildpro_saas.agent.table_locks import locked

LONGEST_LOCK_WAIT = 5  # seconds; who writes on the site waits for as long. The job tries again later
CHUNK = 1 << 18
END = b"-- Dump completed"
END_WITHIN = 200  # bytes at the end of a dump in which END stands
# What only comes once mariadb-dump has begun its transaction, so that it sees what was there before.
BEGUN = re.compile(rb"^-- (Table|Sequence|Temporary table|Dumping|Final|Dump completed)", re.MULTILINE)
TABLES = "select table_name, coalesce(engine, ''), table_type from information_schema.tables where table_schema = %s order by 1"
WITHOUT_ROWS = ("VIEW", "SEQUENCE")
OF_ONE_COLUMN = (
	"select table_name from information_schema.columns where table_schema = %s group by 1 having count(*) = 1"
)
# Rows in the order in which they were made: the second column of a doctype's table is `creation`, the first one `name`. What a day adds then
# lies together, and a store that has yesterday's dump stores little of today's. By the primary key, which is random, it would lie everywhere.
# By their places, because not every table has columns of these names.
BY_AGE = "1 order by 2, 1"
# Engines whose rows a transaction sees as they were. The tables of all others are set aside at the moment: who reads a MyISAM table waits
# behind those who wait to write there, so it cannot stay locked while it is read.
TRANSACTIONAL = ("InnoDB",)
# How the names of databases begin in which tables are set aside.
ASIDE = "_dump_"
MARK, AT_WORK = (
	"dump/",
	"buildpro dump ",
)  # their marks begin so, and the named locks of those who are at work there
PARTS = {"db_ssl_ca": "--ssl-ca", "db_ssl_cert": "--ssl-cert", "db_ssl_key": "--ssl-key"}
# A table was changed, or came or went, as it was read: these come from a migration, and pass with it (mariadb.com/kb/en/mariadb-error-codes).
CHANGED = (ER.TABLE_DEF_CHANGED, ER.NO_SUCH_TABLE)


class Dump:
	"""One dump under way. `blocks` gives its bytes; `manifest` what it must hold, once all bytes were taken."""

	def __init__(
		self,
		running: Running,
		head: bytes,
		taken: Future,
		rest: Callable[[], Running] | None,
		log: Callable[[], LogPosition | None],
		is_altered: Callable[[], bool],
	):
		"""rest: begins the dump of the tables that were set aside; None where there are none. log: looks up its moment in the binary log.

		is_altered: whether columns or indexes are others than before the moment.
		"""
		self._running = running
		self._head = head
		self._taken = taken
		self._rest = rest
		self.log = log
		self._is_altered = is_altered

	def blocks(self, checkpoint: Callable[[], None]) -> Iterator[bytes]:
		"""Its bytes, in parts. Raises at the end, with the reason, where they are not all of it."""
		yield from self._of(self._running, self._head, checkpoint)
		if self._rest:
			yield from self._of(self._rest(), b"", checkpoint)

	def _of(self, running: Running, head: bytes, checkpoint: Callable[[], None]) -> Iterator[bytes]:
		tail = head
		if head:
			yield head
		while block := running.process.stdout.read1(CHUNK):
			checkpoint()
			tail = (tail + block)[-END_WITHIN:]
			yield block
		if code := running.wait(checkpoint):
			raise _fault(running.fault(code))
		if END not in tail[-END_WITHIN:]:
			raise TransientError(f"The dump ended before its end. {running.said}".strip())

	def manifest(self) -> Manifest:
		"""What the database held at the dump's moment. Waits until all is counted. Raises TransientError where a table was altered since.

		Ask when all bytes were taken. A column that is added at once, without writing the table anew, ends neither the dump nor the count,
		and one may have it and the other not.
		"""
		try:
			taken = self._taken.result()
			if self._is_altered():
				raise _changed("Columns or indexes are others now.")
			return taken
		except Exception as error:
			if error.args and error.args[0] in CHANGED:
				raise _changed(str(error.args[-1])) from error
			raise


@contextmanager
def dumping(mariadb: DatabaseServer, database: str, at_the_moment: Callable[[], None]) -> Iterator[Dump]:
	"""Begin to dump a database that is in use, as it is at one moment.

	Nobody writes there for the some hundredths of a second in which the moment is fixed, and `at_the_moment` is called. Tables that know no
	transactions are copied meanwhile. Raises TransientError where a transaction there does not end.
	"""
	check_name(database)
	with ExitStack() as stack:
		(reader,) = stack.enter_context(mariadb.connections(1))
		rows = _tables(reader, database)
		tables = {name: engine for name, engine, kind in rows if kind not in WITHOUT_ROWS}
		alone = _of_one_column(reader, database)  # has no second column
		others = [name for name, engine in tables.items() if engine not in TRANSACTIONAL or name in alone]
		schema = _schema(reader, database)
		with locked(mariadb, database, list(tables), LONGEST_LOCK_WAIT):
			if _tables(reader, database) != rows:
				raise TransientError(f"Tables of {database} came or went as they were to be dumped.")
			aside = stack.enter_context(_set_aside(mariadb, database, others, reader)) if others else None
			_see_this_moment(reader)
			at_log = binary_log.snapshot(reader)
			stack.callback(
				_end_moment, mariadb, reader
			)  # before what was set aside is dropped, which it has read
			running = stack.enter_context(_mariadb_dump(mariadb.account, database, others, BY_AGE))
			head = _begin(running)
			at_the_moment()
		pool = stack.enter_context(ThreadPoolExecutor(1))
		counting = pool.submit(
			manifest.take, mariadb, database, reader, dict.fromkeys(others, aside), is_of_moment=True
		)
		stack.callback(_stop_counting, mariadb, reader, counting)
		rest = (lambda: stack.enter_context(_mariadb_dump(mariadb.account, aside))) if aside else None
		log = lambda: binary_log.position(mariadb, *at_log)  # noqa: E731
		yield Dump(running, head, counting, rest, log, lambda: _schema(reader, database) != schema)


@contextmanager
def _set_aside(mariadb: DatabaseServer, database: str, tables: list[str], holder) -> Iterator[str]:
	"""Copy the tables, into which nobody writes, into a database of their own; yields its name. It is gone after the block.

	What a process that was killed has left goes first: the name is made of the database's. holder: the connection that says meanwhile that
	somebody is at work there. Raises TransientError where another dump is.
	"""
	aside, mark = aside_of(database), f"{MARK}{database}"
	with holder.cursor() as cursor:
		cursor.execute("select get_lock(%s, 0)", (AT_WORK + aside,))
		if cursor.fetchone() != (1,):
			raise TransientError(f"Another backup of {database} is being taken.")
	mariadb.drop(aside, mark)
	mariadb.create_database(aside, mark)
	try:
		_copy(mariadb, database, aside, tables)
		yield aside
	finally:
		mariadb.drop(aside, mark)


def left_aside(mariadb: DatabaseServer) -> list[str]:
	"""The databases in which dumps that were killed have left tables: nobody is at work there."""
	marked = mariadb.marked(MARK)
	return [name for name in marked if name.startswith(ASIDE) and _is_left(mariadb, name)]


def drop_aside(mariadb: DatabaseServer, name: str) -> None:
	"""Drop such a database. Left alone where a dump is at work there. Repeatable."""
	mark = mariadb.marked(MARK).get(name)
	if mark and name.startswith(ASIDE) and _is_left(mariadb, name):
		mariadb.drop(name, mark)


def _is_left(mariadb: DatabaseServer, name: str) -> bool:
	return mariadb.db.sql("select is_free_lock(%s)", AT_WORK + name)[0][0] == 1


def aside_of(database: str) -> str:
	"""The name of the database in which tables of that one are set aside."""
	return f"{ASIDE}{hashlib.sha256(database.encode()).hexdigest()[:16]}"


def _copy(mariadb: DatabaseServer, database: str, aside: str, tables: list[str]) -> None:
	try:
		DatabaseCopy(mariadb, database, aside, Contents(tables, tables, {}, 0)).run()
	except mariadb.db.OperationalError as error:
		if is_transient(error):
			raise
		told = str(error.args[-1])
		raise AgentError(f"The dump died. {told}", _hint(told)) from error


def _stop_counting(mariadb: DatabaseServer, connection, counting: Future) -> None:
	"""End what the connection is at, where nobody waits for it any more."""
	if not counting.done():
		mariadb.db.sql(f"kill {int(connection.thread_id())}")


def _tables(connection, database: str) -> list[tuple]:
	with connection.cursor() as cursor:
		cursor.execute(TABLES, (database,))
		return list(cursor.fetchall())


def _schema(connection, database: str) -> str:
	with connection.cursor() as cursor:
		return manifest.schema(cursor, database)


def _of_one_column(connection, database: str) -> set[str]:
	with connection.cursor() as cursor:
		cursor.execute(OF_ONE_COLUMN, (database,))
		return {name for (name,) in cursor.fetchall()}


def _see_this_moment(connection) -> None:
	with connection.cursor() as cursor:
		cursor.execute("set session transaction isolation level repeatable read")
		cursor.execute("start transaction with consistent snapshot")


def _end_moment(mariadb: DatabaseServer, connection) -> None:
	with suppress(
		mariadb.db.OperationalError, pymysql.err.InterfaceError
	):  # it was ended, and its transaction with it
		connection.rollback()


def _mariadb_dump(account: Account, database: str, without: Sequence[str] = (), rows: str = ""):
	"""rows: which ones of each table, and in which order; empty for all, by the primary key."""
	command = [
		program.find(program.DUMP),
		"--no-defaults",
		*(f"--host={account.host}", f"--port={account.port}", f"--user={account.user}"),
		*(f"{option}={account.where[key]}" for key, option in PARTS.items() if account.where.get(key)),
		*("--single-transaction", "--quick", "--skip-lock-tables", "--max-allowed-packet=1G"),
		*("--default-character-set=utf8mb4", "--skip-dump-date", "--routines", "--triggers", "--events"),
		*([f"--where={rows}"] if rows else []),
		*(f"--ignore-table={database}.{table}" for table in without),
		database,
	]
	if socket := account.where.get("db_socket"):
		command.insert(2, f"--socket={socket}")
	return program.running(command, environment={"MYSQL_PWD": account.password}, stdout=subprocess.PIPE)


def _begin(running: Running) -> bytes:
	"""Its first bytes, up to where it is sure that it sees this moment."""
	head = b""
	while not BEGUN.search(head):
		if not (block := running.process.stdout.read1(CHUNK)):
			break
		head += block
	return head


def _fault(told: str) -> AgentError:
	if (
		f"({ER.TABLE_DEF_CHANGED})" in told
		or "Table definition has changed" in told
		or "doesn't exist" in told
	):
		return _changed(told)
	if any(word in told for word in ("Lost connection", "gone away", "Can't connect", "killed by signal")):
		return TransientError(f"The dump died. {told}")
	return AgentError(f"The dump died. {told}", _hint(told))


def _hint(told: str) -> str:
	if "marked as crashed" in told or "Incorrect key file" in told:
		return "Repair the table that is named (`repair table` in MariaDB), then press Retry."
	if "max_allowed_packet" in told or "bigger than" in told:
		return "Raise max_allowed_packet on the MariaDB server, restart it, then press Retry."
	if "denied" in told:
		return "Run `bench --site <admin site> saas setup` to give the database account its rights, then press Retry."
	return "Correct what MariaDB says, then press Retry."


def _changed(told: str) -> TransientError:
	return TransientError(f"Tables changed as they were dumped, as an update of the site does it. {told}")
