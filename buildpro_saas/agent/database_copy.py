"""Copies one database into another on the same server, over several connections at once.

Nearly all of the time MariaDB makes tables, one after the other on each connection. docs/benchmarks.md has the figures of the
ways that were tried.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue

from buildpro_saas.agent.database_connection import check_name, quoted
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Contents

CONNECTIONS = 4
CHECK_SECONDS = 1.0
# How the source is read. A shadow's source is locked meanwhile, by another connection. In a MyISAM table (Frappe's search index may be one)
# plain reading would wait behind those who wait to write there, and they for the end of the copy.
SELECT = "select high_priority"
# The columns of a sequence that say how it was made and how far it is (mariadb.com/kb/en/create-sequence).
SEQUENCE = (
	"start_value, minimum_value, maximum_value, increment, cache_size, cycle_option, next_not_cached_value"
)


def contents_of(server: DatabaseServer, database: str) -> Contents:
	"""What the database holds. Raises AgentError for a view or the like: a site of Frappe's has none."""
	check_name(database)
	server.db.sql("rollback")  # what is there now, and not when this connection first looked
	rows = server.db.sql(
		"select table_name, table_type, coalesce(data_length + index_length, 0)"
		" from information_schema.tables where table_schema = %s order by table_name",
		database,
	)
	kinds = defaultdict(list)
	for name, kind, _size in rows:
		kinds[kind].append(_checked(name))
	if strange := set(kinds) - {"BASE TABLE", "SEQUENCE"}:
		raise AgentError(
			f"The database {database} has a {', '.join(sorted(strange)).lower()}, which is not copied."
		)
	tables = kinds["BASE TABLE"]
	filled = [
		table for table in tables if server.db.sql(f"{SELECT} 1 from {quoted(database, table)} limit 1")
	]
	sequences = {
		name: list(server.db.sql(f"select {SEQUENCE} from {quoted(database, name)}")[0])
		for name in kinds["SEQUENCE"]
	}
	return Contents(tables, filled, sequences, int(sum(size for *_names, size in rows)))


class DatabaseCopy:
	"""Fills an empty database with another one's contents."""

	def __init__(
		self, server: DatabaseServer, source: str, target: str, contents: Contents, *, is_in_use: bool = False
	):
		"""is_in_use: people write in the source meanwhile. Nobody waits for the copy then, and it is of no one moment."""
		self.server = server
		self.is_in_use = is_in_use
		self.source = check_name(source)
		self.target = check_name(target)
		self.contents = contents

	def run(self, checkpoint: Callable[[], None] = lambda: None) -> None:
		"""Copy. checkpoint: called about once a second; it may raise to stop the copying.

		Raises what the database's driver raises when a table cannot be made. The target then holds what was copied so far.
		"""
		work = SimpleQueue()
		# the long ones first, so that no connection is left alone with one at the end
		filled = set(self.contents.filled)
		for table in sorted(self.contents.tables, key=lambda table: table not in filled):
			work.put(self._table(table, table in filled))
		for name, state in self.contents.sequences.items():
			work.put(self._sequence(name, state))
		stop = threading.Event()
		with self.server.connections(CONNECTIONS) as connections, ThreadPoolExecutor(CONNECTIONS) as pool:
			running = [pool.submit(self._work, connection, work, stop) for connection in connections]
			try:
				while wait(running, timeout=CHECK_SECONDS, return_when=FIRST_EXCEPTION).not_done:
					for future in running:
						if future.done():
							future.result()  # raises what stopped it
					checkpoint()
				for future in running:
					future.result()
			finally:
				stop.set()  # the others end with the statement they are at

	def _work(self, connection, work: SimpleQueue, stop: threading.Event) -> None:
		cursor = connection.cursor()
		cursor.execute("set session foreign_key_checks = 0, unique_checks = 0")
		if self.is_in_use:  # else `insert … select` locks the rows that it reads
			cursor.execute("set session transaction isolation level read committed")
		while not stop.is_set():
			try:
				statements = work.get_nowait()
			except Empty:
				return
			for statement in statements:
				if stop.is_set():
					return
				cursor.execute(statement)
			connection.commit()

	def _table(self, table: str, is_filled: bool) -> list[str]:
		source, target = quoted(self.source, table), quoted(self.target, table)
		statements = [f"create table {target} like {source}"]
		if is_filled:
			statements.append(f"insert into {target} {SELECT} * from {source}")
		return statements

	def _sequence(self, name: str, state: list[int]) -> list[str]:
		start, lowest, highest, increment, cache, is_cycle, following = map(int, state)
		target = quoted(self.target, name)
		return [
			f"create sequence {target} start with {start} minvalue {lowest} maxvalue {highest}"
			f" increment by {increment} cache {cache} {'cycle' if is_cycle else 'nocycle'}",
			f"do setval({target}, {following}, 0)",
		]


def _checked(name: str) -> str:
	"""A table's name that can stand between backticks."""
	if "`" in name or "\0" in name:
		raise AgentError(f"A table is called {name!r}, which cannot be copied.")
	return name
