"""The days that uses and daily limits are counted by: those of UTC, for a tenant can choose the site's time zone."""

from datetime import date, timedelta
from time import time

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
