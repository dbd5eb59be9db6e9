"""Judges the statements of a binary log: which belong to a database, and which would have to be known where they are not."""

import re
from datetime import UTC, datetime, timedelta

from buildpro_saas.agent.dump import ROUTINE, SEQUENCE, TABLE, TRIGGER, VIEW, piece
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.log_events import BEGIN, STATEMENT, Event

CREATING = (TABLE, SEQUENCE, VIEW, TRIGGER, ROUTINE)
_OPENING = rb"(?:/\*M?!\d*\s*)?"
_DROP = rb"drop\s+(?:database|schema)\s+(?:if\s+exists\s+)?`?%s`?(?![\w$])"
# About accounts, the server, or a database's own comment; and what only looks at tables.
_ABOUT_SERVER = re.compile(
	_OPENING
	+ rb"(?:grant|revoke|flush|analyze|optimize|repair|check|install|uninstall|set\s+(?:default\s+)?(?:role|password)|rename\s+user"
	rb"|(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:user|role|server|database|schema))\b",
	re.IGNORECASE,
)
LONGEST_STATEMENT = timedelta(hours=1)
EARLIER = "The site is untouched. Choose a moment before that, or one after a backup that was taken later."


class LogStatements:
	"""Judges for one database."""

	def __init__(self, database: str, chosen: str = ""):
		"""chosen: what the log calls it where it was chosen by `use`, if that is rewritten (--rewrite-db). In statements its name stays."""
		name = re.escape(database.encode())
		self.database = database
		self.chosen = chosen or database
		self._dropped = re.compile(_OPENING + _DROP % name, re.IGNORECASE)
		self._named = re.compile(rb"(?<![\w$])`?%s`?\s*\." % name)

	def is_of_it(self, event: Event) -> bool:
		"""Whether the statement is to be replayed. Raises AgentError where the database was dropped by it."""
		if event.kind != STATEMENT:
			return False
		if self._dropped.match(event.text):
			raise AgentError(
				f"The database {self.database} was dropped at {event.when()}, as `bench restore` does, and made anew.",
				EARLIER,
			)
		return event.database == self.chosen and not _ABOUT_SERVER.match(event.text)

	def check_reached_from_outside(self, event: Event) -> None:
		"""Raise AgentError for a statement that changed the database from outside: a replay of the database's own would miss it.

		Who says `use X` and then changes a table of Y by its whole name, is in the log under X.
		"""
		if self.is_of_it(event) or event.kind != STATEMENT or event.database == self.chosen:
			return
		if not self._named.search(event.text) or _ABOUT_SERVER.match(event.text):
			return
		of = piece(event.text)
		if of.kind in CREATING and of.database != self.database:
			return  # it was only read
		raise AgentError(
			f"At {event.when()} a statement changed {self.database} from outside: {head_of(event.text)}",
			EARLIER,
		)


class Clock:
	"""Holds the order of the log against its times: what is before a moment must be what the log has before it."""

	def __init__(self, until: float):
		"""until: seconds since the epoch."""
		self.until = datetime.fromtimestamp(int(until), UTC)
		self.is_past = False  # whether something of that second or later was met
		self._latest: datetime | None = None

	def look_at(self, event: Event) -> None:
		"""Raise AgentError where the clock was set back over the moment. What is not read in the log's order may have taken long.

		A long statement is logged with the time at which it began; so only transactions are looked at, and less than an hour does not count.
		"""
		if not event.at:
			return
		self.is_past |= event.at >= self.until
		if event.kind != BEGIN:
			return
		if (
			self._latest
			and self._latest >= self.until > event.at
			and self._latest - event.at > LONGEST_STATEMENT
		):
			raise AgentError(
				f"The server's clock was set back from {self._latest:%Y-%m-%d %H:%M:%S} UTC to {event.when()}: which of its changes"
				" were before that moment, the binary log does not say.",
				"The site is untouched. Choose a moment before the clock was wrong, or one after both times.",
			)
		self._latest = max(self._latest or event.at, event.at)


def head_of(statement: bytes) -> str:
	"""The beginning of a statement, for people."""
	text = " ".join(statement[:200].decode(errors="replace").split())
	return text if len(text) < 100 else f"{text[:100]} …"
