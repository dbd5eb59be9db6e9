"""When tenants' backups are due, over nights on which clocks change."""

from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildpro_saas.fleet.backup_times import LONGEST_PAUSE, Rhythm, Turn, begins_at, pause_after, turn_at

ZONES = (
	"Europe/Berlin",
	"America/New_York",
	"Australia/Lord_Howe",
	"Asia/Kolkata",
	"Pacific/Apia",
	"America/Santiago",
)
zones = st.sampled_from(ZONES)
times_of_day = st.none() | st.times().map(lambda each: each.replace(microsecond=0))
rhythms = st.builds(Rhythm, st.integers(1, 24), zones, times_of_day)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2029, 12, 31)).map(
	lambda each: each.replace(tzinfo=timezone.utc)
)


@settings(max_examples=25)
@given(moments, st.builds(Rhythm, st.just(1), zones, times_of_day), st.text(min_size=1))
def test_each_local_day_has_its_turn_once(start, rhythm, tenant):
	"""Looked at every half an hour for a fortnight."""
	seen = []
	for tick in range(14 * 48):
		turn = turn_at(start + timedelta(minutes=30 * tick), rhythm, tenant)
		if not seen or turn != seen[-1]:
			seen.append(turn)
	days = [turn.day for turn in seen]
	assert days == sorted(set(days))
	assert all((after - before).days == 1 for before, after in pairwise(days))
	assert 13 <= len(days) <= 16


@given(moments, rhythms, st.text(min_size=1), st.timedeltas(timedelta(0), timedelta(days=40)))
def test_turns_never_go_back(now, rhythm, tenant, later):
	assert turn_at(now, rhythm, tenant) <= turn_at(now + later, rhythm, tenant)


@given(moments, rhythms, st.text(min_size=1))
def test_a_turn_has_begun_and_the_next_one_has_not(now, rhythm, tenant):
	turn = turn_at(now, rhythm, tenant)
	assert begins_at(turn, rhythm, tenant) <= now
	is_last = turn.number == rhythm.times - 1
	following = Turn(turn.day + timedelta(days=1), 0) if is_last else Turn(turn.day, turn.number + 1)
	assert begins_at(following, rhythm, tenant) > now


@pytest.mark.parametrize(
	("day", "at", "utc"),
	[
		(date(2027, 3, 28), time(2, 30), "2027-03-28 01:30"),  # left out: the clock goes from 2 to 3
		(date(2027, 10, 31), time(2, 30), "2027-10-31 00:30"),  # comes twice: the first
		(date(2027, 6, 1), time(2, 30), "2027-06-01 00:30"),
	],
)
def test_a_time_that_the_clock_leaves_out_or_has_twice(day, at, utc):
	begins = begins_at(Turn(day, 0), Rhythm(1, "Europe/Berlin", at), "acme")
	assert f"{begins:%Y-%m-%d %H:%M}" == utc


def test_tenants_are_spread_over_the_night():
	begins = [
		begins_at(Turn(date(2027, 6, 1), 0), Rhythm(1, "Asia/Kolkata"), f"tenant{n}") for n in range(400)
	]
	local = sorted(each.astimezone(ZoneInfo("Asia/Kolkata")) for each in begins)
	assert local[0].hour >= 1 and local[-1].hour < 5
	by_hour = [sum(each.hour == hour for each in local) for hour in range(1, 5)]
	assert min(by_hour) > 60


def test_a_plan_without_scheduled_backups_has_no_turn():
	assert turn_at(datetime.now(timezone.utc), Rhythm(0, "Europe/Berlin"), "acme") is None


def test_a_turn_that_fails_again_and_again_rests_longer_and_longer():
	assert [pause_after(failures).total_seconds() / 3600 for failures in (1, 2, 3, 4, 5, 50)] == [
		1,
		2,
		4,
		8,
		12,
		12,
	]
	assert pause_after(50) == LONGEST_PAUSE
