"""What is kept of a tenant's backups, whatever fails and whatever clocks say."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.fleet.backup_retention import Held, Policy, stays_until, superfluous

START = datetime(2027, 1, 1, 2, 0)
policies = st.builds(Policy, st.integers(0, 14), st.integers(0, 8), st.integers(0, 12))
# minutes after START, over some three years
moments = st.lists(st.integers(0, 3 * 366 * 24 * 60), max_size=60)
proven = st.lists(st.booleans(), min_size=60, max_size=60)


def held_at(minutes: list[int], flags: list[bool] = (), *, is_sorted: bool = True) -> list[Held]:
	minutes = sorted(minutes) if is_sorted else minutes
	return [
		Held(f"b{at}", START + timedelta(minutes=each), bool(flags and flags[at]))
		for at, each in enumerate(minutes)
	]


def daily(count: int, failed=lambda _at: False) -> list[Held]:
	"""One a day from START on, but for the days that failed."""
	return [Held(f"b{at}", START + timedelta(days=at)) for at in range(count) if not failed(at)]


def kept(held: list[Held], policy: Policy, now: datetime | None = None) -> list[Held]:
	gone = superfluous(held, policy, now or held[-1].taken_at)
	return [each for each in held if each.name not in gone]


@given(moments, proven, policies)
def test_the_newest_and_the_newest_proven_one_stay(minutes, flags, policy):
	held = held_at(minutes, flags, is_sorted=False)
	now = START + timedelta(minutes=max(minutes, default=0))
	gone = superfluous(held, policy, now)
	by_time = sorted(held, key=lambda each: each.taken_at)
	if held:
		assert held[-1].name not in gone  # made last, whatever its clock said
		newest = by_time[-1].taken_at
		assert any(each.taken_at == newest and each.name not in gone for each in held)
	if found := [each for each in by_time if each.is_proven]:
		newest = found[-1].taken_at
		assert any(each.is_proven and each.taken_at == newest and each.name not in gone for each in held)


@given(moments.filter(bool), policies, st.integers(0, 10**7))
def test_a_clock_that_leaps_ahead_removes_nothing(minutes, policy, leap):
	held = held_at(minutes)
	left = kept(held, policy)
	assert superfluous(left, policy, left[-1].taken_at + timedelta(minutes=leap)) == []


@given(moments.filter(bool), policies, st.integers(1, 10**6))
def test_one_backup_of_a_clock_that_leapt_ahead_pushes_out_a_day_a_week_and_a_month_at_most(
	minutes, policy, leap
):
	left = kept(held_at(minutes), policy)
	days = {each.taken_at.date() for each in left}
	late = Held("late", left[-1].taken_at + timedelta(minutes=leap))
	after = kept([*left, late], policy)
	lost_days = days - {each.taken_at.date() for each in after}
	assert len(lost_days) <= 3


@given(moments.filter(bool), policies, st.integers(1, 60))
def test_backups_of_the_future_push_nothing_out_once_the_clock_is_right_again(minutes, policy, count):
	left = kept(held_at(minutes), policy)
	now = left[-1].taken_at
	wrong = [Held(f"future{at}", now + timedelta(days=3650 + at)) for at in range(count)]
	right = Held("right", now + timedelta(minutes=1))
	assert set(superfluous([*left, *wrong, right], policy, right.taken_at)) <= {each.name for each in left}
	without = set(superfluous([*left, right], policy, right.taken_at))
	assert set(superfluous([*left, *wrong, right], policy, right.taken_at)) == without


@given(moments.filter(bool), policies)
def test_what_was_kept_once_stays_until_another_one_comes(minutes, policy):
	left = kept(held_at(minutes), policy)
	assert kept(left, policy) == left


@given(st.sets(st.integers(0, 399), max_size=380), policies)
def test_days_that_failed_push_nothing_out(failed, policy):
	held = daily(400, lambda at: at in failed)
	left = kept(held, policy)
	days = len({each.taken_at.date() for each in left})
	assert days >= min(len(held), max(policy.daily, 1))
	months = list(dict.fromkeys((each.taken_at.year, each.taken_at.month) for each in reversed(held)))
	for month in months[: policy.monthly]:
		assert any((each.taken_at.year, each.taken_at.month) == month for each in left)


def test_a_month_whose_first_days_failed_keeps_the_first_that_it_has():
	held = daily(150, lambda at: (START + timedelta(days=at)).day <= 9)
	left = kept(held, Policy(7, 0, 4))
	firsts = [each.taken_at.date().isoformat() for each in left][:4]
	assert firsts == ["2027-02-10", "2027-03-10", "2027-04-10", "2027-05-10"]


def test_thirty_days_of_four_a_day():
	held = [Held(f"b{at}", START + timedelta(hours=6 * at)) for at in range(120)]
	left = kept(held, Policy(7, 4, 3))
	assert len([each for each in left if each.taken_at >= START + timedelta(days=23)]) == 28
	assert [each.taken_at.date().isoformat() for each in left][:4] == [
		"2027-01-01",
		"2027-01-04",
		"2027-01-11",
		"2027-01-18",
	]


@given(st.integers(0, 200), st.builds(Policy, st.integers(1, 14), st.integers(0, 8), st.integers(0, 6)))
def test_the_day_that_is_shown_is_the_day_on_which_it_goes(at, policy):
	"""One a day is taken, and pruned after each."""
	held = daily(at + 1)
	one = held[-1]
	told = stays_until(one, held, policy)
	now, number = one.taken_at, at
	while one in held and number < at + 400:
		number += 1
		now = START + timedelta(days=number)
		held = kept([*held, Held(f"b{number}", now)], policy)
	assert now.date() == told
