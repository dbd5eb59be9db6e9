"""What a database holds, noted in a form in which two can be compared: that is how a copy proves that it is one."""

import hashlib
from collections.abc import Iterable

from buildpro_saas.agent.database_connection import check_name, quoted
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Manifest

AT_ONCE = 50  # tables of which one statement asks
TOLD = 5  # differences that are told one by one
SIZES = """select table_name, coalesce(data_length + index_length, 0) from information_schema.tables
	where table_schema = %s and table_type = 'BASE TABLE' order by table_name"""
COLUMNS = """select table_name, column_name, ordinal_position, column_type, is_nullable, coalesce(column_default, ''),
	coalesce(collation_name, ''), extra from information_schema.columns where table_schema = %s order by 1, 3"""
INDEXES = """select table_name, index_name, seq_in_index, column_name, non_unique, coalesce(sub_part, ''), index_type
	from information_schema.statistics where table_schema = %s order by 1, 2, 3"""


# Of a connection that sees one moment: what it has read of it stays so, and who alters a table waits for it no longer than for a part.
MOMENT = "buildpro_moment"


def take(
	mariadb: DatabaseServer,
	database: str,
	connection=None,
	elsewhere: dict[str, str] | None = None,
	*,
	is_of_moment: bool = False,
) -> Manifest:
	"""The manifest of a database, in which nothing may change meanwhile.

	connection: of the driver's own (PEP 249), where the tables are locked by one; nobody else could read as it holds them.
	elsewhere: {table: the database that has what is to be counted of it}. is_of_moment: the connection is in a transaction that sees one
	moment. It then lets go of each table that it has read: else who alters it would wait to the end, and all others for him.
	Raises AgentError for a table that cannot be read, such as a crashed one.
	"""
	check_name(database)
	if connection is None:
		with mariadb.connections(1) as (own,):
			return take(mariadb, database, own, elsewhere)
	with connection.cursor() as cursor:
		if is_of_moment:
			cursor.execute(f"savepoint {MOMENT}")
		sizes = _asked(cursor, SIZES, database)
		tables = {}
		for names in _parts([name for name, _size in sizes]):
			tables |= counted(cursor, {name: (elsewhere or {}).get(name, database) for name in names})
			if is_of_moment:
				cursor.execute(f"rollback to savepoint {MOMENT}")
		digest = schema(cursor, database)
	return Manifest(tables, digest, int(sum(size for _name, size in sizes)))


def schema(cursor, database: str) -> str:
	"""A digest of the database's columns and indexes, as they are now: no transaction sees them as they were."""
	digest = hashlib.sha256()
	for question in (COLUMNS, INDEXES):
		for row in _asked(cursor, question, database):
			digest.update(repr(row).encode())
	return digest.hexdigest()


def differences(expected: Manifest, found: Manifest) -> list[str]:
	"""What of a copy is not as it should be, in sentences; [] where it is the same."""
	told = [f"The table {name} is missing." for name in sorted(expected.tables.keys() - found.tables.keys())]
	told += [
		f"There is a table {name} too many." for name in sorted(found.tables.keys() - expected.tables.keys())
	]
	for name in sorted(expected.tables.keys() & found.tables.keys()):
		(rows, checksum), (has_rows, has_checksum) = expected.tables[name], found.tables[name]
		if rows != has_rows:
			told.append(f"The table {name} has {has_rows} rows in place of {rows}.")
		elif checksum != has_checksum:
			told.append(f"The table {name} has other contents in its {rows} rows.")
	if not told and expected.schema != found.schema:
		told.append("Columns or indexes differ.")
	return told[:TOLD] + ([f"And {len(told) - TOLD} more."] if len(told) > TOLD else [])


def counted(cursor, databases: dict[str, str]) -> dict[str, list[int]]:
	"""{table: [rows, checksum]}, asked by a cursor. databases: {table: the database to count it in}.

	Raises AgentError for a table that cannot be read to its end.
	"""
	tables = [quoted(database, name) for name, database in databases.items()]
	counts = " union all ".join(f"select {at}, count(*) from {table}" for at, table in enumerate(tables))
	rows = dict(_asked(cursor, counts))
	checksums = dict(_asked(cursor, f"checksum table {', '.join(tables)}"))
	if without := [name for name, checksum in checksums.items() if checksum is None]:
		raise AgentError(
			f"MariaDB cannot read {', '.join(without[:TOLD])} to the end.",
			"`check table` in MariaDB says what is wrong there; `repair table` mends a crashed one.",
		)
	return {
		name: [rows[at], checksums[f"{database}.{name}"]]
		for at, (name, database) in enumerate(databases.items())
	}


def _asked(cursor, question: str, *values: str) -> list[tuple]:
	cursor.execute(question, values or None)
	return list(cursor.fetchall())


def _parts(names: list[str]) -> Iterable[list[str]]:
	return (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE))
