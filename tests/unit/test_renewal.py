"""When certificates are renewed and tried again, which alarm is raised, and that an authority's limits are kept: pure functions."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildpro_saas.agent.certificate_facts import DAY, Asked, RenewalInfo
from buildpro_saas.domains.authority_limits import (
	Due,
	Limit,
	Limits,
	Tally,
	is_limited,
	planned,
	registered_domain,
)
from buildpro_saas.domains.renewal import (
	LADDER,
	alarm,
	alarm_unserved,
	fraction,
	next_try,
	renew_from,
	which_authority,
)

NOW = 1_800_000_000.0
HOUR = 3600.0
lives = st.floats(min_value=DAY, max_value=400 * DAY)
seeds = st.text(max_size=30)


# -- when to renew -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [90, 45, 6])
def test_a_third_of_the_life_is_left(days):
	assert renew_from(NOW, NOW + days * DAY) == pytest.approx(NOW + days * DAY * 2 / 3)


@given(lives, seeds)
def test_it_is_renewed_within_its_life_and_with_a_third_left(life, seed):
	due = renew_from(NOW, NOW + life, seed=seed)
	assert NOW + life / 2 < due <= NOW + life * 2 / 3 + 1
	assert due == renew_from(NOW, NOW + life, seed=seed)


@given(lives, seeds, st.floats(-100 * DAY, 500 * DAY), st.floats(0, 30 * DAY))
def test_the_authoritys_window_is_kept_but_never_past_the_end(life, seed, begin, span):
	ari = RenewalInfo(NOW + begin, NOW + begin + span, NOW)
	due = renew_from(NOW, NOW + life, ari, seed)
	assert due < NOW + life
	assert ari.start <= due <= ari.end or due == renew_from(NOW, NOW + life, seed=seed)


def test_an_authority_may_call_a_certificate_back_at_once():
	ari = RenewalInfo(NOW - DAY, NOW - HOUR, NOW)
	assert renew_from(NOW - 2 * DAY, NOW + 88 * DAY, ari, "c") < NOW


def test_a_thousand_of_one_day_are_spread_evenly():
	dues = sorted(renew_from(NOW, NOW + 90 * DAY, seed=f"cert-{number}") for number in range(1000))
	by_day = [sum(1 for due in dues if day <= (due - dues[0]) // DAY < day + 1) for day in range(9)]
	assert min(by_day) > 70 and max(by_day) < 160
	ari = RenewalInfo(NOW, NOW + 2 * DAY, NOW)
	early = sum(renew_from(NOW, NOW + 90 * DAY, ari, f"cert-{number}") < NOW + DAY for number in range(1000))
	assert 400 < early < 600


# -- trying again --------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10_000), seeds)
def test_it_is_tried_again_without_end_after_minutes_then_hours(failures, seed):
	pause = next_try(failures, NOW, seed) - NOW
	assert LADDER[0] <= pause <= LADDER[-1] * 1.2
	assert pause == next_try(failures, NOW, seed) - NOW
	assert failures < len(LADDER) or pause >= LADDER[-1]


def test_the_ladder_alone_keeps_the_limit_of_failures():
	for seed in map(str, range(50)):
		at, tries = NOW, []
		for failures in range(1, 40):
			tries.append(at)
			at = next_try(failures, at, seed)
		assert all(sum(1 for each in tries if begin <= each < begin + HOUR) <= 4 for begin in tries)


def test_the_first_try_waits_for_nothing():
	assert next_try(0, NOW, "c") == NOW


def test_authorities_take_turns():
	assert [which_authority(failures, 2) for failures in range(8)] == [0, 0, 0, 1, 1, 1, 0, 0]
	assert {which_authority(failures, 1) for failures in range(20)} == {0}
	with pytest.raises(ValueError, match="no authority"):
		which_authority(0, 0)


# -- alarms --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("life", "left", "level"),
	[
		(90, 21, ""),
		(90, 19.9, "Notice"),
		(90, 6.9, "Warning"),
		(90, 0.9, "Critical"),
		(90, 0, "Expired"),
		(90, -3, "Expired"),
		(398, 19.9, "Notice"),
		# a third of shorter lives is left when they are renewed: that alone is no alarm
		(45, 15, ""),
		(45, 9.9, "Notice"),
		(45, 3.4, "Warning"),
		(6, 2, ""),
		(6, 1.3, "Notice"),
		(6, 0.4, "Warning"),
		(6, 0.06, "Critical"),
	],
)
def test_alarm_levels(life, left, level):
	found = alarm("a.test", NOW + left * DAY, NOW + (left - life) * DAY, NOW)
	assert found.level == level and bool(found.sentence) == bool(level)


@given(lives, st.floats(0.001, 0.999), seeds)
def test_no_alarm_before_it_is_due(life, share, seed):
	begin, end = NOW, NOW + life
	now = NOW + share * life
	assert now > renew_from(begin, end) or not alarm("a.test", end, begin, now).level


def test_what_is_served_wrongly_is_an_alarm_at_any_age():
	found = alarm("a.test", NOW + 80 * DAY, NOW, NOW, "Browsers warn of it: Hostname mismatch.")
	assert found.level == "Critical" and "Hostname mismatch" in found.sentence
	assert alarm_unserved("a.test", "127.0.0.1:443 cannot be reached.").level == "Critical"


# -- an authority's limits -----------------------------------------------------------------------------------------------

SMALL = Limits(Limit(6, 3 * HOUR), Limit(4, 7 * DAY), Limit(2, 7 * DAY), Limit(2, HOUR))
hosts = st.sampled_from([f"{host}.{domain}.test" for host in "abc" for domain in ("one", "two", "three")])
asked = st.lists(
	st.builds(
		Asked,
		st.floats(NOW - 9 * DAY, NOW),
		st.sampled_from(["order", "failed", "issued"]),
		st.just("c"),
		st.lists(hosts, min_size=1, max_size=2, unique=True),
		st.booleans(),
	),
	max_size=40,
)
dues = st.builds(
	Due,
	st.uuids().map(str),
	st.lists(hosts, min_size=1, max_size=2, unique=True),
	st.booleans(),
	st.booleans(),
)


def breaks_a_limit(all_asked: list[Asked], limits: Limits) -> bool:
	"""Counted the plain way: whether any span of a limit's time had more than the limit."""
	counted = [each for each in all_asked if each.what == "order" and not each.is_told]
	groups: dict[tuple, list[float]] = {}
	for each in counted:
		groups.setdefault(("orders",), []).append(each.at)
		groups.setdefault(("same", *sorted(each.names)), []).append(each.at)
		for domain in {registered_domain(name) for name in each.names}:
			groups.setdefault(("domain", domain), []).append(each.at)
	of = {"orders": limits.orders, "same": limits.duplicates, "domain": limits.of_domain}
	for key, times in groups.items():
		limit = of[key[0]]
		for begin in times:
			if sum(1 for at in times if begin <= at < begin + limit.seconds) > limit.count:
				return True
	return False


@settings(max_examples=200)
@given(dues, asked)
def test_an_order_is_allowed_at_the_time_that_is_told_and_not_before(due, before):
	tally = Tally(before, SMALL)
	at = tally.allowed_from(due, NOW)
	assert at >= NOW and is_limited(due, before, NOW, SMALL) == (at > NOW)
	assert tally.allowed_from(due, at) == at
	assert at == NOW or tally.allowed_from(due, at - 1) >= at


@settings(max_examples=50, deadline=None)
@given(st.lists(dues, max_size=40, unique_by=lambda due: due.certificate), st.integers(1, 20))
def test_whoever_goes_by_the_plan_breaks_no_limit_and_all_have_their_turn(due, at_once):
	# renewals that are not counted by authorities are counted here, too, except by domain
	due = [Due(each.certificate, each.names, False, each.is_told) for each in due]
	now, done, waiting = NOW, [], due
	for _run in range(2000):
		if not waiting:
			break
		plan = planned(waiting, done, now, SMALL, at_once)
		assert len(plan.now) <= at_once
		assert {each.certificate for each in plan.now} | {*plan.later} == {
			each.certificate for each in waiting
		}
		done += [Asked(now, "order", each.certificate, each.names, each.is_told) for each in plan.now]
		waiting = [each for each in waiting if each.certificate in plan.later]
		now = max(min(plan.later.values(), default=now), now + 1)
	assert not waiting and not breaks_a_limit(done, SMALL)


def test_a_thousand_names_that_are_due_at_once_spread_out():
	due = [Due(f"c{number}", [f"erp.customer{number}.test"]) for number in range(1000)]
	before = time.perf_counter()
	plan = planned(due, [], NOW, at_once=1000)
	assert time.perf_counter() - before < 5
	assert len(plan.now) == 270 and set(plan.later.values()) == {NOW + 3 * HOUR}
	of_one = [Due(f"c{number}", [f"t{number}.example.com"]) for number in range(200)]
	plan = planned(of_one, [], NOW)
	assert len(plan.now) == 45 and set(plan.later.values()) == {NOW + 7 * DAY}
	renewals = [Due(each.certificate, each.names, is_renewal=True, is_told=True) for each in of_one]
	assert len(planned(renewals, [], NOW, at_once=1000).now) == 200


def test_a_certificate_that_must_wait_keeps_no_other_back():
	failed = [Asked(NOW - 60, "failed", "a", ["bad.test"])] * 4
	plan = planned([Due("a", ["bad.test"]), Due("b", ["good.test"])], failed, NOW)
	assert [each.certificate for each in plan.now] == ["b"] and plan.later == {"a": NOW - 60 + HOUR}


def test_times_of_a_clock_that_ran_ahead_do_not_bar_for_ever():
	ahead = [Asked(NOW + 300 * DAY, "failed", "a", ["bad.test"])] * 4
	assert Tally(ahead).allowed_from(Due("a", ["bad.test"]), NOW) == NOW + HOUR


def test_a_failed_wildcard_counts_for_its_host():
	failed = [Asked(NOW, "failed", "w", ["cloud.test"])] * 4
	assert is_limited(Due("w", ["*.cloud.test"]), failed, NOW)


@pytest.mark.parametrize(
	("host", "domain"),
	[
		("erp.example.com", "example.com"),
		("*.example.com", "example.com"),
		("a.b.Example.co.uk", "example.co.uk"),
		("erp.example.com.au", "example.com.au"),
		("com.au", "com.au"),
		("example.de", "example.de"),
	],
)
def test_registered_domain(host, domain):
	assert registered_domain(host) == domain


@given(st.text())
def test_fraction(seed):
	assert 0 <= fraction(seed) < 1
