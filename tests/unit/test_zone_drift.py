"""How a zone differs from what the records want there, and what of it may be mended: plain data in and out."""

import pytest

from buildpro_saas.domains import record_marks, zone_drift
from buildpro_saas.domains.record_marks import Mark, State
from buildpro_saas.domains.zone_drift import Wanted

ZONE, OURS, OTHERS = "example.com", "admin.example.com/Bench 1", "other.example.net/Bench 1"
NAME, WILDCARD = f"acme.{ZONE}", f"*.{ZONE}"
HERE = {"A": ["192.0.2.1"]}
EACH = Wanted(led={NAME: HERE}, domains={NAME: "domain"})
BY_WILDCARD = Wanted(led={WILDCARD: HERE}, domains={WILDCARD: "domain"}, by_wildcard=frozenset({NAME}))


def at(name: str, marked: dict | None = None, owner: str = OURS, **there) -> dict[str, State]:
	"""{name: what is there}; marked: kind → values with a mark."""
	marks = [Mark(owner, name, kind, value) for kind, values in (marked or {}).items() for value in values]
	return {name: State(name, there, marks)}


RIGHT = at(WILDCARD, HERE, **HERE)


def found(states: dict[str, State], want: Wanted) -> list[tuple]:
	told = zone_drift.compared(states, want, ZONE, OURS)
	return [(each.key, each.name, each.value, each.is_safe) for each in told]


@pytest.mark.parametrize(
	("states", "differences"),
	[
		(at(NAME, HERE, **HERE), []),
		(at(NAME, **HERE), []),  # somebody has set the very same by hand
		({}, [("missing", NAME, "192.0.2.1", True)]),
		(at(NAME, HERE), [("missing", NAME, "192.0.2.1", True)]),
		(at(NAME, HERE, A=["198.51.100.9"]), [("changed", NAME, "192.0.2.1", False)]),
		(
			at(NAME, A=["198.51.100.9"]),
			[("missing", NAME, "192.0.2.1", False), ("foreign", NAME, "198.51.100.9", False)],
		),
		(
			at(NAME, HERE, **HERE, AAAA=["2001:db8::9"]),
			[("foreign", NAME, "2001:db8::9", False)],
		),
		# the bench has another address since
		(
			at(NAME, {"A": ["192.0.2.7"]}, A=["192.0.2.7"]),
			[("missing", NAME, "192.0.2.1", True), ("left over", NAME, "192.0.2.7", True)],
		),
		(
			at(NAME, {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]}, A=["192.0.2.1"], AAAA=["2001:db8::1"]),
			[("left over", NAME, "2001:db8::1", True)],
		),
		(
			at(NAME, HERE, owner=OTHERS, A=["198.51.100.9"]),
			[("missing", NAME, "192.0.2.1", False), ("foreign", NAME, "198.51.100.9", False)],
		),
	],
)
def test_a_name_with_a_record_of_its_own(states, differences):
	assert found(states, EACH) == differences


@pytest.mark.parametrize(
	("states", "differences"),
	[
		(RIGHT, []),
		({}, [("missing", WILDCARD, "192.0.2.1", True)]),
		(RIGHT | at(NAME, **HERE), []),
		(RIGHT | at(NAME, A=["198.51.100.9"]), [("shadowed", NAME, "198.51.100.9", False)]),
		# a record of before, when each name had one: it goes once the wildcard's is right
		(RIGHT | at(NAME, HERE, **HERE), [("left over", NAME, "192.0.2.1", True)]),
		(
			at(NAME, HERE, **HERE),
			[("missing", WILDCARD, "192.0.2.1", True), ("left over", NAME, "192.0.2.1", False)],
		),
		# a wildcard stands for no name that is there in any way
		(RIGHT | at(NAME, TXT=["v=spf1 -all"]), [("shadowed", NAME, "", False)]),
		(RIGHT | at(f"deep.below.{NAME}", TXT=["x"]), [("shadowed", NAME, "", False)]),
		(RIGHT | at(f"other.{ZONE}", TXT=["x"]), []),
	],
)
def test_a_name_that_the_wildcard_leads_here(states, differences):
	assert found(states, BY_WILDCARD) == differences


def test_what_nothing_needs_goes_only_where_the_records_know_why_it_was_made():
	"""Those of an admin site that was restored from an older backup do not know its newest tenants: their records are spared."""
	name = f"left.{ZONE}"
	left = at(name, HERE, **HERE)
	assert found(left, Wanted(let_go=frozenset({name}))) == [("left over", name, "192.0.2.1", True)]
	assert found(left, Wanted()) == [("unknown", name, "192.0.2.1", False)]
	assert found(left, Wanted(resting=frozenset({name}))) == []
	assert found(RIGHT, Wanted()) == [("spare wildcard", WILDCARD, "192.0.2.1", False)]
	# what others have in the zone is nothing of ours, whatever the records say
	for others in (at(name, A=["198.51.100.1"]), at(name, HERE, owner=OTHERS, **HERE)):
		assert found(others, Wanted(let_go=frozenset({name}))) == []


def test_only_names_of_the_zone_are_looked_for_in_it():
	assert zone_drift.compared({}, EACH, "example.net", OURS) == []


def test_a_mark_of_which_the_record_is_gone_is_told_as_that():
	(told,) = record_marks.differences(at(NAME, HERE)[NAME], {}, OURS)
	assert told.key == "left over" and "our A mark of a record 192.0.2.1" in told.sentence
