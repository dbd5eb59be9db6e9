"""Who may sign in to the bench's MariaDB, as its own account may see it, and whether a password is one that everybody tries first."""

from collections.abc import Mapping

import pymysql
from frappe.utils.password import passlibctx

from buildpro_saas.agent import errors, site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_connection import NAME_PATTERN
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import FINE, FOUND, NOT_SEEN, Check

DATABASE, PASSWORDS = "MariaDB", "Passwords"
TRIED = ("", "root", "admin", "password", "mariadb", "frappe", "123")
TRIED_OF_ADMINISTRATOR = ("admin", "administrator", "password", "frappe", "123")
LOCAL = ("localhost", "127.0.0.1", "::1")
SECONDS = 5
MOST_SITES = 20  # each password takes some 20 ms to be tried


def checks(mariadb: DatabaseServer, is_for_others: bool) -> list[Check]:
	"""What the server's list of users says, and which guesses at root's password let in. is_for_others: other machines can reach it."""
	rows = mariadb.db.sql("select User, Host from mysql.user")
	own_host = mariadb.db.sql("select user()")[0][0].rpartition("@")[2]
	users = [(str(user), str(host)) for user, host in rows]
	told = [*of_users(users, own_host, is_for_others), *_root(mariadb)]
	if mariadb.has_database("test"):
		told.append(
			Check(
				DATABASE,
				FOUND,
				"There is a database `test`, which every user may use.",
				"DROP DATABASE test;",
			)
		)
	unseen = "Whether other users have a password is not seen by the bench's account."
	return [*told, Check(DATABASE, NOT_SEEN, unseen, "As root: SELECT User, Host, plugin FROM mysql.user;")]


def of_users(users: list[tuple[str, str]], own_host: str, is_for_others: bool) -> list[Check]:
	"""users: (name, host). own_host: where the bench comes from, as the server sees it."""
	told = []
	for user, host in sorted(users):
		if not user:
			command = f"DROP USER ''@'{host}';"
			told.append(
				Check(DATABASE, FOUND, f"Anybody may sign in from {host} without a user's name.", command)
			)
		elif user == "root" and host not in (*LOCAL, own_host):
			command = f"DROP USER 'root'@'{host}';"
			told.append(Check(DATABASE, FOUND, f"root may sign in from {host}.", command))
	anywhere = sorted(user for user, host in users if host == "%" and user not in ("", "root"))
	if anywhere:
		names = ", ".join(anywhere[:5]) + (f" and {len(anywhere) - 5} more" if anywhere[5:] else "")
		sentence = f"These MariaDB users may sign in from any host: {names}."
		if is_for_others:
			command = f"RENAME USER 'name'@'%' TO 'name'@'{own_host}';"
			told.append(Check(DATABASE, FOUND, sentence, command))
		else:
			told.append(Check(DATABASE, FINE, f"{sentence} Other machines do not reach MariaDB."))
	if not any(check.state == FOUND for check in told):
		sentence = "root signs in from MariaDB's or the bench's machine alone, and nobody without a name."
		told.append(Check(DATABASE, FINE, sentence))
	return told


def _root(mariadb: DatabaseServer) -> list[Check]:
	of = mariadb.account
	for password in TRIED:
		try:
			pymysql.connect(
				host=of.host, port=of.port, user="root", password=password, connect_timeout=SECONDS
			).close()
		except pymysql.MySQLError as error:
			if errors.mariadb_code(error) in errors.DENIED_CODES:
				continue
			said = f"Whether root's password is easy to guess could not be tried ({type(error).__name__})."
			return [Check(PASSWORDS, NOT_SEEN, said)]
		what = "no password" if not password else "a password that everybody tries first"
		command = "ALTER USER 'root'@'localhost' IDENTIFIED BY '…'; (a long one, at random)"
		return [Check(PASSWORDS, FOUND, f"MariaDB's root has {what}.", command)]
	return [
		Check(
			PASSWORDS, FINE, f"MariaDB's root has none of {len(TRIED)} passwords that everybody tries first."
		)
	]


def of_administrators(bench: Bench, mariadb: DatabaseServer) -> list[Check]:
	"""Whether Administrator of the operator's own sites has a password that everybody tries first. Tenants' sites are not looked at."""
	weak, seen = [], 0
	for name in bench.site_names():
		try:
			config = site_config.read(bench.sites_path / name)
		except AgentError:
			continue  # exposed_files tells it
		if config.get("buildpro_role") == "tenant" or seen == MOST_SITES:
			continue
		if not (hashed := _hashed(mariadb, config)):
			continue
		seen += 1
		if any(_fits(password, hashed) for password in TRIED_OF_ADMINISTRATOR):
			weak.append(
				Check(
					PASSWORDS,
					FOUND,
					f"Administrator of {name} has a password that everybody tries first.",
					f"bench --site {name} set-admin-password",
				)
			)
	fine = f"Neither has Administrator of a site that is no tenant's (seen: {seen})."
	return weak or [Check(PASSWORDS, FINE, fine)]


def _hashed(mariadb: DatabaseServer, config: Mapping) -> str | None:
	"""The hash of Administrator's password; None where the account does not see it."""
	name = str(config.get("db_name") or "")
	there = "select 1 from information_schema.tables where table_schema = %s and table_name = '__Auth'"
	if not NAME_PATTERN.fullmatch(name) or not mariadb.db.sql(there, name):
		return None
	rows = mariadb.db.sql(
		f"select password from `{name}`.`__Auth` where doctype = 'User' and name = 'Administrator'"
		" and fieldname = 'password'"
	)
	return rows[0][0] if rows else None


def _fits(password: str, hashed: str) -> bool:
	try:
		return passlibctx.verify(password, hashed)
	except ValueError:  # no hash of a kind that is known
		return False
