"""Reads what mariadb-binlog prints: statements, and events of rows, in the log's order."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from buildpro_saas.agent.dump_statements import Statements
from buildpro_saas.agent.errors import AgentError

BEGIN, COMMIT, ROLLBACK, SAVEPOINT = "begin", "commit", "rollback", "savepoint"
ROWS, SESSION, STATEMENT, IGNORED = "rows", "session", "statement", "ignored"
ROWS_BEGIN, ROWS_END = b"BINLOG '\n", b"'/*!*/;\n"
END_MARK = b"# End of log file"
HEADER = re.compile(rb"#(\d{6})\s+(\d+):(\d\d):(\d\d) server id ")
# Where the client is told which character set the statement is in; the server is told as well.
FOR_CLIENT = re.compile(rb"/\*!\\C \w+ \*//\*!\*/;\s*")
USE = re.compile(rb"use\s+`((?:[^`]|``)+)`", re.IGNORECASE)
# What is the log's own, or would be written into the log of this server as another one's.
NOT_SET = re.compile(
	rb"set\s.*(?:gtid_|server_id|pseudo_|sql_log_bin|@old_|completion_type|global)|/\*M?!\d*\s*set\s",
	re.IGNORECASE,
)
KINDS = (
	(BEGIN, re.compile(rb"(?:start\s+transaction|begin)\s*$", re.IGNORECASE)),
	(COMMIT, re.compile(rb"commit\s*$", re.IGNORECASE)),
	(SAVEPOINT, re.compile(rb"(?:savepoint|rollback\s+to|release\s+savepoint)\s", re.IGNORECASE)),
	(ROLLBACK, re.compile(rb"rollback\s*(?:/\*.*\*/)?\s*$", re.IGNORECASE)),
	(IGNORED, NOT_SET),
	(SESSION, re.compile(rb"set\s+(?:@|timestamp|insert_id|last_insert_id)", re.IGNORECASE)),
)
# Kinds of events (mariadb.com/kb/en/2-binlog-event-header).
FORMAT, TABLE_MAP = 15, 19
ROW_EVENTS = frozenset((*range(20, 26), *range(30, 33), *range(166, 172)))
HEADER_SIZE, LENGTH_AT, KIND_AT = 19, 9, 4
STATEMENT_ENDS = 1  # flag of the last event of rows of a statement
AT_ONCE = 4 << 20  # bytes of events after which they are passed on


@dataclass(frozen=True)
class Event:
	"""One thing that the log tells.

	text: the statement. database: what was chosen as it ran; empty for none. rows: of ROWS, the events; the first ones name the tables.
	at: when it ran.
	"""

	kind: str
	text: bytes
	database: str
	at: datetime | None
	rows: list[bytes] = field(default_factory=list)

	def tables(self) -> list[tuple[str, str]]:
		"""(database, table) of each table that its rows are of."""
		return [table_of(event) for event in self.rows if event[KIND_AT] == TABLE_MAP]

	def binlog_statement(self) -> bytes:
		"""Its rows as the server takes them (mariadb.com/kb/en/binlog)."""
		return b"BINLOG '\n%s'" % b"".join(base64.encodebytes(event) for event in self.rows)

	def when(self) -> str:
		"""When it ran, for people."""
		return f"{self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else "an unknown time"


class LogEvents(Statements):
	"""The events of a binary log that mariadb-binlog prints into a stream. Iterate once; then `is_whole` says whether that was all."""

	def __init__(self, stream):
		super().__init__(stream)
		self.is_whole = False
		self._time: datetime | None = None
		self._in_rows = False
		self._part: list[bytes] = []  # events of the rows under way
		self._maps: list[bytes] = []  # of tables, until their statement ends
		self._are_named = False  # whether the part names them

	def events(self) -> Iterator[Event]:
		"""Raises AgentError for what no log holds."""
		database = ""
		for statement in self:
			if self._part:
				yield Event(ROWS, b"", database, self._time, self._part)
				self._part, self._are_named = [], False
			elif found := USE.fullmatch(statement):
				database = found[1].decode(errors="replace").replace("``", "`")
			else:
				yield Event(kind_of(statement), statement, database, self._time)

	def _counted(self, line: bytes) -> bytes:
		"""A line as the statements are made of it. Rows are read here, part by part; for each part a statement stands in its place."""
		self.size += len(line)
		if self._in_rows or (not self._kept and line == ROWS_BEGIN):
			return self._read_rows(b"" if line == ROWS_BEGIN else line)
		if not self._kept and FOR_CLIENT.fullmatch(line):
			return b""
		return line

	def _note(self, line: bytes) -> None:
		self.is_whole |= line.startswith(END_MARK)
		if found := HEADER.match(line):
			day, *clock = (int(number) for number in found.groups())
			# years before 2000 are of events that the program makes up itself
			self._time = datetime(2000 + day // 10000, day // 100 % 100, day % 100, *clock, tzinfo=UTC)

	def _read_rows(self, line: bytes) -> bytes:
		raw, size = bytearray(), 0
		while True:
			if line == ROWS_END:
				self._in_rows = False
				break
			raw += base64.b64decode(line)
			while (event := _cut(raw)) is not None:
				self._take(event)
				size += len(event)
			if size > AT_ONCE and not raw:
				self._in_rows = True
				break
			if not (line := self.stream.readline()):
				raise AgentError("The binary log ends in the middle of an event.")
		if raw:
			raise AgentError("The binary log has an event that is cut off.")
		return b"BINLOG/*!*/;\n" if self._part else b""

	def _take(self, event: bytes) -> None:
		kind = event[KIND_AT]
		if kind == TABLE_MAP:
			self._maps.append(event)
		elif kind in ROW_EVENTS:
			if not self._are_named:  # after each part the server has closed the tables
				self._part += self._maps
				self._are_named = True
			if event[HEADER_SIZE + 6] & STATEMENT_ENDS:
				self._maps, self._are_named = [], False
		elif kind != FORMAT:
			raise AgentError(f"The binary log has an event of the kind {kind}, which is none of rows.")
		if kind != TABLE_MAP:
			self._part.append(event)


def kind_of(statement: bytes) -> str:
	"""What a statement of the log is."""
	return next((kind for kind, pattern in KINDS if pattern.match(statement)), STATEMENT)


def table_of(event: bytes) -> tuple[str, str]:
	"""Database and table that an event of the kind TABLE_MAP names."""
	at = HEADER_SIZE + 8
	database = event[at + 1 : at + 1 + event[at]]
	at += event[at] + 2
	return database.decode(), event[at + 1 : at + 1 + event[at]].decode()


def _cut(raw: bytearray) -> bytes | None:
	"""Take the first event off, once it is whole."""
	size = int.from_bytes(raw[LENGTH_AT : LENGTH_AT + 4], "little")
	if len(raw) < HEADER_SIZE or len(raw) < size:
		return None
	event = bytes(raw[:size])
	del raw[:size]
	return event
