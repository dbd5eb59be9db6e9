"""Dates as staff enter them, and as a statement has them.

What staff agree is exact to the minute. Desk's form drops the seconds when it shows a date, and would then take the record for
changed.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from frappe import _
from frappe.utils import get_datetime, now_datetime
from frappe.utils.data import get_system_timezone

from buildpro_saas.refusal import refuse

# Outside of these years a mistake is likelier than a date. Also, conversions between time zones fail near the ends of the calendar.
YEARS = range(1970, 2200)


def epoch(value) -> int | None:
	"""Seconds since the epoch of a Datetime in this site's time zone; None for an empty one.

	Where the clock shows an hour twice, the first is meant. Fractions of a second are dropped.
	"""
	if not value:
		return None
	return int(get_datetime(value).replace(tzinfo=ZoneInfo(get_system_timezone())).timestamp())


def local(seconds: int) -> datetime:
	"""The Datetime, in this site's time zone, of these seconds since the epoch."""
	return datetime.fromtimestamp(seconds, ZoneInfo(get_system_timezone())).replace(tzinfo=None)


def minute() -> datetime:
	"""The time in this site's time zone, to the minute."""
	return now_datetime().replace(second=0, microsecond=0)


def parse(value, label: str) -> datetime | None:
	"""A date that somebody typed, to the minute; None for an empty one. Raises frappe.ValidationError when it is none."""
	return check(value, label).replace(second=0, microsecond=0) if value else None


def check(value, label: str) -> datetime:
	"""The date that a value stands for. Raises frappe.ValidationError when it is no date, or in no year of YEARS."""
	try:
		found = get_datetime(value)
	except (ValueError, TypeError, OverflowError, AttributeError):  # a ParserError is a ValueError
		found = None
	if found is None or found.tzinfo:
		refuse(_("{0} is no date for {1}: enter one like 2026-12-31 or 2026-12-31 18:00."), value, label)
	if found.year not in YEARS:
		refuse(
			_("{0} is too far away for {1}: enter a date of the years {2} to {3}."),
			value,
			label,
			YEARS[0],
			YEARS[-1],
		)
	return found
