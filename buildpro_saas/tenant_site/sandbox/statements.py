"""Reads an SQL text as MariaDB's lexer does, and judges it token by token. queries.py and shared_server.py ask here.

A text that is read otherwise than the server reads it hides what it does: in ``select 1 as `'`, sleep(5) as `'` `` a reader
that knows no backticks sees one quoted text. So nothing is guessed. What is not listed in TOKEN exactly is refused: comments of
every kind, variables, `;`, braces, hexadecimal and bit texts, character sets before texts, doubled backticks, `\\N`, control
characters, quotes that are not closed.

A general parser of SQL was tried (sqlglot). It reads `/*! sleep(5) */` as a comment, which MariaDB runs, and it changes with
each of its versions.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from buildpro_saas.tenant_site.sandbox.refusal import refuse

# The server's modes in which quotes, backslashes or the grammar mean something else than TOKEN says. Frappe's own statements
# fail in them, too.
OTHER_QUOTING = frozenset(
	{"ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI", "ORACLE", "MSSQL", "DB2", "POSTGRESQL", "MAXDB"}
)
TOKEN = re.compile(
	r"""
	(?P<space>  [ \t\r\n]+ )
	| (?P<text>   '(?:[^'\\]|\\.|'')*'(?!') | "(?:[^"\\]|\\.|"")*"(?!") )
	| (?P<quoted> `[^`\x00-\x1f\x7f]+`(?!`) )
	| (?P<number> [0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_$.\x80-\U0010ffff]) )
	| (?P<word>   [A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]* )
	| (?P<sign>   [(),.=<>!+*%|&~^] | -(?!-) | /(?!\*) )
	""",
	re.VERBOSE | re.DOTALL,
)
NOWHERE = re.compile(r"[\0\ud800-\udfff]")  # also within quotes: the server stops there, or sees other bytes
NAMES = ("word", "quoted")
# Functions that a select may call. Words that may stand before a bracket are among them.
FUNCTIONS = frozenset(
	"""
	select from where in not and or on as exists any all some by join union having when then else over partition using values
	distinct with except intersect limit offset between like is interval div mod xor regexp case index key
	sum count avg min max group_concat std stddev variance bit_and bit_or
	row_number rank dense_rank lag lead first_value last_value ntile cast convert
	if ifnull nullif coalesce greatest least isnull nvl char decimal varchar signed unsigned
	abs round ceil ceiling floor truncate power pow sqrt sign
	concat concat_ws substring substr substring_index left right mid length char_length upper ucase lower lcase
	trim ltrim rtrim replace reverse instr locate position format field find_in_set elt
	date datetime time timestamp now curdate curtime current_date current_time current_timestamp utc_timestamp
	year quarter month monthname week weekofyear weekday yearweek day dayname dayofmonth dayofweek dayofyear
	hour minute second last_day makedate date_add date_sub adddate subdate addtime subtime datediff timediff
	timestampdiff timestampadd date_format time_format str_to_date from_unixtime unix_timestamp extract period_diff
	json_extract json_unquote json_value json_contains json_length md5
	""".split()
)
# Words that no select needs which only reads this site's rows. `for` is refused but before a number (`substring(x from 1 for 2)`):
# it also begins `for update` and ends `next value for`.
WORDS = frozenset({"into", "procedure", "handler", "update", "lock", "current_user"})
SCHEMAS = frozenset({"mysql", "sys", "information_schema", "performance_schema"})
# What a part of a statement (a field, an order) has no need of. With one of these it would become another part.
OF_WHOLE_STATEMENTS = frozenset(
	{"select", "from", "where", "union", "except", "intersect", "join", "having", "limit", "values", "with"}
)
# Words after which no table is named. All are reserved: none can be a table's second name.
CLAUSES = frozenset({"select", "where", "group", "order", "having", "limit"})
PLAIN_NAME = re.compile(r"[\w$]+")


class Token(NamedTuple):
	"""A part of a statement. kind: the name of its group in TOKEN. value: a word in lower case, a quoted name without quotes."""

	kind: str
	value: str
	start: int


class UnreadableError(Exception):
	"""The text cannot be read for sure. shown: the part of it that cannot."""

	def __init__(self, shown: str):
		super().__init__(shown)
		self.shown = shown


def tokens(text: str) -> Iterator[Token]:
	"""Yield the tokens of the text, without spaces. Raises UnreadableError at the first that TOKEN does not know."""
	if found := NOWHERE.search(text):
		raise UnreadableError(repr(found.group()))
	end, last = 0, Token("", "", 0)
	while end < len(text):
		found = TOKEN.match(text, end)
		if not found:
			raise UnreadableError(
				re.match(r"\W\W?\w{0,30}|.\w{0,30}", text[end : end + 40], re.DOTALL).group()
			)
		kind, value = found.lastgroup, found.group()
		if kind != "space":
			if kind == "text" and last.kind == "word" and _is_introducer(last, end):
				raise UnreadableError(f"{last.value}{value[:20]}")
			if kind == "word":
				value = value.lower() if value.isascii() else value
			elif kind == "quoted":
				value = value[1:-1]
			last = Token(kind, value, found.start())
			yield last
		end = found.end()


def _is_introducer(word: Token, end: int) -> bool:
	"""Whether a text that begins at `end`, after this word, would be no plain text: `_utf8 'x'`, `x'41'`, `b'01'`, `n'x'`."""
	is_adjacent = word.start + len(word.value) == end
	return word.value.startswith("_") or (is_adjacent and word.value in ("x", "b", "n"))


def check_select(text: str) -> None:
	"""Raise SandboxError unless the text is one select of this site's rows that calls only FUNCTIONS."""
	statement = _read(text.strip(" \t\r\n").removesuffix(";"))
	if not statement or statement[0][:2] not in (("word", "select"), ("word", "with")):
		refuse("frappe.db.sql")
	_check_words(statement)
	_check_calls(statement)
	_check_tables(statement)


def check_part(text: str, is_name: bool = False) -> None:
	"""Raise SandboxError unless the text is a field, an order or a group of Frappe's lists, and does what check_select allows.

	Frappe puts backticks around a name, and around a field that it takes for one. So a text with backticks is judged with them
	around it, too.
	"""
	if PLAIN_NAME.fullmatch(text):
		return
	is_put_in_backticks = "`" in text and (is_name or not text.lstrip().startswith("`"))
	for reading in (text, f"`{text}`") if is_put_in_backticks else (text,):
		part = _read(reading)
		_check_words(part, OF_WHOLE_STATEMENTS)
		_check_calls(part)
		_check_names(part)


def named(text: str, names: frozenset[str]) -> str | None:
	"""The first of the names that stands in the text outside of quotes, other than as a field's name. Raises UnreadableError."""
	found = list(tokens(text))
	for place, token in enumerate(found):
		is_field = place and found[place - 1].value == "." and found[place - 1].kind == "sign"
		if token.kind in NAMES and token.value.lower() in names and not is_field:
			return token.value
	return None


def _read(text: str) -> list[Token]:
	try:
		return list(tokens(text))
	except UnreadableError as unreadable:
		shown = unreadable.shown
	refuse(shown)  # outside of the block, so that the refusal is the first error (templates.told_plainly)


def _check_words(statement: list[Token], more: frozenset[str] = frozenset()) -> None:
	for place, token in enumerate(statement):
		if token.kind != "word" or _is_after_dot(statement, place):
			continue
		if token.value in WORDS or token.value in more:
			refuse(token.value)
		if (
			token.value == "for"
			and statement[place + 1 : place + 2]
			and statement[place + 1].kind != "number"
		):
			refuse(f"for {statement[place + 1].value}")


def _check_calls(statement: list[Token]) -> None:
	"""Refuse a bracket after anything but a function of FUNCTIONS: no quoted name (it calls, too), no function of a schema."""
	for place, token in enumerate(statement[:-1]):
		if (statement[place + 1].kind, statement[place + 1].value) != ("sign", "("):
			continue
		is_call_of_another = token.kind == "word" and (
			token.value not in FUNCTIONS or _is_after_dot(statement, place)
		)
		if is_call_of_another or token.kind in ("quoted", "text", "number"):
			refuse(token.value)


def _check_names(statement: list[Token]) -> None:
	"""Refuse what a dot may lead to but columns of tables: system schemas, three parts, names that begin with a dot."""
	for place, token in enumerate(statement):
		if (token.kind, token.value) != ("sign", "."):
			continue
		before = statement[place - 1] if place else None
		after = statement[place + 1] if place + 1 < len(statement) else None
		is_column = before and before.kind in NAMES and after and (after.kind in NAMES or after.value == "*")
		if not is_column or _is_after_dot(statement, place - 1):
			refuse(f"{before.value if before else ''}.{after.value if after else ''}")
		name = before.value
		if name.lower() in SCHEMAS or not (name.isascii() or name.startswith("tab")):
			refuse(f"{name}.")


def _check_tables(statement: list[Token]) -> None:
	"""Refuse a table with a schema's name before it. _check_names alone would not know the schemas of other sites."""
	_check_names(statement)
	frames = [_Clause()]
	for place, token in enumerate(statement):
		clause = frames[-1]
		if token.kind == "sign":
			if token.value == "(":
				frames.append(_Clause(clause.is_of_tables and clause.is_table_next))
				clause.is_table_next = False
			elif token.value == ")":
				frames.pop()
				if not frames:
					refuse(")")
			elif token.value == "," and clause.is_of_tables:
				clause.is_table_next = True
		elif clause.is_table_next and token.kind in NAMES and token[:2] != ("word", "select"):
			following = statement[place + 1] if place + 1 < len(statement) else None
			if following and (following.kind, following.value) == ("sign", "."):
				refuse(f"{token.value}.")
			clause.is_table_next = False
		elif token.kind == "word" and not _is_after_dot(statement, place):
			clause.note(token.value)


class _Clause:
	"""Where the walk through a statement is, between one pair of brackets."""

	def __init__(self, is_of_tables: bool = False):
		self.is_select = False
		self.is_of_tables = self.is_table_next = is_of_tables

	def note(self, word: str) -> None:
		"""Go on to the clause that this word begins."""
		if word in CLAUSES:
			self.is_select = self.is_select or word == "select"
			self.is_of_tables = self.is_table_next = False
		elif word == "from":
			# in `extract(year from t.day)` no select stands in the same brackets
			self.is_of_tables = self.is_table_next = self.is_select
		elif word in ("join", "straight_join") and self.is_of_tables:
			self.is_table_next = True


def _is_after_dot(statement: list[Token], place: int) -> bool:
	return place > 0 and (statement[place - 1].kind, statement[place - 1].value) == ("sign", ".")
