"""Dates as staff enter them, and as a statement has them.

What staff agree is to the minute: Desk's form drops the seconds of a date when it shows it, and would take the record for changed.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from dateutil.parser import ParserError
from frappe import _
from frappe.utils import get_datetime, now_datetime
from frappe.utils.data import get_system_timezone

from buildpro_saas.control_plane.refusal import refuse


def epoch(value) -> int | None:
	"""Seconds since the epoch of a Datetime in this site's time zone; None for an empty one.

	Of an hour that the clock shows twice the first is meant; fractions of a second are dropped.
	"""
	if not value:
		return None
	return int(get_datetime(value).replace(tzinfo=ZoneInfo(get_system_timezone())).timestamp())


def local(seconds: int) -> datetime:
	"""The Datetime in this site's time zone of which these are the seconds since the epoch, as a record has it."""
	return datetime.fromtimestamp(seconds, ZoneInfo(get_system_timezone())).replace(tzinfo=None)


def minute() -> datetime:
	"""The time in this site's time zone, to the minute."""
	return now_datetime().replace(second=0, microsecond=0)


def parse(value, label: str) -> datetime | None:
	"""A date that somebody typed, to the minute; None for an empty one. Raises frappe.ValidationError when it is none."""
	if not value:
		return None
	try:
		found = get_datetime(value)
	except (ValueError, TypeError, OverflowError, ParserError):
		found = None
	if found is None or found.tzinfo:
		refuse(_("{0} is no date for {1}: enter one like 2026-12-31 or 2026-12-31 18:00."), value, label)
	return found.replace(second=0, microsecond=0)
