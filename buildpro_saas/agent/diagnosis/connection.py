"""A short connection to MariaDB with time limits: a server that hangs is told as such, and keeps nobody waiting."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import frappe
import pymysql
from pymysql.cursors import Cursor

from buildpro_saas.agent import account
from buildpro_saas.agent.databases import Account
from buildpro_saas.agent.facts import SERVER_KEYS

SECONDS = 1.5  # to connect, for one answer, for one statement of ours
PATIENCE = "set session max_statement_time = 1.5, lock_wait_timeout = 1, innodb_lock_wait_timeout = 1"


def of_site(config: Mapping) -> Account:
	"""As whom, and where, the site with this site_config.json signs in."""
	where = {key: config[key] for key in SERVER_KEYS if config.get(key)}
	user = str(config.get("db_user") or config["db_name"])
	return account.account(user, str(config.get("db_password") or ""), where)


@contextmanager
def connected(of: Account, database: str | None = None) -> Iterator[Cursor]:
	"""A cursor for the length of the block; each statement is a transaction. Raises what MariaDB's client raises."""
	conf = {key: of.where.get(key, frappe.conf.get(key)) for key in SERVER_KEYS}
	names = {"ca": "db_ssl_ca", "cert": "db_ssl_cert", "key": "db_ssl_key"}
	tls = {name: conf[key] for name, key in names.items() if conf[key]}
	connection = pymysql.connect(
		host=of.host,
		port=of.port,
		unix_socket=conf["db_socket"] or None,
		user=of.user,
		password=of.password,
		database=database,
		ssl=tls or None,
		charset="utf8mb4",
		autocommit=True,
		connect_timeout=SECONDS,
		read_timeout=SECONDS,
		write_timeout=SECONDS,
		init_command=PATIENCE,
	)
	try:
		with connection.cursor() as cursor:
			yield cursor
	finally:
		connection.close()


def rows(cursor: Cursor, statement: str, *values: object) -> list[tuple]:
	"""The rows that a statement finds."""
	cursor.execute(statement, values or None)
	return list(cursor.fetchall())
