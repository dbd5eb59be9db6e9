"""A statement without its literals: what it does, and nothing of what it is about."""

import re

LONGEST = 20_000  # characters that are looked at; MariaDB's list has whole statements
SHOWN = 600
WORD = re.compile(r"[A-Za-z_@$][\w@$.]*")
SIGN = re.compile(r"[^\w\s'\"`\\]+")
VERB = re.compile(r"\s*([A-Za-z]{1,20})\b")
LIST = re.compile(r"\( \?(?: , \?)+ \)")
LISTS = re.compile(r"\( \? \)(?: , \( \? \))+")


def shape(statement: str | bytes | None) -> str:
	"""The statement with `?` in place of each text, number and comment; several of them in brackets become one. "" for none.

	A statement that cannot be read as MariaDB's (one that was cut off within a text, for example) is told by its first word alone.
	"""
	text = statement.decode(errors="replace") if isinstance(statement, bytes) else statement or ""
	if not text.strip():
		return ""
	# not at the top: it takes a fifth of a second to import, and every `bench` command imports this app's commands
	import sqlglot
	from sqlglot.errors import SqlglotError

	try:
		tokens = sqlglot.tokenize(text[:LONGEST], read="mysql")
	except SqlglotError:
		verb = VERB.match(text)
		return f"{verb[1].lower()} …" if verb else "…"
	told = " ".join(_told(each.text, each.token_type.name) for each in tokens)
	told = LISTS.sub("( ? )", LIST.sub("( ? )", told))
	return told if len(told) <= SHOWN and len(text) <= LONGEST else f"{told[:SHOWN]} …"


def _told(text: str, kind: str) -> str:
	"""One token of sqlglot's kind. Only names in backticks, words and signs are kept: whatever else there is may be a literal."""
	if kind == "IDENTIFIER":
		return f"`{text}`"
	if "STRING" not in kind and (WORD.fullmatch(text) or SIGN.fullmatch(text)):
		return text.lower() if text.isupper() else text
	return "?"
