"""Which time a site goes by: its server's clock, and what it knows for sure to have been. Pure; seconds since the epoch.

A clock can be wrong for an hour or a month, in either direction, and be set right again. One that is behind what has been is not
believed. One that is ahead cannot be told from a machine that was asleep: a site goes by it meanwhile, and remembers such a leap
only on the word of its admin site, so that nothing of it stays once the clock is right.
"""

from datetime import datetime, timedelta

from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import LEEWAY

HOUR = 3600
# Sites note the time once an hour: what lies further from the last note is a leap.
LONGEST_STEP = 3 * HOUR
# How far apart two times of a site may lie because its clocks are put forward and back in spring and autumn.
ZONE_SHIFT = timedelta(hours=2)
# The standings of a statement in which a newer one would not say anything else of itself.
CURRENT = frozenset({Reason.PLAN, Reason.SUSPENDED})


def trusted(now: float, known: float) -> float:
	"""The time to judge by. now: the clock's; known: the latest that is known to have been, 0 for none."""
	return known if now < known - LEEWAY else now


def is_behind(now: float, known: float) -> bool:
	"""Whether the clock is behind what has been."""
	return now < known - LEEWAY


def is_leap(now: float, known: float) -> bool:
	"""Whether the clock is further than it can have got since the last note."""
	return bool(known) and now > known + LONGEST_STEP


def to_note(now: float, known: float, word: float | None = None) -> int | None:
	"""What to remember as having been; None for nothing new. word: what the admin site says is the time, where it was asked."""
	is_confirmed = word is not None and abs(now - word) <= LEEWAY
	if now <= known or (not is_confirmed and (not known or is_leap(now, known))):
		return None
	return int(now)


def is_renewal_due(renew_at: datetime | None, now: datetime, valid_days: float) -> bool:
	"""Whether a statement that is to be renewed at a time is due: then, and where a clock that ran ahead has signed it."""
	latest = now + timedelta(days=valid_days / 2) + ZONE_SHIFT
	return renew_at is None or not now < renew_at <= latest
