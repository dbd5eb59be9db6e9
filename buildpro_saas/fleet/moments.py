"""Which moments of a site can be recovered: plain data in and out. Times are seconds since the epoch."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

EXAMPLE = "2027-01-31 14:05"
_FORMAT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?\s?(Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True)
class Known:
	"""A backup. at: its moment. has_log: the server's binary log goes on from there."""

	name: str
	database: str
	at: float
	has_log: bool


@dataclass(frozen=True)
class Life:
	"""A time in which the site had one database. until: None where it has it still."""

	database: str
	until: float | None = None


@dataclass(frozen=True)
class Span:
	"""Every moment from first to last, in whole seconds, can be recovered. backups: from which, the oldest first."""

	first: int
	last: int
	backups: tuple[Known, ...]

	def base_of(self, moment: int) -> Known | None:
		"""The last backup before the moment; None where the moment is out of the span."""
		if not self.first <= moment <= self.last:
			return None
		return [each for each in self.backups if whole(each.at) <= moment][-1]


def whole(at: float) -> int:
	"""The first whole second of which all is after that time."""
	return math.ceil(at)


def spans(known: Iterable[Known], lives: Iterable[Life], now: float) -> list[Span]:
	"""The spans of moments that can be recovered, the oldest first.

	known: the oldest first. lives: one after the other; the last one is that of today. A backup without a log shows that none was written
	then: what is before it cannot be followed beyond the last backup that has one.
	"""
	known, found, since = list(known), [], -math.inf
	for life in lives:
		until = now if life.until is None else life.until
		run: list[Known] = []
		for each in known:
			if not since < each.at <= until:
				continue
			if each.has_log and each.database == life.database:
				run.append(each)
			elif run:
				found.append(_span(run, run[-1].at))
				run = []
		if run:
			found.append(_span(run, until))
		since = until
	return [span for span in found if span.first <= span.last]


def _span(run: list[Known], until: float) -> Span:
	return Span(whole(run[0].at), int(until), tuple(run))


def parsed(text: str, zone: str) -> int:
	"""The moment that somebody typed, in a time zone unless it says its own. Raises ValueError with a sentence."""
	text = text.strip()
	if not _FORMAT.fullmatch(text):
		raise ValueError(f"{text!r} is no moment: write it like {EXAMPLE}, or {EXAMPLE}+01:00.")
	try:
		found = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", ""))
	except ValueError:
		raise ValueError(f"There is no {text}: write a moment like {EXAMPLE}.") from None
	if found.tzinfo:
		return int(found.timestamp())
	early, late = (found.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
	if early.utcoffset() != late.utcoffset():
		if early.astimezone(UTC).astimezone(early.tzinfo).replace(tzinfo=None) != found:
			raise ValueError(f"There is no {text} in {zone}: the clock leaps over it.")
		offsets = " or ".join(f"{text}{_offset(each)}" for each in (early, late))
		raise ValueError(f"{text} comes twice in {zone}: say which one, {offsets}.")
	return int(early.timestamp())


def told(moment: int, zone: str) -> str:
	"""A moment for people, with its zone and in UTC."""
	at = datetime.fromtimestamp(moment, ZoneInfo(zone))
	return f"{at:%Y-%m-%d %H:%M:%S} {zone} ({at.astimezone(UTC):%H:%M:%S} UTC)"


def _offset(at: datetime) -> str:
	return at.strftime("%z")[:3] + ":" + at.strftime("%z")[3:5]
