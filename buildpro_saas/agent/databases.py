"""Tenants' databases and database users on a MariaDB server, through an account that is not root."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import frappe
from frappe.database import get_db

from buildpro_saas import framework
from buildpro_saas.agent.errors import (
	NOT_LET_IN_CODES,
	AgentError,
	NotOursError,
	is_transient,
	mariadb_code,
)
from buildpro_saas.agent.facts import CUSTOM_NAME

# Frappe's own names (`_` and a hash), and the guide's `customer1_db`. The account's rights end there: it reaches neither
# `mysql` nor databases that somebody else keeps on the same server under other names.
NAME_PATTERN = re.compile(rf"(_[a-z0-9_]{{1,62}}|{CUSTOM_NAME.pattern})")
GRANTED_PATTERNS = (r"\_%", r"%\_db")
REPLAY_RIGHTS = "binlog monitor, binlog replay, replication slave"
USER_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,80}")
HOST_PATTERN = re.compile(r"[A-Za-z0-9_.:%/-]{1,255}")
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


class DatabaseServer:
	"""One MariaDB server as seen by an account. Use it as a context manager: one connection for the block."""

	def __init__(self, account: Account):
		self.account = account
		self.db = None

	def __enter__(self) -> "DatabaseServer":
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

	# -- looking ---------------------------------------------------------------------------------------------------

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

	# -- changing --------------------------------------------------------------------------------------------------

	def create(self, name: str, password: str, mark: str) -> None:
		"""Make a database and its user of that name. The database carries the mark from its first moment.

		Done again after a crash, it completes what is there. Raises NotOursError when the name is somebody else's.
		"""
		self.create_database(name, mark)
		user = self._user(name)
		self._ddl(f"create user if not exists {user} identified by %s", password)
		self._ddl(f"alter user {user} identified by %s", password)
		# An unescaped underscore in a grant is a wildcard: `a_db` would reach `axdb` too.
		self._ddl(f"grant all privileges on `{_escape(name)}`.* to {user}")

	def create_database(self, name: str, mark: str) -> None:
		"""The same without a user. Only this account then reaches the database."""
		check_name(name)
		if self.has_database(name):
			self._only_with_mark(name, mark)
			return
		if self.has_user(name):
			raise NotOursError(
				f"A database user {name} exists already.", "Choose another database name for this tenant."
			)
		self._ddl(
			f"create database `{name}` character set utf8mb4 collate utf8mb4_unicode_ci comment %s", mark
		)

	def drop_user(self, name: str, mark: str) -> None:
		"""Drop the user of the database, when the database carries the mark. The database stays. Raises NotOursError for another mark."""
		self._only_with_mark(check_name(name), mark)
		self._drop_users(name)

	def hand_over(self, name: str, mark: str, new_mark: str) -> None:
		"""Change the database's mark to `new_mark`. Nothing when it has that already. Raises NotOursError unless it has `mark`."""
		check_name(name)
		if self.mark_of(name) != new_mark:
			self._only_with_mark(name, mark)
			self._ddl(f"alter database `{name}` comment %s", new_mark)

	def mark_again(self, name: str, mark: str) -> bool:
		"""Give the mark to a database that carries none; returns whether. A database with another mark is left alone."""
		if self.mark_of(check_name(name)) != "":
			return False
		self._ddl(f"alter database `{name}` comment %s", mark)
		return True

	def drop(self, name: str, mark: str) -> None:
		"""Drop database and user, when the database carries the mark. Nothing when it is gone. Raises NotOursError for another mark.

		The user goes first: as long as the database stands, its mark says whose both are.
		"""
		check_name(name)
		if not self.has_database(name):
			return
		self._only_with_mark(name, mark)
		self._drop_users(name)
		self._ddl(f"drop database if exists `{name}`")

	def rename(self, name: str, new_name: str, mark: str) -> None:
		"""Give the database another name, when it carries the mark. Its user, who is named like it, is dropped. Repeatable.

		MariaDB has no statement for it. So all tables move into a new database at once (RENAME TABLE, atomic from MariaDB 10.6 on).
		Raises NotOursError for another mark. Raises AgentError for views, triggers, routines or events: these do not move with tables.
		"""
		check_name(new_name)
		if self.has_database(name):
			self._only_with_mark(check_name(name), mark)
			self.create_database(new_name, mark)
			self.move_tables(name, new_name, mark)
			self.drop(name, mark)
		self._only_with_mark(new_name, mark)

	def move_tables(self, name: str, new_name: str, mark: str) -> None:
		"""Move all tables of the database into another one at once; both carry the mark. Repeatable. Raises as `rename` does."""
		self._only_with_mark(check_name(name), mark)
		self._only_with_mark(check_name(new_name), mark)
		if has := self.other_contents(name):
			raise AgentError(
				f"The database {name} has {has}, which cannot be moved.", "Move or remove it by hand."
			)
		if tables := self._tables(name):
			pairs = (f"{quoted(name, table)} to {quoted(new_name, table)}" for table in tables)
			self._ddl(f"rename table {', '.join(pairs)}")

	def _tables(self, name: str) -> list[str]:
		rows = self.db.sql("select table_name from information_schema.tables where table_schema = %s", name)
		return [table for (table,) in rows]

	def other_contents(self, name: str) -> str:
		"""What the database holds that does not move with its tables, in words; empty for nothing."""
		questions = {
			"views": "select 1 from information_schema.views where table_schema = %s limit 1",
			"triggers": "select 1 from information_schema.triggers where trigger_schema = %s limit 1",
			"routines": "select 1 from information_schema.routines where routine_schema = %s limit 1",
			"events": "select 1 from information_schema.events where event_schema = %s limit 1",
		}
		return " and ".join(kind for kind, question in questions.items() if self.db.sql(question, name))

	def shut_out(self, name: str, mark: str) -> None:
		"""Let the user of the database that carries the mark sign in no more; what he has open stays. `let_in` takes it back. Repeatable."""
		self._set_accounts(name, mark, "account lock")

	def let_in(self, name: str, mark: str) -> None:
		"""Let the user of the database that carries the mark sign in again. Repeatable."""
		self._set_accounts(name, mark, "account unlock")

	def _set_accounts(self, name: str, mark: str, how: str) -> None:
		self._only_with_mark(check_name(name), mark)
		for (host,) in self.db.sql("select Host from mysql.user where User = %s", name):
			self._ddl(f"alter user {self._account_of(name, host)} {how}")

	def drop_lone_user(self, name: str) -> None:
		"""Drop a user whose database is gone. The caller must know that a job of ours made it: a user carries no mark.

		Raises NotOursError when there is a database of that name.
		"""
		if self.has_database(check_name(name)):
			raise NotOursError(f"There is a database {name}: its user is left alone.")
		self._drop_users(name)

	def grant_control_plane(self, user: str, password: str, replays: bool = False) -> None:
		"""Make the control plane's account, or bring its rights up to date. Needs root's connection.

		The account may make and drop users, and the databases of GRANTED_PATTERNS. It sees the names of all databases and users, so that
		it can tell which are taken. replays: it may also read the server's binary log and replay it. MariaDB asks for no right on the tables
		that are replayed, so that is nearly all that root may.
		"""
		if not USER_PATTERN.fullmatch(user):
			raise AgentError(f"{user!r} cannot be a database user's name.", "Use letters, digits, _ . and -.")
		account = self._user(user)
		self._ddl(f"create user if not exists {account} identified by %s", password)
		self._ddl(f"alter user {account} identified by %s", password)
		self._ddl(f"grant create user, show databases on *.* to {account}")
		self._ddl(f"grant select (User, Host) on mysql.user to {account}")
		self._ddl(
			f"grant {REPLAY_RIGHTS} on *.* to {account}"
			if replays
			else f"revoke {REPLAY_RIGHTS} on *.* from {account}"
		)
		for pattern in GRANTED_PATTERNS:
			self._ddl(f"grant all privileges on `{pattern}`.* to {account} with grant option")

	def _only_with_mark(self, name: str, mark: str) -> None:
		found = self.mark_of(name)
		if found != mark:
			raise NotOursError(
				f"The database {name} was not made by this job and is left alone.",
				"Choose another database name for this tenant.",
			)

	def _drop_users(self, name: str) -> None:
		"""Drop the user of that name for every host: `user_host` may have been another one when the user was made."""
		for (host,) in self.db.sql("select Host from mysql.user where User = %s", name):
			self._ddl(f"drop user if exists {self._account_of(name, host)}")

	def _user(self, name: str) -> str:
		return self._account_of(name, self.account.user_host or self._own_host())

	def _account_of(self, name: str, host: str) -> str:
		if not USER_PATTERN.fullmatch(name) or not HOST_PATTERN.fullmatch(host):
			raise AgentError(f"{name!r}@{host!r} cannot be a database user.")
		return f"`{name}`@`{host}`"

	def _own_host(self) -> str:
		"""The host from which the server sees us come. Tenants' processes run here, too, and come from it."""
		return self.db.sql("select user()")[0][0].rsplit("@", 1)[1]

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


def _escape(name: str) -> str:
	return name.replace("_", r"\_").replace("%", r"\%")


@contextmanager
def server(account: Account) -> Iterator[DatabaseServer]:
	"""Connect to MariaDB as the account for the length of the block."""
	with DatabaseServer(account) as connected:
		yield connected


def lets_in(of_bench: Account, database: str, password: str) -> bool:
	"""Whether the server of that account lets the user of the database in with that password, and lets him see the database.

	True where it cannot be told now, as for a user who has as many connections as he may.
	"""
	try:
		with server(replace(of_bench, user=database, password=password)) as own:
			return own.has_database(database)
	except Exception as error:
		if mariadb_code(error) in NOT_LET_IN_CODES:
			return False
		if is_transient(error):
			return True
		raise
