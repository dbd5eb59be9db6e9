"""A connection to a MariaDB server through an account that is not root, and what it sees there of tenants' databases."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import frappe
from frappe.database import get_db

from buildpro_saas import framework
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import CUSTOM_NAME

# Frappe's own names (`_` and a hash), and the guide's `customer1_db`. The account's rights end there: it reaches neither
# `mysql` nor databases that somebody else keeps on the same server under other names.
NAME_PATTERN = re.compile(rf"(_[a-z0-9_]{{1,62}}|{CUSTOM_NAME.pattern})")
# Seconds that a statement of ours waits for somebody's transaction or `alter table`; MariaDB's own patience is a day. Who waits behind
# us may be who we wait for: a site's `alter table` waits for the tables that a copy has locked, and the copy's reading for it.
LOCK_WAIT = 30


@dataclass(frozen=True)
class Account:
	"""Where MariaDB is, and as whom to sign in. It never leaves the process that read it from its file (account.py)."""

	host: str
	port: int
	user: str
	password: str = field(repr=False)
	user_host: str = ""  # the host that tenants' sites come from; empty: the one that this process comes from
	kind: str = "mariadb"
	where: dict = field(default_factory=dict)  # keys of site_config.json that tenants' sites need, too

	def __repr__(self) -> str:
		return f"Account({self.user}@{self.host}:{self.port})"


def check_name(name: str) -> str:
	"""Return a name that we may use for a database and its user. Raises AgentError for another."""
	if not NAME_PATTERN.fullmatch(name or ""):
		raise AgentError(
			f"{name!r} cannot be a tenant's database name.",
			"Use lower-case letters, digits and underscores, ending in _db, at most 61 characters.",
		)
	return name


class DatabaseConnection:
	"""One MariaDB server as seen by an account. Use it as a context manager: one connection for the block."""

	def __init__(self, account: Account):
		self.account = account
		self.db = None

	def __enter__(self) -> "DatabaseConnection":
		of = self.account
		wanted = {"host": of.host, "port": of.port, "user": of.user, "password": of.password}
		if framework.names_database_apart():
			wanted["cur_db_name"] = None
		self.db = get_db(**wanted)
		with self._without_database():
			self.db.sql(f"set session lock_wait_timeout = {LOCK_WAIT}")
		return self

	def __exit__(self, *_exc) -> None:
		self.db.close()

	@contextmanager
	def connections(self, count: int) -> Iterator[list]:
		"""Open `count` more connections of the driver's own (PEP 249), for threads: Frappe's belong to one thread each."""
		opened = []
		try:
			with self._without_database():
				for _n in range(count):
					opened.append(self.db.get_connection())
			for connection in opened:
				with connection.cursor() as cursor:
					cursor.execute("set session lock_wait_timeout = %s", (LOCK_WAIT,))
			yield opened
		finally:
			for connection in opened:
				connection.close()

	@contextmanager
	def _without_database(self) -> Iterator[None]:
		# without `cur_db_name` Frappe opens the database that is named like the user, except for this user
		before = frappe.flags.root_login
		frappe.flags.root_login = self.account.user
		try:
			yield
		finally:
			frappe.flags.root_login = before

	def has_database(self, name: str) -> bool:
		"""True when a database of that name exists, whoever made it."""
		return bool(self.db.sql("select 1 from information_schema.schemata where schema_name = %s", name))

	def has_user(self, name: str) -> bool:
		"""True when a database user of that name exists on any host."""
		return bool(self.db.sql("select 1 from mysql.user where User = %s", name))

	def mark_of(self, name: str) -> str | None:
		"""The mark on the database; empty where it has none, None where there is no such database."""
		rows = self.db.sql(
			"select schema_comment from information_schema.schemata where schema_name = %s", name
		)
		return rows[0][0] if rows else None

	def marked(self, prefix: str) -> dict[str, str]:
		"""{database: mark} of all databases whose mark begins with `prefix`."""
		rows = self.db.sql(
			"select schema_name, schema_comment from information_schema.schemata where left(schema_comment, %s) = %s",
			(len(prefix), prefix),
		)
		return dict(rows)

	def names(self) -> set[str]:
		"""Names of all databases that this account's rights reach."""
		rows = self.db.sql("select schema_name from information_schema.schemata")
		return {name for (name,) in rows if NAME_PATTERN.fullmatch(name)}

	def users(self) -> set[str]:
		"""Names of all database users that could be a site's."""
		return {
			name for (name,) in self.db.sql("select User from mysql.user") if NAME_PATTERN.fullmatch(name)
		}

	def has_tables(self, name: str) -> bool:
		"""True when the database of that name holds anything."""
		return bool(
			self.db.sql("select 1 from information_schema.tables where table_schema = %s limit 1", name)
		)

	def size_of(self, name: str) -> int:
		"""Bytes that data and indexes of the database take."""
		rows = self.db.sql(
			"select sum(data_length + index_length) from information_schema.tables where table_schema = %s",
			name,
		)
		return int(rows[0][0] or 0)

	def writes_log(self) -> bool:
		"""Whether the server writes a binary log."""
		return bool(self.db.sql("select @@log_bin")[0][0])

	def other_contents(self, name: str) -> str:
		"""What the database holds that does not move with its tables, in words; empty for nothing."""
		questions = {
			"views": "select 1 from information_schema.views where table_schema = %s limit 1",
			"triggers": "select 1 from information_schema.triggers where trigger_schema = %s limit 1",
			"routines": "select 1 from information_schema.routines where routine_schema = %s limit 1",
			"events": "select 1 from information_schema.events where event_schema = %s limit 1",
		}
		return " and ".join(kind for kind, question in questions.items() if self.db.sql(question, name))

	def _ddl(self, statement: str, *values: str) -> None:
		if not values:
			self.db.sql(statement)  # without values the driver leaves the `%` of a pattern or host alone
			return
		# the driver binds values, and would take the `%` of a host for a placeholder
		bound = statement.replace("%s", "\0").replace("%", "%%").replace("\0", "%s")
		# past Frappe, which writes each statement of this kind into logs/database.log, passwords and all
		with self.db._conn.cursor() as cursor:
			cursor.execute(bound, values)


def quoted(database: str, table: str) -> str:
	"""The table's name in a statement, with its database's."""
	return f"`{database}`.`{table.replace('`', '``')}`"
