"""What a drill accepts: what was loaded was compared with the backup's own manifest, and is what the record says, too."""

import pytest

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Loaded, Manifest
from buildpro_saas.fleet.steps.drill import check

HELD = Manifest({"tabNote": [2, 77], "tabUser": [3, 5]}, "schema", 4096)


def loaded(is_compared: bool = True) -> Loaded:
	return Loaded(HELD, {"private": 1, "public": 0}, is_compared)


def test_the_same_is_good():
	# a size on the disk is another one after loading
	check(loaded(), Manifest({"tabNote": (2, 77), "tabUser": (3, 5)}, "schema", 1))


def test_what_was_not_compared_is_not_good():
	with pytest.raises(AgentError, match="nothing to compare"):
		check(loaded(is_compared=False), HELD)


@pytest.mark.parametrize(
	("tables", "schema", "said"),
	[
		({"tabNote": [3, 77], "tabUser": [3, 5]}, "schema", "tabNote differ"),
		({"tabNote": [2, 78], "tabUser": [3, 6]}, "schema", "tabNote, tabUser differ"),
		({"tabNote": [2, 77]}, "schema", "tabUser differ"),
		({**HELD.tables, "tabGone": [0, 0]}, "schema", "tabGone differ"),
		(HELD.tables, "another", "columns or indexes differ"),
	],
)
def test_what_the_record_says_otherwise_is_named(tables, schema, said):
	with pytest.raises(AgentError, match=said):
		check(loaded(), Manifest(tables, schema, 4096))
