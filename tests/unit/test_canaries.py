"""Which tenants go first: few, and together like the whole fleet."""

from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.fleet.canaries import MIDDLING, SMALL, Shape, choose, not_covered

CORE, ERP = frozenset({"demo"}), frozenset({"demo", "erpnext"})
FLEET = [
	Shape("core-a", CORE, 10, 0),
	Shape("core-b", CORE, 5, 0),
	Shape("erp", ERP, SMALL, 0),
	Shape("erp-custom", ERP, SMALL + 1, 300),
	Shape("giant", ERP, MIDDLING + 1, 3),
]


def test_one_of_each_kind_the_smallest_first():
	assert choose(FLEET) == ["core-b", "erp", "erp-custom", "giant"]
	assert not_covered(FLEET, choose(FLEET)) == 0


def test_with_fewer_those_go_that_stand_for_the_most():
	assert choose(FLEET, most=1) == ["core-b"]  # the kind that two are of
	assert set(choose(FLEET, most=3)) == {"core-b", "giant", "erp-custom"}
	assert not_covered(FLEET, choose(FLEET, most=3)) == 1
	assert choose([]) == []


shapes = st.lists(
	st.builds(
		Shape,
		tenant=st.uuids().map(str),
		apps=st.sampled_from([CORE, ERP, frozenset()]),
		size=st.sampled_from([1, SMALL, SMALL * 2, MIDDLING * 3]),
		customisations=st.sampled_from([0, 5, 500]),
	),
	unique_by=lambda shape: shape.tenant,
	max_size=40,
)


@given(shapes, st.integers(1, 12))
def test_no_more_than_allowed_and_each_of_a_kind_of_its_own(fleet, most):
	chosen = choose(fleet, most)
	kinds = {shape.tenant: shape.kind for shape in fleet}
	assert len(chosen) == len({kinds[name] for name in chosen}) == min(most, len(set(kinds.values())))
	if len(set(kinds.values())) <= most:
		assert not_covered(fleet, chosen) == 0
	# every set of apps, size and degree is stood for as soon as that is possible
	if most >= 9:
		all_traits = {trait for shape in fleet for trait in shape.traits if trait[0] != "all"}
		covered = {trait for shape in fleet if shape.tenant in chosen for trait in shape.traits}
		assert all_traits <= covered
