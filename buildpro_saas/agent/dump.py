"""Judges a database dump before anything is touched: what it is, what it holds, and why it could not be loaded."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from buildpro_saas.agent.compressed import opened
from buildpro_saas.agent.dump_statements import Statements
from buildpro_saas.agent.errors import AgentError

NAME = rb"(?:`((?:[^`]|``)+)`|(\w+))"
QUALIFIED = rb"(?:" + NAME + rb"\s*\.\s*)?" + NAME
# Conditional comments of both makers: `/*!50003 …*/` and `/*M!100616 …*/` (mariadb.com/kb/en/comment-syntax).
OPENING, CLOSING = rb"(?:/\*M?!\d*\s*)?", rb"(?:\s*\*/\s*)?"
DEFINER = re.compile(
	rb"definer\s*=\s*(`[^`]*`|'[^']*'|[\w.]+)(?:\s*@\s*(`[^`]*`|'[^']*'|[\w.%-]+)|\s*\(\s*\))?", re.IGNORECASE
)
COLLATION = re.compile(rb"(\bcollate\s*=?\s*|\bcollation_connection\s*=\s*)(\w+)", re.IGNORECASE)
# Where a site notes its apps: with their versions (not on every site), and their names alone.
VERSIONS, DEFAULTS = APP_TABLES = "tabInstalled Application", "tabDefaultValue"
_MEANT = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "Z": "\x1a", "b": "\b"}
_COLUMN = re.compile(rb"^\s*`([^`]+)`\s", re.MULTILINE)
_VALUE = re.compile(rb"'((?:[^'\\]|\\.|'')*)'|([^,()'\s]+)|(\()|(\))", re.DOTALL)
_ANY = OPENING + rb"(?:if\s+(?:not\s+)?exists\b\s*)?"


def _begins(words: bytes, *, of: bytes = b"") -> re.Pattern:
	return re.compile(OPENING + words + of, re.IGNORECASE | re.DOTALL)


_CREATE = rb"create\s*(?:or\s+replace\s*)?(?:temporary\s+)?" + CLOSING + OPENING
_BY_WHOM = rb"(?:algorithm\s*=\s*\w+\s*)?" + CLOSING + OPENING + rb"(?:definer\s*=\s*(?:`[^`]*`|[^\s`])+\s*)?"
_BY_WHOM += rb"(?:sql\s+security\s+\w+\s*)?" + CLOSING + OPENING
TABLE, VIEW, TRIGGER, SEQUENCE, ROUTINE = "table", "view", "trigger", "sequence", "routine"
ROWS, SESSION, SKIPPED, OTHER = "rows", "session", "skipped", "other"
# What a statement is, by how it begins; the first that fits. What is SKIPPED has no meaning for a database that is filled alone.
KINDS = (
	(ROWS, _begins(rb"(?:insert|replace)\s+(?:ignore\s+)?(?:into\s+)?", of=QUALIFIED)),
	(SKIPPED, _begins(rb"set\s+(?:@@)?(?:global\b|session\.sql_log_bin|sql_log_bin|@@global)")),
	(SKIPPED, _begins(rb"set\s.*(?:gtid_|sql_log_bin)")),
	(SESSION, _begins(rb"set\s")),
	(TABLE, _begins(_CREATE + rb"table\s+" + _ANY, of=QUALIFIED)),
	(SEQUENCE, _begins(_CREATE + rb"sequence\s+" + _ANY, of=QUALIFIED)),
	(VIEW, _begins(_CREATE + _BY_WHOM + rb"view\s+" + _ANY, of=QUALIFIED)),
	(TRIGGER, _begins(_CREATE + _BY_WHOM + rb"trigger\s+" + _ANY, of=QUALIFIED)),
	(
		ROUTINE,
		_begins(_CREATE + _BY_WHOM + rb"(?:aggregate\s+)?(?:function|procedure)\s+" + _ANY, of=QUALIFIED),
	),
	("use", _begins(rb"use\s+", of=NAME)),
	("use", _begins(rb"create\s+(?:database|schema)\s+" + _ANY + rb"(?:\s*\*/\s*)?", of=NAME)),
	(SKIPPED, _begins(rb"(?:drop|alter)\s+(?:database|schema)\b")),
	(SKIPPED, _begins(rb"(?:un)?lock\s+tables?\b|(?:start\s+transaction|begin|commit)\b")),
	(SKIPPED, _begins(rb"alter\s+table\s+" + QUALIFIED + rb"\s+(?:disable|enable)\s+keys")),
	("drop", _begins(rb"drop\s+(?:table|view|trigger|sequence|function|procedure)\s+" + _ANY, of=QUALIFIED)),
	("alter", _begins(rb"alter\s+(?:table|sequence)\s+" + _ANY, of=QUALIFIED)),
	("setval", _begins(rb"(?:do|select)\s+setval\s*\(\s*", of=QUALIFIED)),
)


@dataclass(frozen=True)
class Piece:
	"""One statement: its kind, the database that it names (empty for none) and its subject's name."""

	kind: str
	database: str = ""
	name: str = ""


@dataclass(frozen=True)
class Dump:
	"""What a dump holds. size: bytes of its text, unpacked. longest: bytes of its longest statement. apps: {name: version}."""

	server: str
	size: int
	longest: int
	tables: list[str]
	views: list[str]
	triggers: list[str]
	sequences: list[str]
	routines: list[str]
	apps: dict[str, str]
	collations: list[str]
	definers: list[str]


@dataclass
class _Found:
	names: dict[str, set[str]] = field(
		default_factory=lambda: {kind: set() for kind in (TABLE, VIEW, TRIGGER, SEQUENCE, ROUTINE)}
	)
	databases: set[str] = field(default_factory=set)  # that it chooses
	meant: set[str] = field(default_factory=set)  # that its statements name
	collations: set[str] = field(default_factory=set)
	definers: set[str] = field(default_factory=set)
	apps: dict[str, str] = field(default_factory=dict)
	columns: dict[str, list[str]] = field(default_factory=dict)  # {one of APP_TABLES: its columns}


def judge(
	path: Path,
	checkpoint: Callable[[], None] = lambda: None,
	see: Callable[[Piece, bytes], None] = lambda of, statement: None,
) -> Dump:
	"""Read the dump to its end. Raises AgentError with what is wrong with it where it cannot be loaded into a site.

	checkpoint: called at each statement; may raise to stop. see: gets each statement, with what it is.
	"""
	if not path.stat().st_size:
		raise AgentError(
			f"{path.name} has zero bytes: it is no dump.", "Take another copy of it, or another backup."
		)
	with opened(path) as stream:
		return judge_stream(stream, path.name, checkpoint, see)


def judge_stream(
	stream: BinaryIO,
	name: str,
	checkpoint: Callable[[], None] = lambda: None,
	see: Callable[[Piece, bytes], None] = lambda of, statement: None,
) -> Dump:
	"""The same for an open file that is unpacked."""
	statements, found = Statements(stream), _Found()
	for statement in statements:
		checkpoint()
		of = piece(statement)
		_look_at(of, statement, found)
		see(of, statement)
	_check(statements, found, name)
	kinds = {kind: sorted(names) for kind, names in found.names.items()}
	return Dump(
		server=statements.server,
		size=statements.size,
		longest=statements.longest,
		tables=sorted(
			set(kinds[TABLE]) - set(kinds[VIEW])
		),  # a view's name is held by a table until it is made
		views=kinds[VIEW],
		triggers=kinds[TRIGGER],
		sequences=kinds[SEQUENCE],
		routines=kinds[ROUTINE],
		apps=found.apps,
		collations=sorted(found.collations),
		definers=sorted(found.definers),
	)


def piece(statement: bytes) -> Piece:
	"""What a statement of a dump is. OTHER for what no dump of a site has."""
	head = statement[:2000]
	for kind, pattern in KINDS:
		if found := pattern.match(head):
			names = [_text(each) for each in found.groups()]
			if kind == "use":
				return Piece(kind, database=names[0] or names[1])
			if len(names) == 4:
				return Piece(kind, names[0] or names[1], names[2] or names[3])
			return Piece(kind)
	return Piece(OTHER)


def _text(name: bytes | None) -> str:
	return (name or b"").decode(errors="replace").replace("``", "`")


def columns_of(table: bytes) -> list[str]:
	"""The columns of a CREATE TABLE, in their order."""
	return [name.decode() for name in _COLUMN.findall(table)]


def _look_at(of: Piece, statement: bytes, found: _Found) -> None:
	if of.kind == OTHER:
		begins = statement[:60].decode(errors="replace").replace("\n", " ")
		raise AgentError(
			f"The dump has a statement that a site's dump has not: {begins} …", "It is not loaded."
		)
	if of.kind == "use":
		found.databases.add(of.database)
		return
	if of.database:
		found.meant.add(of.database)
	if of.kind in found.names:
		found.names[of.kind].add(of.name)
	if of.kind == ROWS:
		if of.name in APP_TABLES:
			told = installed_apps(of.name, statement, found.columns.get(of.name, []))
			found.apps |= {app: version or found.apps.get(app, "") for app, version in told.items()}
		return
	if of.kind == TABLE and of.name in APP_TABLES:
		found.columns[of.name] = columns_of(statement)
	found.collations |= {name.decode().lower() for _how, name in COLLATION.findall(statement)}
	if of.kind in (VIEW, TRIGGER, ROUTINE):
		found.definers |= {
			"@".join(each.decode(errors="replace").strip("`'") for each in names if each)
			for names in DEFINER.findall(statement)
		}


def _check(statements: Statements, found: _Found, name: str) -> None:
	if not found.names[TABLE]:
		raise AgentError(
			f"{name} makes no tables: it is no dump of a site.", "Name the file that ends in database.sql.gz."
		)
	if not statements.has_end_mark:
		raise AgentError(
			f"{name} is cut off: its last line is not “Dump completed”.",
			"Take another copy of it, or another backup. A dump that was made without comments has no such line: make it with them.",
		)
	if len(found.databases) > 1 or found.meant - found.databases:
		names = ", ".join(sorted(found.databases | found.meant))
		raise AgentError(
			f"{name} speaks of the databases {names}: a site has one.", "Dump the site's database alone."
		)
	if not found.apps:
		raise AgentError(
			f"{name} does not say which apps the site had: it is no dump of a Frappe site.",
			"Name the dump of a site: it has the tables tabDefaultValue and tabInstalled Application.",
		)


def installed_apps(table: str, rows: bytes, columns: list[str]) -> dict[str, str]:
	"""{app: version} that rows of one of APP_TABLES tell; a version is empty where they tell none."""
	found = {}
	for row in values_of(rows, columns):
		if table == VERSIONS and row.get("app_name"):
			found[row["app_name"]] = row.get("app_version", "")
		elif table == DEFAULTS and (row.get("parent"), row.get("defkey")) == ("__global", "installed_apps"):
			found |= dict.fromkeys(json.loads(row["defvalue"]), "")
	return found


def values_of(rows: bytes, columns: list[str]) -> Iterator[dict[str, str]]:
	"""The rows of an INSERT: {column: text}. columns: the table's, in their order; the statement may name its own."""
	head, _word, values = re.split(rb"(\bvalues\b)", rows, maxsplit=1, flags=re.IGNORECASE)
	if named := re.search(rb"\(([^)]*)\)\s*$", head):
		columns = [name.decode().strip(" `") for name in named[1].split(b",")]
	row: list[str] = []
	for text, word, opens, closes in _VALUE.findall(values):
		if opens:
			row = []
		elif not closes:
			row.append(
				_unescaped(text) if text else "" if word.upper() == b"NULL" else word.decode(errors="replace")
			)
		else:
			yield dict(zip(columns, row, strict=False))


def _unescaped(text: bytes) -> str:
	"""The string that is meant (mariadb.com/kb/en/string-literals)."""
	return re.sub(
		r"\\(.)|''",
		lambda found: _MEANT.get(found[1], found[1] or "'"),
		text.decode(errors="replace"),
		flags=re.DOTALL,
	)
