"""Whether people have used a site. Its database is asked: that knows it when all else is lost or moved."""

from buildpro_saas.agent.database_connection import check_name, quoted
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.facts import FINISHED_NOTE

# What the framework's own set-up makes is nobody's sign-in. It signs in nowhere, so a sign-in of Administrator's is a person's.
NOBODY = ("Administrator", "Guest")
NOBODY_SIGNS_IN = ("Guest",)
# {table: (columns that the question needs, the question)}; each answers with the name of a person, if any.
QUESTIONS = {
	"tabSingles": (
		("doctype", "field", "value"),
		f"select value from {{table}} where value not in %s and doctype = '{FINISHED_NOTE}' and field = 'is_finished' limit 1",
	),
	"tabUser": (
		("name", "last_login", "last_active"),
		"select name from {table} where name not in %s and (last_login is not null or last_active is not null) limit 1",
	),
	"__Auth": (
		("doctype", "name", "fieldname"),
		"select name from {table} where name not in %s and doctype = 'User' and fieldname = 'password' limit 1",
	),
	"tabSessions": (("user",), "select user from {table} where user not in %s limit 1"),
	"tabActivity Log": (
		("user", "operation", "status"),
		"select user from {table} where user not in %s and operation = 'Login' and status = 'Success' limit 1",
	),
}
SAID = {
	"tabSingles": "it was finished, and handed over to its tenant",
	"tabUser": "{0} has signed in",
	"__Auth": "{0} has set a password",
	"tabSessions": "{0} is signed in",
	"tabActivity Log": "{0} has signed in",
}


def signs_of_use(mariadb: DatabaseServer, database: str) -> str:
	"""What shows that somebody has used the site in that database, as a piece of a sentence; empty where nothing does.

	A database that is missing, or without the framework's tables, has not been used. Raises what MariaDB raises when it cannot be
	looked at: then nobody knows.
	"""
	check_name(database)
	there = _columns(mariadb, database)
	for table, (needed, question) in QUESTIONS.items():
		if not there.get(table, set()).issuperset(needed):
			continue
		nobody = NOBODY_SIGNS_IN if table == "tabActivity Log" else NOBODY
		rows = mariadb.db.sql(question.format(table=quoted(database, table)), (nobody,))
		if rows:
			return SAID[table].format(rows[0][0])
	return ""


def note_finished(mariadb: DatabaseServer, database: str) -> None:
	"""Note in the site's database that it is its tenant's for good: nobody may find its folder once it is moved. Repeatable."""
	table = quoted(check_name(database), "tabSingles")
	mariadb.db.sql(f"delete from {table} where doctype = %s and field = 'is_finished'", FINISHED_NOTE)
	mariadb.db.sql(
		f"insert into {table} (doctype, field, value) values (%s, 'is_finished', '1')", FINISHED_NOTE
	)
	mariadb.db.commit()


def _columns(mariadb: DatabaseServer, database: str) -> dict[str, set[str]]:
	"""{table: its columns} of the tables that are asked, those that are there."""
	rows = mariadb.db.sql(
		"select table_name, column_name from information_schema.columns where table_schema = %s and table_name in %s",
		(database, tuple(QUESTIONS)),
	)
	found: dict[str, set[str]] = {}
	for table, column in rows:
		found.setdefault(table, set()).add(column)
	return found
