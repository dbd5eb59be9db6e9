"""Who is told of an alert, and when. Plain data in and out."""

import re
from dataclasses import dataclass
from datetime import datetime

from buildpro_saas.monitoring.alert_rules import CLOSED, OPEN, Alert
from buildpro_saas.monitoring.checks.check import CRITICAL, ORDER, WARNING

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "|".join(DAYS)
SPAN = re.compile(rf"(?:({_DAY})(?:-({_DAY}))? )?([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class Span:
	"""Hours of some days. days: numbers, 0 is Monday. It may end after midnight."""

	days: frozenset[int]
	begins: int  # minutes of the day
	ends: int

	def has(self, moment: datetime) -> bool:
		"""Whether the moment is within it."""
		minute, day = moment.hour * 60 + moment.minute, moment.weekday()
		if self.begins < self.ends:
			return day in self.days and self.begins <= minute < self.ends
		return (day in self.days and minute >= self.begins) or (
			(day - 1) % 7 in self.days and minute < self.ends
		)


def hours(text: str | None) -> list[Span]:
	"""Mon-Fri 08:00-18:00, Sat 09:00-12:00 as spans; [] for none, which means always. Raises ValueError for what is none."""
	found = []
	for part in filter(None, (each.strip() for each in (text or "").split(","))):
		if not (match := SPAN.fullmatch(part)):
			raise ValueError(part)
		first, last, *numbers = match.groups()
		hour, minute, until_hour, until_minute = map(int, numbers)
		span = Span(_days(first, last), hour * 60 + minute, until_hour * 60 + until_minute)
		if span.begins == span.ends or max(span.begins, span.ends) > 24 * 60:
			raise ValueError(part)
		found.append(span)
	return found


def _days(first: str | None, last: str | None) -> frozenset[int]:
	if not first:
		return frozenset(range(7))
	begin, end = DAYS.index(first), DAYS.index(last or first)
	return frozenset((begin + number) % 7 for number in range((end - begin) % 7 + 1))


@dataclass(frozen=True)
class Route:
	"""What a way of telling is for. least: the severity from which it is told. spans: outside of them only what is critical is told; the rest
	waits for them. [] is always."""

	least: str = WARNING
	spans: tuple[Span, ...] = ()

	def is_open(self, severity: str, now: datetime) -> bool:
		"""Whether something of that severity is told now."""
		return severity == CRITICAL or not self.spans or any(span.has(now) for span in self.spans)


def is_due(alert: Alert, told: int, route: Route, now: datetime) -> bool:
	"""Whether the alert's newest event is to be told now. told: the number of the event that this way was told last; 0 for none.

	Of what is over only those are told who were told of it. What is silenced, acknowledged or brought about by another is not told; the event
	waits, and is told after a silence that ends before the alert does.
	"""
	severity = alert.finding.severity
	if not alert.event or told >= alert.event_number:
		return False
	if alert.silenced_until and now < alert.silenced_until:
		return False
	if alert.status == CLOSED:
		return told > 0 and route.is_open(severity, now)
	if alert.status != OPEN or alert.cause:
		return False
	return ORDER.index(severity) >= ORDER.index(route.least) and route.is_open(severity, now)
