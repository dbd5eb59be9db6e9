"""Which backups of a tenant are not needed any more: plain data in and out.

It counts days, weeks and months that have a backup, and none of the calendar's. So a day on which every backup failed pushes none out,
a month whose first days failed keeps the first that it has, and a clock that leaps ahead changes nothing by itself.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True)
class Held:
	"""A whole backup. taken_at: in the tenant's own time, without a zone. is_proven: a restore of it has been seen to work."""

	name: str
	taken_at: datetime
	is_proven: bool = False


@dataclass(frozen=True)
class Policy:
	"""How much is kept: all backups of so many days, the first of each of so many weeks, and of so many months."""

	daily: int
	weekly: int
	monthly: int


def superfluous(held: Sequence[Held], policy: Policy, now: datetime) -> list[str]:
	"""Names of the backups that the policy does not keep. held: in the order in which they were made. now: in the tenant's own time.

	Always kept are the one that was made last, the newest proven one, and those that claim to be of the future: a clock was wrong, and
	nobody knows by how much.
	"""
	past = sorted((each for each in held if each.taken_at <= now), key=lambda each: each.taken_at)
	kept = {each.name for each in held if each.taken_at > now}
	kept |= {each.name for each in held[-1:]}
	kept |= {each.name for each in past[-1:]}
	kept |= {each.name for each in [each for each in past if each.is_proven][-1:]}
	days = _newest(past, _day, max(policy.daily, 1))
	kept |= {each.name for each in past if _day(each) in days}
	kept |= _firsts(past, _week, policy.weekly)
	kept |= _firsts(past, _month, policy.monthly)
	return [each.name for each in held if each.name not in kept]


def stays_until(one: Held, held: Sequence[Held], policy: Policy) -> date:
	"""The day from which it is not needed any more, if one backup a day is taken from now on and none is proven."""
	day = one.taken_at.date()
	last = day + timedelta(days=max(policy.daily, 1))
	earlier = [each for each in held if each.taken_at < one.taken_at]
	if policy.weekly and _week(one) not in {_week(each) for each in earlier}:
		last = max(last, day - timedelta(days=day.weekday()) + timedelta(weeks=policy.weekly))
	if policy.monthly and _month(one) not in {_month(each) for each in earlier}:
		months = day.year * 12 + day.month - 1 + policy.monthly
		last = max(last, date(months // 12, months % 12 + 1, 1))
	return last


def _day(one: Held) -> Hashable:
	return one.taken_at.date()


def _week(one: Held) -> Hashable:
	return one.taken_at.isocalendar()[:2]


def _month(one: Held) -> Hashable:
	return one.taken_at.year, one.taken_at.month


def _newest(past: Sequence[Held], period: Callable[[Held], Hashable], count: int) -> set[Hashable]:
	"""The newest so many periods that have a backup. past: the oldest first."""
	found = list(dict.fromkeys(period(each) for each in reversed(past)))
	return set(found[:count])


def _firsts(past: Sequence[Held], period: Callable[[Held], Hashable], count: int) -> set[str]:
	"""The first backup of each of the newest so many periods that have one."""
	wanted, firsts = _newest(past, period, count), {}
	for each in past:
		if period(each) in wanted:
			firsts.setdefault(period(each), each.name)
	return set(firsts.values())
