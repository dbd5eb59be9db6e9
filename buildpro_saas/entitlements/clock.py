"""What time it is for a site. Pure; seconds since the epoch.

A server's clock can be wrong for an hour or a month, in either direction, and then be set right. So a site also notes the latest
time that it knows for sure.

A clock behind that time is not believed. A clock far ahead of it looks just as it does after the machine has slept, so the
site goes by it. But the site notes such a leap only where the admin site says the same time. So a wrong clock leaves nothing behind
once it is right again.
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
	"""The time to go by. now: what the clock says; known: the latest time that is known for sure, 0 for none."""
	return known if now < known - LEEWAY else now


def is_behind(now: float, known: float) -> bool:
	"""Whether the clock is behind a time that has been."""
	return now < known - LEEWAY


def is_leap(now: float, known: float) -> bool:
	"""Whether the clock is further ahead than it can have come since the last note."""
	return bool(known) and now > known + LONGEST_STEP


def to_note(now: float, known: float, word: float | None = None) -> int | None:
	"""The time to note; None when there is nothing new. word: the admin site's time, None where it was not asked."""
	is_confirmed = word is not None and abs(now - word) <= LEEWAY
	if now <= known or (not is_confirmed and (not known or is_leap(now, known))):
		return None
	return int(now)


def is_renewal_due(renew_at: datetime | None, now: datetime, valid_days: float) -> bool:
	"""Whether it is time to renew a statement. It is also time where renew_at is too far off: a wrong clock has signed it."""
	latest = now + timedelta(days=valid_days / 2) + ZONE_SHIFT
	return renew_at is None or not now < renew_at <= latest
