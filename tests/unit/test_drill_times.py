"""When drills are due: at night in the tenant's own zone, in each month, and again in another night after a failure."""

import itertools
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.fleet.drill_times import DAYS, PAUSE, is_due, is_night

ZONES = st.sampled_from(
	["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Pacific/Apia"]
)
NAMES = st.text("abcdefghij0123456789-", min_size=1, max_size=20)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(timezone.utc))
LOOK = timedelta(hours=1)


@pytest.mark.parametrize(
	("zone", "hour", "night"),
	[
		("Asia/Kolkata", 19, True),
		("Asia/Kolkata", 1, False),
		("America/New_York", 6, True),
		("UTC", 6, False),
	],
)
def test_night_is_the_tenant_s_own(zone, hour, night):
	assert is_night(datetime(2026, 11, 27, hour, 0, tzinfo=timezone.utc), zone) is night


@given(ZONES, NAMES, MOMENTS)
def test_each_calendar_month_has_one(zone, tenant, begin):
	"""Looked at once an hour for half a year, with each drill passing at once."""
	passed, drilled, now = None, [], begin
	while now < begin + timedelta(days=190):
		if is_due(now, zone, tenant, passed):
			passed = now
			drilled.append(now)
		now += LOOK
	gaps = [later - earlier for earlier, later in itertools.pairwise(drilled)]
	assert drilled[0] - begin <= timedelta(days=1, hours=2)
	assert all(gap <= timedelta(days=DAYS + 1) for gap in gaps)
	# the first, and then each in its span: no span has two
	assert len(drilled) <= 190 // DAYS + 2
	days = {moment.astimezone(ZoneInfo(zone)).date() for moment in drilled}
	months = {(day.year, day.month) for day in _days(min(days), max(days))}
	assert {(day.year, day.month) for day in days} == months


@given(ZONES, NAMES, MOMENTS)
def test_it_begins_in_the_night_only(zone, tenant, now):
	assert is_due(now, zone, tenant, None) is is_night(now, zone)


@given(ZONES, NAMES, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_after_a_failure_it_is_tried_in_another_night(zone, tenant, failed, later):
	now = failed + later
	assert is_due(now, zone, tenant, None, failed) is (is_night(now, zone) and later >= PAUSE)


def test_tenants_are_spread_over_the_month():
	passed = datetime(2026, 11, 1, 1, 0, tzinfo=timezone.utc)
	first = set()
	for number in range(300):
		now = passed
		while not is_due(now, "UTC", f"tenant{number}", passed):
			now += timedelta(days=1)
		first.add((now - passed).days)
	assert len(first) > DAYS * 0.8 and max(first) <= DAYS


def test_a_clock_that_leapt_ahead_keeps_nobody_from_a_drill():
	leapt, now = (
		datetime(2030, 1, 1, 1, 0, tzinfo=timezone.utc),
		datetime(2026, 11, 27, 1, 0, tzinfo=timezone.utc),
	)
	assert is_due(now, "UTC", "acme", leapt) and is_due(now, "UTC", "acme", None, leapt)


def _days(first: date, last: date) -> list[date]:
	return [first + timedelta(days=number) for number in range((last - first).days + 1)]
