"""When a tenant's backups are due: plain data in and out, in the tenant's own time zone.

A local day has as many turns as the plan says, whether it has 23, 24 or 25 hours. A turn that was missed, because the machine was off
or others took long, is made up for until the next one is due.
"""

import zlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

NIGHT = time(
	1, 0
)  # the first turn of a day where nobody chose another: people are asleep, and most clock changes are later
SPREAD = timedelta(hours=4)  # over which the tenants of one time zone are spread
MOST_A_DAY = 24
FIRST_PAUSE, LONGEST_PAUSE = timedelta(hours=1), timedelta(hours=12)  # after a turn that failed


@dataclass(frozen=True, order=True)
class Turn:
	"""One backup that is to be taken: the local day that it is for, and which of that day's."""

	day: date
	number: int


@dataclass(frozen=True)
class Rhythm:
	"""How often, and from when on. times: a day; 0 for none. at: the first turn's local time; None for the night, each tenant at its own."""

	times: int
	zone: str
	at: time | None = None


def turn_at(now: datetime, rhythm: Rhythm, tenant: str) -> Turn | None:
	"""The turn that began last; None where the rhythm has none. now: with its zone.

	A turn is due from its beginning on. Those before it that were missed are not made up for: one backup of now is worth all of them.
	"""
	if rhythm.times < 1:
		return None
	local = now.astimezone(ZoneInfo(rhythm.zone)).date()
	begun = [
		turn
		for day in (local - timedelta(days=1), local, local + timedelta(days=1))
		for turn in _turns(day, rhythm)
		if begins_at(turn, rhythm, tenant) <= now
	]
	return max(begun)


def begins_at(turn: Turn, rhythm: Rhythm, tenant: str) -> datetime:
	"""When a turn begins, in UTC. A local time that a clock change leaves out is that much later; of one that comes twice, the first counts."""
	first = datetime.combine(turn.day, rhythm.at or NIGHT)
	if rhythm.at is None:
		first += timedelta(seconds=zlib.crc32(tenant.encode()) % int(SPREAD.total_seconds()))
	gap = timedelta(days=1) / min(rhythm.times, MOST_A_DAY)
	local = first + gap * turn.number
	# a turn belongs to the day on which its day's first one was, also after midnight
	return local.replace(tzinfo=ZoneInfo(rhythm.zone)).astimezone(timezone.utc)


def pause_after(failures: int) -> timedelta:
	"""How long a turn rests that has failed so many times: it is tried again, and the next turn comes in any case."""
	doublings = min(max(failures - 1, 0), 8)  # by then it is the longest
	return min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)


def _turns(day: date, rhythm: Rhythm) -> list[Turn]:
	return [Turn(day, number) for number in range(min(rhythm.times, MOST_A_DAY))]
