"""Which moments can be recovered, and what somebody means who types one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.fleet.moments import Known, Life, parsed, spans, told

BERLIN = "Europe/Berlin"


def known(*backups) -> list[Known]:
	return [Known(f"b{at}", database, at, has_log) for at, database, has_log in backups]


def of(found) -> list[tuple]:
	return [(span.first, span.last, [each.name for each in span.backups]) for span in found]


def test_from_the_first_backup_in_the_log_until_now():
	has = known((10, "a", False), (20.2, "a", True), (30, "a", True))
	(span,) = spans(has, [Life("a")], now=99.7)
	assert (span.first, span.last) == (21, 99)
	assert [span.base_of(at) and span.base_of(at).name for at in (20, 21, 29, 30, 99, 100)] == [
		*(None, "b20.2", "b20.2", "b30", "b30", None)
	]


def test_a_swap_ends_what_the_database_before_says_of_the_site():
	has = known((10, "a", True), (30, "b", True))
	assert of(spans(has, [Life("a", 20), Life("b")], 99)) == [(10, 20, ["b10"]), (30, 99, ["b30"])]
	# swapped, and no backup since
	assert of(spans(has[:1], [Life("a", 20), Life("b")], 99)) == [(10, 20, ["b10"])]
	# and back: what happened meanwhile to the first one is nothing of the site
	assert of(spans(has[:1], [Life("a", 20), Life("b", 30), Life("a")], 99)) == [(10, 20, ["b10"])]


def test_a_backup_without_its_place_in_the_log_shows_that_none_was_written():
	has = known((10, "a", True), (20, "a", True), (30, "a", False), (40, "a", True))
	assert of(spans(has, [Life("a")], 99)) == [(10, 20, ["b10", "b20"]), (40, 99, ["b40"])]


def test_no_backup_no_moment():
	assert spans([], [Life("a")], 99) == []
	assert spans(known((98.5, "a", True)), [Life("a")], 98.9) == []  # its first whole second is still to come


@given(
	st.lists(st.tuples(st.integers(0, 100), st.sampled_from("ab"), st.booleans()), max_size=8),
	st.lists(st.integers(0, 100), max_size=4),
)
def test_each_moment_begins_with_a_backup_of_the_database_of_then(backups, swaps):
	has = known(*sorted(backups))
	ends = sorted(swaps)
	lives = [Life("ab"[at % 2], end) for at, end in enumerate(ends)] + [Life("ab"[len(ends) % 2])]
	for span in spans(has, lives, 100):
		for moment in range(span.first, span.last + 1):
			base = span.base_of(moment)
			assert base.at <= moment and base.has_log
			assert not any(base.at < end < moment for end in ends), "a swap lies between"
			# none that is nearer was passed over
			assert not any(
				base.at < each.at <= moment and each.has_log and each.database == base.database
				for each in has
			)


def test_a_moment_is_in_this_site_s_zone_unless_it_says_another():
	assert parsed("2027-01-31 14:05", BERLIN) == parsed("2027-01-31T13:05:00Z", BERLIN) == 1801400700
	assert parsed(" 2027-01-31 14:05:00 +01:00", "Asia/Tokyo") == 1801400700
	assert told(1801400700, BERLIN) == "2027-01-31 14:05:00 Europe/Berlin (13:05:00 UTC)"


@pytest.mark.parametrize(
	("text", "said"),
	[
		("yesterday", "is no moment: write it like 2027-01-31 14:05"),
		("2027-02-31 14:05", "There is no 2027-02-31 14:05"),
		("2027-01-31", "is no moment"),
		("2027-03-28 02:30", "the clock leaps over it"),
		(
			"2027-10-31 02:30",
			r"comes twice in Europe/Berlin: say which one, 2027-10-31 02:30\+02:00 or .*\+01:00",
		),
	],
)
def test_what_is_no_moment_is_told(text, said):
	with pytest.raises(ValueError, match=said):
		parsed(text, BERLIN)


def test_the_sentence_about_an_hour_that_comes_twice_can_be_followed():
	assert parsed("2027-10-31 02:30+01:00", BERLIN) - parsed("2027-10-31 02:30+02:00", BERLIN) == 3600
