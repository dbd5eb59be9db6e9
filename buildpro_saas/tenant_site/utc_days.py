"""The days by which uses and daily limits are counted. They are days of UTC, for a tenant can choose the site's time zone."""

from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from time import time

from frappe.utils import convert_utc_to_system_timezone

LENGTH = 24 * 60 * 60  # seconds
EPOCH = date(1970, 1, 1)


def number() -> int:
	"""Today's number, counted from EPOCH."""
	return int(time()) // LENGTH


def of_number(day: int) -> date:
	return EPOCH + timedelta(days=day)


def today() -> date:
	return of_number(number())


def seconds_left() -> int:
	"""How long today lasts."""
	return LENGTH - int(time()) % LENGTH


def midnight_here() -> datetime:
	"""When today began, as the site's database writes moments: in the site's time zone, without saying so."""
	return convert_utc_to_system_timezone(datetime.combine(today(), time_of_day())).replace(tzinfo=None)
