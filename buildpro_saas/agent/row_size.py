"""Which columns of a CREATE TABLE take most of a row, for who has to make it narrower."""

import re

TOLD = 3  # columns
# Bytes of a character (mariadb.com/kb/en/unicode), by the beginning of the character set's name.
BYTES = {"utf8mb4": 4, "utf8mb3": 3, "utf8": 3}
_CHARSET = re.compile(rb"(?:default\s+)?(?:charset|character\s+set)\s*=?\s*(\w+)", re.IGNORECASE)
_COLUMN = re.compile(
	rb"^\s*`((?:[^`]|``)+)`\s+(?:var)?(char|binary)\s*\((\d+)\)([^\n]*)", re.MULTILINE | re.IGNORECASE
)


def widest_columns(statement: bytes) -> list[tuple[str, int]]:
	"""(column, bytes that its longest value takes) of the widest ones of a CREATE TABLE, the widest first."""
	of_table = _CHARSET.findall(statement[statement.rfind(b")") :])
	found = []
	for name, kind, length, rest in _COLUMN.findall(statement):
		own = _CHARSET.search(rest)
		charset = (own[1] if own else of_table[-1] if of_table else b"utf8mb4").decode().lower()
		width = BYTES.get(charset, 1) if kind.lower() == b"char" else 1
		found.append((name.decode(errors="replace"), int(length) * width))
	return sorted(found, key=lambda each: -each[1])[:TOLD]
