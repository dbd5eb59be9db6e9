"""The days by which usage and daily limits are counted. They are days of UTC, because a tenant can choose the site's time zone."""

from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from time import time

from frappe.utils import convert_utc_to_system_timezone

LENGTH = 24 * 60 * 60  # seconds
EPOCH = date(1970, 1, 1)


def number() -> int:
	"""Today's number; day 0 is EPOCH."""
	return int(time()) // LENGTH


def of_number(day: int) -> date:
	"""The date of the day with this number."""
	return EPOCH + timedelta(days=day)


def today() -> date:
	"""The date of today (UTC)."""
	return of_number(number())


def seconds_left() -> int:
	"""How many seconds today still has."""
	return LENGTH - int(time()) % LENGTH


def midnight_here() -> datetime:
	"""When today (UTC) began, as the site's database writes moments: in the site's time zone, without naming it."""
	return convert_utc_to_system_timezone(datetime.combine(today(), time_of_day())).replace(tzinfo=None)
