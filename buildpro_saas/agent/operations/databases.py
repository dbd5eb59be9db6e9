"""The bench's database server: the bench's account on it, names that are taken, marks of databases, its settings."""

import secrets
from typing import Any

from buildpro_saas.agent import account
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_settings import settings
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Setting
from buildpro_saas.agent.operations.operation import quick

USER = "buildpro_admin"


@quick
def database_server(bench: Bench) -> dict[str, Any]:
	"""{"kind", "host", "port", "user", "user_host"} of the bench's account, without its password.

	user is None where the bench has no account yet.
	"""
	if not account.exists(bench):
		of = account.account("", "")
		return {"kind": of.kind, "host": of.host, "port": of.port, "user": None, "user_host": of.user_host}
	of = account.read(bench)
	return {"kind": of.kind, "host": of.host, "port": of.port, "user": of.user, "user_host": of.user_host}


@quick
def has_account(bench: Bench) -> bool:
	"""True when the bench has its account on its database server."""
	return account.exists(bench)


@quick
def make_account(
	bench: Bench,
	root_user: str,
	root_password: str,
	where: dict[str, Any],
	user_host: str = "",
	replays: bool = False,
) -> str:
	"""Make the bench's account with root's help, keep it on the bench, and return its name. Repeatable: a known account keeps its name.

	Root's password is used for this one connection and kept nowhere. where, user_host: as account.account takes them. replays: whether it may
	replay the binary log, where the server writes one. Raises what MariaDB raises for a wrong password.
	"""
	user, password = f"{USER}_{secrets.token_hex(4)}", secrets.token_urlsafe(32)
	if account.exists(bench):
		kept = account.read(bench)
		user, password, user_host = kept.user, kept.password, user_host or kept.user_host
	with server(account.account(root_user, root_password, where, user_host)) as mariadb:
		mariadb.grant_control_plane(user, password, replays and mariadb.writes_log())
	_keep(bench, user, password, where, user_host)
	return user


@quick
def keep_account(bench: Bench, user: str, password: str, where: dict[str, Any], user_host: str = "") -> None:
	"""Check that the account can sign in and read users, and keep it on the bench.

	Raises what MariaDB raises where the account is not let in. where, user_host: as account.account takes them.
	"""
	_keep(bench, user, password, where, user_host)


@quick
def adopt_account(bench: Bench, user: str, password: str, where: dict[str, Any], user_host: str = "") -> bool:
	"""Keep an account that is known to work, unless the bench has one. Returns whether it was kept."""
	if account.exists(bench):
		return False
	account.write(bench, user=user, password=password, where=where, user_host=user_host)
	return True


@quick
def place_account(bench: Bench, where: dict[str, Any], user_host: str = "") -> None:
	"""Note where the server of the bench's account is by now. User and password stay as they are."""
	kept = account.read(bench)
	if (kept.where, kept.user_host) != (where, user_host or kept.user_host):
		account.write(
			bench, user=kept.user, password=kept.password, where=where, user_host=user_host or kept.user_host
		)


@quick
def forget_account(bench: Bench) -> None:
	"""Remove the bench's account from the bench; it stays on the database server."""
	account.forget(bench)


def _keep(bench: Bench, user: str, password: str, where: dict, user_host: str) -> None:
	with server(account.account(user, password, where, user_host)) as mariadb:
		mariadb.has_user(user)
	account.write(bench, user=user, password=password, where=where, user_host=user_host)


# -- names and marks -------------------------------------------------------------------------------------------------


@quick
def is_database_name_taken(bench: Bench, name: str) -> bool:
	"""True when a database or a database user has that name, whoever made it."""
	with server(account.read(bench)) as mariadb:
		return mariadb.has_database(name) or mariadb.has_user(name)


@quick
def has_database(bench: Bench, name: str) -> bool:
	"""True when there is a database of that name."""
	with server(account.read(bench)) as mariadb:
		return mariadb.has_database(name)


@quick
def database_mark(bench: Bench, name: str) -> str | None:
	"""The mark on the database; None where there is no such database."""
	with server(account.read(bench)) as mariadb:
		return mariadb.mark_of(name)


@quick
def mark_database_again(bench: Bench, name: str, mark: str) -> bool:
	"""Give the mark to a database that carries none; returns whether. A database with another mark is left alone."""
	with server(account.read(bench)) as mariadb:
		return mariadb.mark_again(name, mark)


@quick
def drop_lone_user(bench: Bench, name: str) -> None:
	"""Drop a user whose database is gone. Raises NotOursError when there is a database of that name."""
	with server(account.read(bench)) as mariadb:
		mariadb.drop_lone_user(name)


@quick
def database_settings(bench: Bench, sites: int, tables: int) -> list[Setting]:
	"""The server's variables that matter for the sites of the bench and `sites` more, with `tables` tables each.

	Each comes with what it is and what it should be.
	"""
	with server(account.read(bench)) as mariadb:
		return settings(mariadb, len(bench.site_names()) + sites, tables)
