"""Which way a site is migrated, and what rehearsals let expect of many: plain data in and out."""

import pytest

from buildpro_saas.fleet import forecast, migrate_ways
from buildpro_saas.fleet.forecast import FAILS, NOTHING, PASSES, Expected
from buildpro_saas.fleet.migrate_ways import GB, Size

MB = 10**6


@pytest.mark.parametrize(
	("size", "free", "given", "in_place", "why"),
	[
		(Size(50 * MB, 0), 10 * GB, {}, False, ""),
		(Size(50 * MB, 0), 10 * GB, {"is_asked": True}, True, "asked for"),
		(Size(30 * GB, 0), 100 * GB, {}, True, "A copy would take"),
		(Size(100 * MB, 50 * GB), 10 * GB, {"quick": 10**6}, True, "no room for a copy with its files"),
		# what was measured counts for more than what is reckoned
		(Size(30 * GB, 0), 100 * GB, {"copied_before": (30 * GB, 200.0)}, False, ""),
		(Size(50 * MB, 0), 10 * GB, {"copied_before": (25 * MB, 200.0)}, True, "400 s, more than 300 s"),
	],
)
def test_the_way_follows_from_size_room_and_what_was_measured(size, free, given, in_place, why):
	way = migrate_ways.choose(size, free, **{"quick": 300, **given})
	assert way.in_place is in_place and why in way.why and bool(way.why) is in_place


def test_without_room_for_the_database_nothing_is_begun():
	for is_asked in (False, True):
		with pytest.raises(migrate_ways.NoRoomError, match=r"needs 1\.2 GB .* 1\.1 GB are free"):
			migrate_ways.choose(Size(GB, 0), 1.1 * GB, quick=300, is_asked=is_asked)


EXPECTED = [
	Expected("broken", FAILS, 400.0),
	Expected("done", NOTHING, 0.0),
	Expected("long", PASSES, 900.0),
	Expected("new", "", None),
	Expected("short", PASSES, 10.0),
]


def test_long_ones_go_first_and_those_that_would_fail_last():
	assert forecast.in_order(EXPECTED) == ["long", "new", "short", "done", "broken"]
	assert forecast.in_order(EXPECTED, first=["done", "short", "gone"])[:3] == ["done", "short", "long"]


@pytest.mark.parametrize(
	("number", "each", "most", "expected"),
	[
		(10, 60.0, 8, 1),
		(100, 60.0, 8, 2),
		(1000, 60.0, 8, 8),
		(3, 7000.0, 8, 3),
		(1000, 0.0, 8, 1),
		(1, 9e5, 8, 1),
	],
)
def test_a_batch_is_as_wide_as_it_has_to_be(number, each, most, expected):
	rows = [Expected(f"t{at}", PASSES, each) for at in range(number)]
	assert forecast.width(rows, most) == expected
	assert forecast.seconds(rows, expected) >= each


def test_of_nobody_nothing_is_expected():
	assert (forecast.in_order([]), forecast.width([], 4), forecast.seconds([], 1)) == ([], 1, 0.0)
