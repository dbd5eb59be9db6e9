"""Keeping everybody from writing into a database's tables for a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymysql.constants import ER

from buildpro_saas.agent import database_connection
from buildpro_saas.agent.database_connection import quoted
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import TransientError


@contextmanager
def locked(
	mariadb: DatabaseServer, database: str, tables: list[str], longest_wait: int | None = None
) -> Iterator:
	"""Keep everybody from writing into the tables; yields the connection that does, which may read them.

	longest_wait: seconds; None: as long as any statement of ours waits. Raises TransientError where a transaction on them does not end in
	that time.
	"""
	longest_wait = longest_wait or database_connection.LOCK_WAIT
	with mariadb.connections(1) as (connection,), connection.cursor() as cursor:
		cursor.execute("set session lock_wait_timeout = %s", (longest_wait,))
		locks = ", ".join(f"{quoted(database, table)} read" for table in tables)
		try:
			if tables:
				cursor.execute(f"lock tables {locks}")
		except mariadb.db.OperationalError as error:
			if error.args[0] != ER.LOCK_WAIT_TIMEOUT:
				raise
			raise TransientError(
				f"A transaction on {database} did not end within {longest_wait} seconds.",
				"See what works there (`show full processlist` in MariaDB), or try again later.",
			) from error
		yield connection  # which is closed at the end, and the locks go with it
