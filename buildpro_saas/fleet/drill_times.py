"""When a tenant's newest backup is drilled by itself: plain data in and out, in the tenant's own time zone.

Time is divided into spans of DAYS, which begin for each tenant on another day. In each span a tenant has one drill, in the span's first
night; one that was missed, or failed, is made up for in the nights that follow.
"""

import zlib
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = 28  # so that no calendar month goes by without one
NIGHT = (time(0, 0), time(6, 0))  # local time; drills begin in it
PAUSE = timedelta(hours=18)  # after a failed one, so that the next is tried in another night


def is_night(now: datetime, zone: str) -> bool:
	"""Whether people are asleep there. now: with its zone."""
	return NIGHT[0] <= now.astimezone(ZoneInfo(zone)).time() < NIGHT[1]


def is_due(
	now: datetime, zone: str, tenant: str, passed: datetime | None, failed: datetime | None = None
) -> bool:
	"""Whether the tenant's drill may begin now. passed, failed: when the last one did; all times with their zones."""
	if not is_night(now, zone):
		return False
	if failed and timedelta(0) <= now - failed < PAUSE:
		return False
	return passed is None or _span(passed, zone, tenant) != _span(now, zone, tenant)


def _span(moment: datetime, zone: str, tenant: str) -> int:
	local: date = moment.astimezone(ZoneInfo(zone)).date()
	return (local.toordinal() + zlib.crc32(tenant.encode())) // DAYS
