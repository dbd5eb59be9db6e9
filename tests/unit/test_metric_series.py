"""Points of metrics: packed, thinned, and what follows from them."""

import random
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.monitoring import rates, spans
from buildpro_saas.monitoring.metric_names import BY_KEY, OF_SITES, SITE, counters_of, metric_of
from buildpro_saas.monitoring.packing import pack, unpack
from buildpro_saas.monitoring.spans import AN_HOUR, DAY, HOUR, KEPT_FOR, MONTH, STEP

MB = 10**6
NOON = int(datetime(2026, 11, 15, 12, tzinfo=timezone.utc).timestamp())
numbers = st.one_of(
	st.integers(-(10**15), 10**15), st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 3))
)
points = st.dictionaries(
	st.integers(0, 2**33), st.dictionaries(st.sampled_from([*BY_KEY]), numbers, max_size=5), max_size=20
)


@given(points)
def test_what_is_packed_comes_out_again(made):
	found = unpack(pack(made))
	assert list(found) == sorted(made)
	for at, of in made.items():
		assert found[at] == pytest.approx(of, abs=1e-3)


def test_a_whole_number_stays_one_and_nothing_is_nothing():
	assert unpack(pack({1: {"a": 3, "b": 0.5}, 2: {"b": 2}})) == {1: {"a": 3, "b": 0.5}, 2: {"b": 2}}
	assert unpack("") == unpack(None) == {}


def test_a_year_of_a_busy_tenant_is_small():
	"""What is there at the most: an hour's rows for KEPT_FOR, days, and a year of months."""
	hour, day = _busy(60, 60), _busy(288, 300)
	month = _busy(31 * 24, 3600)
	room = (
		len(pack(hour)) * (KEPT_FOR[HOUR] // AN_HOUR + 1)
		+ len(pack(day)) * (KEPT_FOR[DAY] // spans.A_DAY + 1)
		+ len(pack(month)) * 14
	)
	assert room < 5 * MB, f"{room / MB:.2f} MB"


def _busy(number: int, step: int) -> dict:
	"""Points in which each counter grows and each gauge moves at each moment."""
	chance, keys = random.Random(1), [key for key in _keys_of_a_site()]
	now, found = {key: chance.randrange(10**9) for key in keys}, {}
	grows = counters_of(keys)
	for turn in range(number):
		for key in keys:
			now[key] += chance.randrange(1000) if key in grows else chance.randrange(-100, 101)
		found[NOON + turn * step] = dict(now)
	return found


def _keys_of_a_site() -> list[str]:
	plain = [metric.key for metric in OF_SITES if not metric.label]
	return [
		*plain,
		*(f"requests_within.{top}" for top in ("0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10")),
	]


def test_a_point_for_five_minutes_has_a_counters_last_number_and_the_mean_of_others():
	readings = {
		NOON + second: {"requests": second, "users_enabled": second // 60} for second in range(0, 600, 60)
	}
	found = spans.thinned(readings, STEP[DAY])
	assert found == {
		NOON + 240: {"requests": 240, "users_enabled": 2},
		NOON + 540: {"requests": 540, "users_enabled": 7},
	}


def test_thinning_again_changes_nothing():
	readings = {NOON + second: {"requests": second} for second in range(0, 7200, 60)}
	once = spans.thinned(readings, STEP[DAY])
	assert spans.thinned(once, STEP[DAY]) == once


@pytest.mark.parametrize(
	("span", "begins"),
	[(HOUR, "2026-11-15T12:00"), (DAY, "2026-11-15T00:00"), (MONTH, "2026-11-01T00:00")],
)
def test_spans_begin_in_utc(span, begins):
	found = datetime.fromtimestamp(spans.begin_of(span, NOON + 1234), timezone.utc)
	assert found.isoformat()[:16] == begins


def test_where_an_hour_has_points_of_several_spans_the_finest_count():
	old, fresh = NOON - AN_HOUR, NOON
	found = spans.finest(
		{
			MONTH: {old: {"requests": 1}, fresh: {"requests": 2}},
			DAY: {fresh + 300: {"requests": 3}},
			HOUR: {fresh + 60: {"requests": 4}, fresh + 120: {"requests": 5}},
		}
	)
	assert list(found.items()) == [
		(old, {"requests": 1}),
		(fresh + 60, {"requests": 4}),
		(fresh + 120, {"requests": 5}),
	]


@pytest.mark.parametrize(
	("age", "wanted"),
	[(60, [HOUR]), (5 * AN_HOUR, [HOUR]), (8 * AN_HOUR, [HOUR, DAY]), (30 * spans.A_DAY, [HOUR, DAY, MONTH])],
)
def test_a_mean_is_looked_for_only_where_readings_may_be_gone(age, wanted):
	assert spans.spans_since(NOON - age, NOON) == wanted


def test_the_key_of_a_number_names_a_metric_and_its_label():
	assert metric_of("requests")[0].level == SITE
	assert metric_of("disk_bytes.sites")[1] == "sites"
	assert metric_of("disk_bytes") is metric_of("requests.x") is metric_of("nonsense") is None


def test_every_metric_is_explained_and_named_once():
	from buildpro_saas.monitoring.metric_names import OF_BENCHES

	assert len(BY_KEY) == len(OF_SITES) + len(OF_BENCHES)
	assert all(metric.help and "." not in metric.key for metric in BY_KEY.values())


# -- what follows ------------------------------------------------------------------------------------------------------


def test_a_counter_that_began_again_has_grown_by_what_it_has():
	assert rates.growth([(0, 100), (60, 160), (120, 20), (180, 50)]) == 60 + 20 + 30
	assert rates.rates([(0, 100), (60, 160), (60, 160), (120, 6)]) == [(60, 1.0), (120, 0.1)]


def test_latency_is_reckoned_from_classes():
	before = {"requests": 0, "requests_within.0.1": 0, "requests_within.1": 0}
	after = {"requests": 100, "requests_within.0.1": 50, "requests_within.1": 99}
	found = rates.latency([(0, before), (60, after)])
	assert found["p50"] == pytest.approx(0.1)
	assert 0.1 < found["p95"] < 1
	assert found["p99"] == pytest.approx(1)


def test_there_is_no_latency_without_requests():
	same = {"requests": 5, "requests_within.1": 5}
	assert rates.latency([(0, same), (60, same)]) == rates.latency([]) == {}


DAYS = [day * rates.A_DAY for day in range(8)]


def test_a_disk_that_loses_the_same_each_day_is_full_in_as_many_days_as_it_has():
	free = [(at, 1000 - at / rates.A_DAY * 10) for at in DAYS]
	assert rates.days_until_empty(free) == pytest.approx(93)


def test_one_large_file_makes_no_trend():
	free = [(at, 1000.0 if at < DAYS[-1] else 400.0) for at in DAYS]
	assert rates.days_until_empty(free) is None


@pytest.mark.parametrize(
	"free",
	[
		[(at, 1000.0) for at in DAYS],
		[(at, 1000 + at) for at in DAYS],
		[(at, 1000 - at / rates.A_DAY * 0.001) for at in DAYS],
		[(at * 60, 1000 - at) for at in range(5)],
		[(at, 1000 - at) for at in range(20)],
		[],
	],
	ids=["as it was", "more", "in a thousand years", "few points", "a short time", "none"],
)
def test_what_is_no_trend_is_not_told(free):
	assert rates.days_until_empty(free) is None
