"""Loads a dump into an empty database as that database's own user, who reaches no other. Tables go over several connections at once."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue

from pymysql.constants import ER

from buildpro_saas.agent.database_connection import check_name
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.dump import ROWS, SESSION, SKIPPED, TABLE, Piece, piece
from buildpro_saas.agent.dump_rewriting import rewritten
from buildpro_saas.agent.dump_statements import Statements
from buildpro_saas.agent.errors import (
	DENIED_CODES,
	AgentError,
	hint_for,
	is_of_full_disk,
	is_transient,
	mariadb_code,
)
from buildpro_saas.agent.row_size import widest_columns

CONNECTIONS = 4
WAITING = 4  # statements that wait for each connection: of a dump program's, a megabyte each
LOCK_WAIT = 60  # seconds; nobody else has the database
PAUSE = 0.2  # seconds between two looks at whether it is to go on
COMMITTED = 16 * 2**20  # bytes of rows after which a connection commits
COMMIT, END = "commit", "end"  # orders beside statements
OWN_TABLE = (TABLE, ROWS, "alter")  # what belongs to one table: done by that table's connection, in its order


class DumpLoad:
	"""Sends a dump's statements to one database.

	server: connected as the database's user. known: the server's collations, in lower case.
	"""

	def __init__(self, server: DatabaseServer, database: str, known: set[str]):
		self.server = server
		self.database = check_name(database)
		self.known = known
		self.error: BaseException | None = None
		self._stop = threading.Event()

	def run(self, statements: Statements, checkpoint: Callable[[], None]) -> None:
		"""Load. checkpoint: may raise to stop. Raises AgentError, with the table, for what the server refuses; a half-filled database stays."""
		with self.server.connections(CONNECTIONS) as connections:
			queues = [Queue(WAITING) for _each in connections]
			threads = [
				threading.Thread(target=self._work, args=(connection, queue), daemon=True)
				for connection, queue in zip(connections, queues, strict=True)
			]
			for thread in threads:
				thread.start()
			try:
				self._send(statements, queues, checkpoint)
				for queue in queues:
					self._put(queue, END, checkpoint)
				for thread in threads:
					self._join(thread, checkpoint)
			finally:
				self._stop.set()
				for thread in threads:
					thread.join()
		if self.error:
			raise self.error

	def _send(self, statements: Statements, queues: list[Queue], checkpoint: Callable[[], None]) -> None:
		homes: dict[str, int] = {}  # {table: the connection that makes it}
		made: set[str] = set()
		for statement in statements:
			of = piece(statement)
			if of.kind in (SKIPPED, "use") or (of.kind == "drop" and of.name not in made):
				continue  # the database was empty: what the dump has not made is not there
			order = (of, rewritten(statement, of, self.known))
			if of.kind == SESSION:
				for queue in queues:
					self._put(queue, order, checkpoint)
			elif of.kind in OWN_TABLE:
				home = homes.setdefault(of.name, _least_busy(queues))
				self._put(queues[home], order, checkpoint)
			else:
				self._after_all(queues, order, checkpoint)
			made.add(of.name)

	def _after_all(self, queues: list[Queue], order: tuple, checkpoint: Callable[[], None]) -> None:
		"""Views, triggers and the like speak of tables: they wait until all that is before them is done, and committed.

		A connection that has put rows into a table keeps others from changing it until it commits.
		"""
		for queue in queues:
			self._put(queue, COMMIT, checkpoint)
		for queue in queues:
			while queue.unfinished_tasks and not self._stop.is_set():
				checkpoint()
				time.sleep(PAUSE / 10)
		self._put(queues[0], order, checkpoint)

	def _put(self, queue: Queue, order: tuple | str, checkpoint: Callable[[], None]) -> None:
		while not self._stop.is_set():
			try:
				queue.put(order, timeout=PAUSE)
				return
			except Full:
				checkpoint()

	def _join(self, thread: threading.Thread, checkpoint: Callable[[], None]) -> None:
		while thread.is_alive():
			thread.join(PAUSE)
			checkpoint()

	def _work(self, connection, queue: Queue) -> None:
		try:
			cursor, waiting = connection.cursor(), 0
			cursor.execute(f"use `{self.database}`")
			cursor.execute(
				f"set session foreign_key_checks = 0, unique_checks = 0, lock_wait_timeout = {LOCK_WAIT}"
			)
			while not self._stop.is_set():
				with suppress(Empty):
					order = queue.get(timeout=PAUSE)
					if order not in (COMMIT, END):
						waiting += self._execute(cursor, *order)
					if order in (COMMIT, END) or waiting > COMMITTED:
						connection.commit()
						waiting = 0
					queue.task_done()
					if order == END:
						return
		except BaseException as error:
			self.error = self.error or error
			self._stop.set()

	def _execute(self, cursor, of: Piece, statement: bytes) -> int:
		try:
			cursor.execute(statement)
		except Exception as error:
			if is_transient(error):
				raise
			raise _told(error, of, statement) from error
		return len(statement) if of.kind == ROWS else 0


def _least_busy(queues: list[Queue]) -> int:
	return min(range(len(queues)), key=lambda at: queues[at].unfinished_tasks)


def _told(error: Exception, of: Piece, statement: bytes) -> AgentError:
	"""The server's refusal with what it was about."""
	said = str(error.args[-1]) if error.args else str(error)
	about = f"the {of.kind if of.kind != ROWS else 'rows of the table'} {of.name}".strip()
	hint = "The site is untouched. Mend the dump, or take another backup."
	if is_of_full_disk(error):
		hint = hint_for(error)
	elif mariadb_code(error) in (ER.TOO_BIG_ROWSIZE, ER.TOO_BIG_FIELDLENGTH):
		widest = ", ".join(f"{column} ({size} bytes)" for column, size in widest_columns(statement))
		hint = f"The widest columns are {widest}. Make a custom field of the type Text of them where the site was, and back it up again."
	elif mariadb_code(error) in DENIED_CODES:
		hint = "The dump asks for what a site's own database user may not do, or for another database. The site is untouched."
	return AgentError(f"MariaDB does not take {about}: {said}", hint)
