"""Replays what happened to one database, from a backup's moment to a later one, in a copy of it.

Events of rows go as the bench's account: MariaDB asks for no right on the tables of such an event, but for one to replay. So each is looked
at here first: it must be of the copy. All other statements go as the copy's own user, who reaches no other database.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from buildpro_saas.agent import binary_log, judgement, log_events, program
from buildpro_saas.agent.backup_facts import LogPosition, Replayed
from buildpro_saas.agent.database_connection import Account, check_name
from buildpro_saas.agent.database_dump import PARTS
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.dump import piece
from buildpro_saas.agent.dump_rewriting import rewritten
from buildpro_saas.agent.errors import (
	DENIED_CODES,
	AgentError,
	TransientError,
	hint_for,
	is_transient,
	mariadb_code,
)
from buildpro_saas.agent.log_events import Event, LogEvents
from buildpro_saas.agent.log_statements import EARLIER, Clock, LogStatements, head_of

AT_ONCE = 200  # transactions that are committed together: nobody else has the copy
MARK = "buildpro_replay"  # savepoint at which a transaction begins
# No table has an empty name: of rows nothing is printed.
WITHOUT_ROWS = ("--table=", "--base64-output=never")


class BinaryLog:
	"""The server's log, from a backup's moment to another one."""

	def __init__(self, mariadb: DatabaseServer, since: LogPosition, until: float):
		"""until: seconds since the epoch; what is logged with that second or a later one is not read."""
		self.mariadb = mariadb
		self.since = since
		self.until = until

	def check(self, database: str, checkpoint: Callable[[], None]) -> None:
		"""Raise AgentError unless all that happened to the database until then can be replayed."""
		binary_log.check(self.mariadb, self.since)
		statements, clock = LogStatements(database), Clock(self.until)
		for event in self._events(
			checkpoint, *WITHOUT_ROWS
		):  # to the log's end: a clock that was set back shows later
			clock.look_at(event)
			if not clock.is_past:
				statements.check_reached_from_outside(event)

	def replay(
		self, database: str, copy: str, copy_password: str, checkpoint: Callable[[], None]
	) -> Replayed:
		"""Replay in the database `copy`, which is as the other one was at the first moment. Raises AgentError for what does not fit."""
		binary_log.check(self.mariadb, self.since)
		of_bench = self.mariadb.account
		own_account = Account(of_bench.host, of_bench.port, copy, copy_password, where=of_bench.where)
		options = (*self._until(), f"--database={database}", f"--rewrite-db={database}->{copy}")
		with (
			DatabaseServer(own_account) as own,
			_Replay(self.mariadb, own, database, copy).connected() as replay,
		):
			for event in self._events(checkpoint, *options):
				replay.take(event)
			done = replay.end()
		if not done.transactions and not done.statements:
			self._check_nothing_happened(database, checkpoint)
		return done

	def _check_nothing_happened(self, database: str, checkpoint: Callable[[], None]) -> None:
		"""Raise AgentError where the log has something of the database all the same.

		MariaDB's program chooses by the database's name in the log, MySQL's by the one that it gets.
		"""
		for event in self._events(checkpoint, *self._until(), f"--database={database}"):
			if LogStatements(database).is_of_it(event) or event.tables():
				raise AgentError(
					"mariadb-binlog has passed over what happened to the database: it is another program than MariaDB's."
				)

	def _until(self) -> tuple[str]:
		return (f"--stop-datetime={datetime.fromtimestamp(int(self.until), UTC):%Y-%m-%d %H:%M:%S}",)

	def _events(self, checkpoint: Callable[[], None], *options: str) -> Iterator[Event]:
		with self._reading(options) as running:
			log = LogEvents(running.process.stdout)
			for event in log.events():
				checkpoint()
				yield event
			if code := running.wait(checkpoint):
				raise AgentError(
					running.fault(code), "See what MariaDB says of its binary log, then press Retry."
				)
			if not log.is_whole:
				raise TransientError(f"The binary log was read in part only. {running.said}".strip())

	def _reading(self, options: tuple[str, ...]):
		account = self.mariadb.account
		files, end = binary_log.files_and_end(self.mariadb)
		command = [
			program.find(program.LOG),
			"--no-defaults",
			*((f"--socket={account.where['db_socket']}",) if account.where.get("db_socket") else ()),
			*(f"--host={account.host}", f"--port={account.port}", f"--user={account.user}"),
			*(f"{option}={account.where[key]}" for key, option in PARTS.items() if account.where.get(key)),
			*("--read-from-remote-server", "--skip-annotate-row-events"),
			"--loose-skip-gtid-strict-mode",  # it only reads; a server that takes out-of-order events has such a log
			f"--start-position={self.since.position}",
			f"--stop-position={end}",  # of the last file: what is replayed is logged, too, and is not to be read again
			*options,
			*files[files.index(self.since.file) :],
		]
		environment = {"MYSQL_PWD": account.password, "TZ": "UTC"}
		return program.running(command, environment=environment, stdout=program.PIPE)


class _Replay:
	def __init__(self, mariadb: DatabaseServer, own: DatabaseServer, database: str, copy: str):
		self._mariadb = mariadb
		self._own_server = own
		self._copy = check_name(copy)
		self._known = judgement.known_collations(mariadb)
		self._judge = LogStatements(database, chosen=copy)
		self._session: dict[
			bytes, bytes
		] = {}  # {what is set: the statement}, to come before the next statement
		self._points: list[
			bytes
		] = []  # savepoints of a transaction that has changed nothing of the database yet
		self._waiting = 0  # transactions that are not committed yet
		self._is_open = False  # in a transaction that has changed something
		self._statements = self._transactions = 0
		self._tables: Counter[str] = Counter()
		self._skipped: set[str] = set()

	@contextmanager
	def connected(self):
		with self._mariadb.connections(1) as (rows,), self._own_server.connections(1) as (own,):
			self._rows, self._own = rows.cursor(), own.cursor()
			self._own.execute(f"use `{self._copy}`")
			yield self

	def take(self, event: Event) -> None:
		"""Replay one event."""
		try:
			self._take(event)
		except AgentError:
			raise
		except Exception as error:
			if is_transient(error):
				raise
			raise self._told(error, event) from error

	def end(self) -> Replayed:
		"""Commit what is left."""
		if self._is_open:
			raise AgentError(
				"The moment is in the middle of a transaction.", "Choose one that is a second later."
			)
		self._commit_all()
		return Replayed(self._statements, self._transactions, dict(self._tables), sorted(self._skipped))

	def _take(self, event: Event) -> None:
		match event.kind:
			case log_events.ROWS:
				self._take_rows(event)
			case log_events.BEGIN:
				self._points.clear()
			case log_events.SAVEPOINT if self._is_open:
				self._rows.execute(event.text)
			case log_events.SAVEPOINT:  # those of all databases' transactions are printed
				self._points.append(event.text)
			case log_events.ROLLBACK if b"added by" not in event.text:
				self._roll_back()
			case log_events.COMMIT:
				self._commit()
			case log_events.SESSION:
				subject = event.text.partition(b"=")[0]
				self._session.pop(subject, None)
				self._session[subject] = event.text
			case log_events.STATEMENT:
				self._take_statement(event)

	def _take_rows(self, event: Event) -> None:
		tables = event.tables()
		if strange := {database for database, _table in tables} - {self._copy}:
			raise AgentError(
				f"The log's events are of {', '.join(sorted(strange))}, and not of {self._copy}."
			)
		if not tables:  # of the log itself: how it is written
			self._rows.execute(event.binlog_statement())
			return
		self._begin()
		self._rows.execute(event.binlog_statement())
		self._tables.update(table for _database, table in tables)

	def _take_statement(self, event: Event) -> None:
		if not self._judge.is_of_it(event):
			self._skipped.add(" ".join(event.text[:60].decode(errors="replace").split()[:2]).lower())
			return
		self._commit_all()
		for statement in self._session.values():
			self._own.execute(statement)
		self._session.clear()
		self._own.execute(rewritten(event.text, piece(event.text), self._known))
		self._own.connection.commit()
		self._statements += 1

	def _begin(self) -> None:
		if self._is_open:
			return
		if not self._waiting:
			self._rows.execute("start transaction")
		for point in (f"savepoint {MARK}", *self._points):
			self._rows.execute(point)
		self._points.clear()
		self._is_open = True

	def _roll_back(self) -> None:
		if self._is_open:
			self._rows.execute(f"rollback to savepoint {MARK}")
			self._is_open = False
			self._waiting += 1

	def _commit(self) -> None:
		if not self._is_open:
			return
		self._is_open = False
		self._waiting += 1
		self._transactions += 1
		if self._waiting >= AT_ONCE:
			self._commit_all()

	def _commit_all(self) -> None:
		if self._waiting or self._is_open:
			self._rows.execute(
				"set timestamp = default"
			)  # the events' own, with which the commit would be logged
			self._rows.execute("commit")
		self._waiting, self._is_open = 0, False

	def _told(self, error: Exception, event: Event) -> AgentError:
		said = str(error.args[-1]) if error.args else str(error)
		about = (
			f"rows of {', '.join(table for _database, table in event.tables())}"
			if event.rows
			else head_of(event.text)
		)
		if mariadb_code(error) in DENIED_CODES and not event.rows:
			return AgentError(
				f"The log's statement of {event.when()} reaches outside of the database: {about} ({said})",
				EARLIER,
			)
		return AgentError(
			f"What the log has of {event.when()} cannot be replayed: {about}: {said}",
			hint_for(error) or EARLIER,
		)
