"""What time it is for a site: by its server's clock, and by the latest time that it knows for sure. Pure; seconds since the epoch.

A clock can be wrong for an hour or a month, in either direction, and be set right again. One that is behind a time that has been is
not believed. One that is ahead looks the same as after a sleep of the machine: the site goes by it. But it remembers such a leap only
where its admin site says the same time, so that nothing stays of a wrong clock once it is right.
"""

from datetime import datetime, timedelta

from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import LEEWAY

HOUR = 3600
# Sites note the time once an hour. A clock that is further from the last note has leapt.
LONGEST_STEP = 3 * HOUR
# How far apart two times of a site may lie because its clocks are put forward and back in spring and autumn.
ZONE_SHIFT = timedelta(hours=2)
# The standings in which a site need not ask for a newer statement.
CURRENT = frozenset({Reason.PLAN, Reason.SUSPENDED})


def trusted(now: float, known: float) -> float:
	"""The time to go by. now: the clock's; known: the latest time that is known for sure, 0 for none."""
	return known if now < known - LEEWAY else now


def is_behind(now: float, known: float) -> bool:
	"""Whether the clock is behind a time that has been."""
	return now < known - LEEWAY


def is_leap(now: float, known: float) -> bool:
	"""Whether the clock is further ahead than it can have come since the last note."""
	return bool(known) and now > known + LONGEST_STEP


def to_note(now: float, known: float, word: float | None = None) -> int | None:
	"""The time to remember; None for nothing new. word: the admin site's time, where it was asked."""
	is_confirmed = word is not None and abs(now - word) <= LEEWAY
	if now <= known or (not is_confirmed and (not known or is_leap(now, known))):
		return None
	return int(now)


def is_renewal_due(renew_at: datetime | None, now: datetime, valid_days: float) -> bool:
	"""Whether it is time to renew a statement; also where renew_at is too far off, for a clock that ran ahead has signed it."""
	latest = now + timedelta(days=valid_days / 2) + ZONE_SHIFT
	return renew_at is None or not now < renew_at <= latest
