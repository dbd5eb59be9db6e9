"""Tenants' databases and database users on a MariaDB server: made, marked, renamed, shut and dropped."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from buildpro_saas.agent.database_connection import Account, DatabaseConnection, check_name, quoted
from buildpro_saas.agent.errors import (
	NOT_LET_IN_CODES,
	AgentError,
	NotOursError,
	is_transient,
	mariadb_code,
)

# The names that check_name takes, as MariaDB's grants have them: the account's rights end there.
GRANTED_PATTERNS = (r"\_%", r"%\_db")
REPLAY_RIGHTS = "binlog monitor, binlog replay, replication slave"
USER_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,80}")
HOST_PATTERN = re.compile(r"[A-Za-z0-9_.:%/-]{1,255}")


class DatabaseServer(DatabaseConnection):
	"""The server as one who may change what is there."""

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
		it can tell which are taken; and what the server is at (PROCESS): how large databases are, who uses and who holds what. replays: it may also read the server's binary log and replay it. MariaDB asks for no right on the tables
		that are replayed, so that is nearly all that root may.
		"""
		if not USER_PATTERN.fullmatch(user):
			raise AgentError(f"{user!r} cannot be a database user's name.", "Use letters, digits, _ . and -.")
		account = self._user(user)
		self._ddl(f"create user if not exists {account} identified by %s", password)
		self._ddl(f"alter user {account} identified by %s", password)
		self._ddl(f"grant create user, show databases, process on *.* to {account}")
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
