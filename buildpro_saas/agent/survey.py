"""What a site's database says that somebody must know before the site is taken in: apps, people, customisations, what it speaks with.

The same questions are put to a database that is in use, and to the rows of a dump as it streams by.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from buildpro_saas.agent.database_connection import check_name, quoted
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.dump import ROWS, TABLE, Piece, columns_of, values_of
from buildpro_saas.agent.intake_facts import Told

Rows = dict[str, list[dict[str, str]]]

# {table: the columns that are asked for, as far as the site has them}
TABLES = {
	"tabInstalled Application": ("app_name", "app_version"),
	"tabDefaultValue": ("parent", "defkey", "defvalue"),
	"tabSingles": ("doctype", "field", "value"),
	"tabUser": ("name", "email", "full_name", "enabled", "user_type", "creation"),
	"tabHas Role": ("parent", "parenttype", "role"),
	"tabCompany": ("name", "creation"),
	"tabEmail Account": ("name", "enable_incoming", "enable_outgoing"),
	"tabWebhook": ("name", "enabled"),
	"tabSocial Login Key": ("name", "enable_social_login"),
	"tabConnected App": ("name",),
	"tabCustom Field": ("name", "is_system_generated"),
	"tabProperty Setter": ("name", "is_system_generated"),
	"tabClient Script": ("name",),
	"tabServer Script": ("name",),
	"tabDocType": ("name", "custom"),
}
SETTINGS, DEFAULTS = "System Settings", "Global Defaults"
# What only some rows matter of: {table: (column, the values that do)}
ONLY = {
	"tabSingles": ("doctype", (SETTINGS, DEFAULTS)),
	"tabDefaultValue": ("parent", ("__global", "__default")),
	"tabHas Role": ("role", ("System Manager",)),
	"tabDocType": ("custom", ("1",)),
}
# {kind of customisation: its table}
KINDS = {
	"Custom Field": "tabCustom Field",
	"Property Setter": "tabProperty Setter",
	"Client Script": "tabClient Script",
	"Server Script": "tabServer Script",
	"DocType": "tabDocType",
}
# {what speaks with others by itself: (its table, columns of which one must be set; none: always)}
SPEAKS = {
	"Email Account": ("tabEmail Account", ("enable_incoming", "enable_outgoing")),
	"Webhook": ("tabWebhook", ("enabled",)),
	"Social Login Key": ("tabSocial Login Key", ("enable_social_login",)),
	"Connected App": ("tabConnected App", ()),
}
NOBODY = ("Administrator", "Guest")
YES = ("1", "True", "true", "Yes")


@dataclass
class DumpRows:
	"""Keeps the rows of TABLES of a dump, as dump.judge sees them (`see`)."""

	rows: Rows = field(default_factory=dict)
	_columns: dict[str, list[str]] = field(default_factory=dict)

	def see(self, of: Piece, statement: bytes) -> None:
		"""Note what a statement says of TABLES."""
		if of.name not in TABLES:
			return
		if of.kind == TABLE:
			self._columns[of.name] = columns_of(statement)
		elif of.kind == ROWS:
			wanted = TABLES[of.name]
			kept = self.rows.setdefault(of.name, [])
			for row in values_of(statement, self._columns.get(of.name, [])):
				kept.append({column: row[column] for column in wanted if column in row})


def rows_of_database(mariadb: DatabaseServer, database: str) -> Rows:
	"""The rows of TABLES in a database that is in use."""
	check_name(database)
	there: dict[str, set[str]] = {}
	for table, column in mariadb.db.sql(
		"select table_name, column_name from information_schema.columns where table_schema = %s and table_name in %s",
		(database, tuple(TABLES)),
	):
		there.setdefault(table, set()).add(column)
	return {table: _asked(mariadb, database, table, columns) for table, columns in there.items()}


def _asked(mariadb: DatabaseServer, database: str, table: str, there: set[str]) -> list[dict[str, str]]:
	columns = [column for column in TABLES[table] if column in there]
	question = f"select {', '.join(f'`{column}`' for column in columns)} from {quoted(database, table)}"
	only, values = ONLY.get(table, ("", ()))
	if only in there:
		question += f" where `{only}` in %s"
	rows = mariadb.db.sql(question, (values,) if only in there else ())
	return [
		{column: "" if value is None else str(value) for column, value in zip(columns, row, strict=True)}
		for row in rows
	]


def told_by(rows: Mapping[str, list[dict[str, str]]]) -> Told:
	"""What the rows of TABLES say: {table: [{column: text}]}."""
	of = {table: _only(table, rows.get(table, [])) for table in TABLES}
	people = [user for user in of["tabUser"] if user["name"] not in NOBODY and user.get("enabled") in YES]
	settings = _single(of["tabSingles"], SETTINGS)
	return Told(
		apps=_apps(of),
		users=sum(user.get("user_type") == "System User" for user in people),
		others=sum(user.get("user_type") != "System User" for user in people),
		companies=len(of["tabCompany"]),
		owner=_owner(people, of["tabHas Role"]),
		company=_company(of),
		region={
			"country": settings.get("country", ""),
			"language": settings.get("language", ""),
			"time_zone": settings.get("time_zone", ""),
			"currency": _default(of["tabDefaultValue"], "currency"),
		},
		customisations={kind: names for kind, table in KINDS.items() if (names := _made_by_hand(of[table]))},
		is_scheduled=settings.get("enable_scheduler") in YES,
		speaks={
			kind: names
			for kind, (table, columns) in SPEAKS.items()
			if (names := [row["name"] for row in of[table] if _is_any_set(row, columns)])
		},
	)


def _only(table: str, rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
	column, values = ONLY.get(table, ("", ()))
	return [row for row in rows if column not in row or row[column] in values]


def _apps(of: Rows) -> dict[str, str]:
	"""{app: version}; a version is empty where none is noted."""
	names = json.loads(_default(of["tabDefaultValue"], "installed_apps", "__global") or "[]")
	versions = {row["app_name"]: row.get("app_version", "") for row in of["tabInstalled Application"]}
	return {app: versions.get(app, "") for app in [*names, *(app for app in versions if app not in names)]}


def _owner(people: list[dict[str, str]], roles: list[dict[str, str]]) -> dict[str, str]:
	"""The first of the site's own System Managers: {"email", "name"}; {} for none."""
	managers = {row["parent"] for row in roles if row.get("parenttype", "User") == "User"}
	found = [user for user in people if user["name"] in managers and user.get("user_type") == "System User"]
	if not found:
		return {}
	first = min(found, key=lambda user: (user.get("creation", ""), user["name"]))
	return {"email": first.get("email") or first["name"], "name": first.get("full_name", "")}


def _company(of: Rows) -> str:
	named = _single(of["tabSingles"], DEFAULTS).get("default_company")
	named = named or _default(of["tabDefaultValue"], "company")
	if named or not of["tabCompany"]:
		return named
	return min(of["tabCompany"], key=lambda row: (row.get("creation", ""), row["name"]))["name"]


def _single(rows: list[dict[str, str]], doctype: str) -> dict[str, str]:
	return {row["field"]: row["value"] for row in rows if row["doctype"] == doctype}


def _default(rows: list[dict[str, str]], key: str, parent: str = "") -> str:
	found = (row["defvalue"] for row in rows if row["defkey"] == key and parent in ("", row["parent"]))
	return next(found, "")


def _made_by_hand(rows: list[dict[str, str]]) -> list[str]:
	"""Not those that an app's installer has made, where the site says which these are."""
	return sorted(row["name"] for row in rows if row.get("is_system_generated") not in YES)


def _is_any_set(row: dict[str, str], columns: tuple[str, ...]) -> bool:
	return not columns or any(row.get(column) in YES for column in columns)
