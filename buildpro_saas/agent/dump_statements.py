"""Takes a database dump apart into statements, as it streams by, without running anything.

MariaDB's own client would also obey what no server ever sees: `\\! rm -r …` runs a program of the shell, `source` reads a file. So dumps
are read here, and statements go to the server one by one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from buildpro_saas.agent.errors import AgentError

BOM = b"\xef\xbb\xbf"
# mariadb-dump (10.5.25, 10.6.18, 10.11.8, 11.4.2 and later) begins with it. Older clients and MySQL's cannot read it.
SANDBOX = re.compile(rb"/\*M?!999999\\- enable the sandbox mode \*/")
END_MARK = b"-- Dump completed"
LONGEST = 1 << 30  # bytes of a statement: the most that max_allowed_packet can be
AT_ONCE = 1 << 26  # bytes that are read at once, where a line does not end before
# What follows the first character of a string. There is one way only in which each matches: a string whose end is not read yet would
# otherwise be tried in all ways, two to the power of its length.
_STRINGS = {
	ord("'"): re.compile(rb"[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL),
	ord('"'): re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL),
	ord("`"): re.compile(rb"[^`]*`"),
}
# From outside of all strings on: as far as nothing begins or ends.
_PLAIN = re.compile(
	rb"""(?:[^'"`;$|\-#/\\]+|%s|-(?!-))*"""
	% b"|".join(bytes([quote]) + rest.pattern for quote, rest in _STRINGS.items()),
	re.DOTALL,
)
# The delimiters of mariadb-binlog, of the dump programs, and those that people write.
_DELIMITER = re.compile(rb"\s*delimiter\s+(/\*!\*/;|;;?|\$\$|//|\|\|?)\s*$", re.IGNORECASE)
_ROWS = re.compile(rb"(?:insert|replace)\s", re.IGNORECASE)
_CONDITIONAL = re.compile(rb"/\*M?!")


@dataclass
class Statements:
	"""The statements of a dump, in their order, without their delimiters. Iterate once; then the other fields are complete."""

	stream: BinaryIO
	size: int = 0  # bytes that were read
	longest: int = 0  # bytes of the longest statement
	has_end_mark: bool = False
	server: str = ""  # what the head says of the server that it came from
	_delimiter: bytes = field(default=b";", repr=False)
	_kept: bytearray = field(default_factory=bytearray, repr=False)  # what is read of the statement
	_at: int = field(default=0, repr=False)  # up to where it is understood
	_awaited: bytes = field(default=b"", repr=False)  # what ends the string or comment that begins there

	def __iter__(self) -> Iterator[bytes]:
		"""Raises AgentError where it holds what no dump does, or ends within a statement."""
		while line := self.stream.readline(AT_ONCE):
			line = self._counted(line)
			if not self._kept:
				if line.startswith((b"--", b"#")):
					self._note(line)
					continue
				if found := _DELIMITER.match(line):
					self._delimiter = found[1]
					continue
				if not line.strip() or SANDBOX.match(line.strip()):
					continue
				if self._is_whole(line):
					yield self._measured(line.rstrip()[:-1])
					continue
			self._kept += line
			if self._awaited in line:
				yield from self._cut()
		if self._kept.strip():
			raise AgentError("The dump ends in the middle of a statement: it is cut off.")

	def _counted(self, line: bytes) -> bytes:
		if not self.size and line.startswith(BOM):
			line = line[len(BOM) :]
		if b"\0" in line:
			raise AgentError(
				f"The dump has zero bytes from byte {self.size + line.index(0)} on: it is damaged, as by a disk that was full."
			)
		self.size += len(line)
		if len(self._kept) > LONGEST:
			raise AgentError("The dump has a statement of more than 1 GB, which no server takes.")
		return line

	def _note(self, comment: bytes) -> None:
		self.has_end_mark |= comment.startswith(END_MARK)
		if (
			comment.startswith((b"-- Server version", b"-- MariaDB dump", b"-- MySQL dump"))
			and len(self.server) < 200
		):
			self.server = f"{self.server} {comment[2:].decode(errors='replace').strip()}".strip()

	def _is_whole(self, line: bytes) -> bool:
		"""Whether the line is rows, as mysqldump and mariadb-dump write them: a whole statement, whose strings have no line's end."""
		if self._delimiter != b";" or not line.endswith((b");\n", b");\r\n")) or not _ROWS.match(line):
			return False
		return line.replace(b"\\\\", b"").replace(b"\\'", b"").count(b"'") % 2 == 0

	def _cut(self) -> Iterator[bytes]:
		"""The statements that end in what is kept. The rest stays, until its end is read."""
		while (end := self._end()) is not None:
			statement = bytes(self._kept[:end]).strip()
			del self._kept[: end + len(self._delimiter)]
			self._at = 0
			if statement:
				yield self._measured(statement)
			if not self._kept.strip():
				self._kept.clear()

	def _end(self) -> int | None:
		"""Where the statement's delimiter is; None where it is not read yet. `_at` is then where to go on: outside of any string."""
		kept, self._awaited = self._kept, b""
		while True:
			self._at = _PLAIN.match(kept, self._at).end()
			if self._at == len(kept):
				return None
			if kept.startswith(self._delimiter, self._at):
				return self._at
			if (after := self._after_piece()) is None:
				return None
			self._at = after

	def _after_piece(self) -> int | None:
		"""Where the string or comment ends that begins at `_at`; None where its end is not read yet."""
		kept, at = self._kept, self._at
		if found := _STRINGS.get(kept[at]):
			ended = found.match(kept, at + 1)
			return ended.end() if ended else self._await(kept[at : at + 1])
		if kept[at] == ord("\\"):
			raise AgentError(
				f"The dump has a command for a database client: {bytes(kept[at : at + 40])!r}. Dumps have none; it is not read."
			)
		# what is conditional is read as statements are: it may hold strings
		if kept[at : at + 2] == b"/*" and not _CONDITIONAL.match(kept, at):
			return self._after(b"*/", at + 2)
		# two dashes are a comment only before a blank (mariadb.com/kb/en/comment-syntax)
		if kept[at] == ord("#") or (kept[at : at + 2] == b"--" and not kept[at + 2 : at + 3].strip()):
			return self._after(b"\n", at)
		return at + 1

	def _after(self, end: bytes, at: int) -> int | None:
		found = self._kept.find(end, at)
		return found + len(end) if found >= 0 else self._await(end[-1:])

	def _await(self, end: bytes) -> None:
		self._awaited = bytes(end)

	def _measured(self, statement: bytes) -> bytes:
		self.longest = max(self.longest, len(statement))
		self.has_end_mark = False  # which stands behind the last one
		return statement
