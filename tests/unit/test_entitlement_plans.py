"""What a plan gives, with the plans that it includes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.entitlements.plans import PlanLoopError, UnknownPlanError, chain, resolve

CORE = {
	"includes": None,
	"features": ["daily_log"],
	"limits": {"max_users": {"value": 5, "is_hard": True}, "max_projects": {"value": 3, "is_hard": True}},
	"apps": ["erpnext"],
}
GROWTH = {
	"includes": "Core",
	"features": ["rfi", "submittal"],
	"limits": {"max_users": {"value": 25, "is_hard": True}},
	"apps": ["crm", "erpnext", "hrms"],
}
ENTERPRISE = {"includes": "Growth", "features": ["bim"], "limits": {}, "apps": []}
PLANS = {"Core": CORE, "Growth": GROWTH, "Enterprise": ENTERPRISE}

NAMES = [f"p{number}" for number in range(6)]
KEYS = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def catalogues(draw) -> dict[str, dict]:
	"""Plans each of which includes an earlier one or none: no loops."""
	plans = {}
	for number, name in enumerate(NAMES[: draw(st.integers(1, len(NAMES)))]):
		plans[name] = {
			"includes": draw(st.sampled_from([None, *NAMES[:number]])),
			"features": draw(st.lists(KEYS)),
			"limits": draw(
				st.dictionaries(
					KEYS, st.fixed_dictionaries({"value": st.integers(0, 5), "is_hard": st.booleans()})
				)
			),
			"apps": draw(st.lists(KEYS)),
		}
	return plans


def test_the_shipped_shape():
	assert resolve(PLANS, "Growth") == {
		"plan": "Growth",
		"features": ["daily_log", "rfi", "submittal"],
		"limits": {
			"max_users": {"value": 25, "is_hard": True},
			"max_projects": {"value": 3, "is_hard": True},
		},
		"apps": ["erpnext", "crm", "hrms"],
	}
	assert resolve(PLANS, "Enterprise")["features"] == ["bim", "daily_log", "rfi", "submittal"]
	assert resolve(PLANS, "Core")["apps"] == ["erpnext"]


def test_a_lower_limit_of_its_own_does_not_take_away():
	plans = PLANS | {"Growth": GROWTH | {"limits": {"max_users": {"value": 1, "is_hard": True}}}}
	assert resolve(plans, "Growth")["limits"]["max_users"] == {"value": 5, "is_hard": True}


def test_of_two_equal_limits_the_soft_one_holds():
	plans = PLANS | {"Growth": GROWTH | {"limits": {"max_users": {"value": 5, "is_hard": False}}}}
	assert resolve(plans, "Growth")["limits"]["max_users"] == {"value": 5, "is_hard": False}


def test_a_bare_plan():
	assert resolve({"Bare": {}}, "Bare") == {"plan": "Bare", "features": [], "limits": {}, "apps": []}


@pytest.mark.parametrize(
	("includes", "loop"),
	[
		({"A": "A"}, ["A", "A"]),
		({"A": "B", "B": "A"}, ["A", "B", "A"]),
		({"A": "B", "B": "C", "C": "B"}, ["B", "C", "B"]),
	],
)
def test_loops_are_refused_and_named(includes, loop):
	plans = {name: {"includes": included} for name, included in includes.items()}
	with pytest.raises(PlanLoopError, match=" → ".join(loop)) as error:
		resolve(plans, "A")
	assert error.value.loop == loop


def test_plans_that_do_not_exist_are_named():
	with pytest.raises(UnknownPlanError, match='no plan "Gold"'):
		resolve(PLANS, "Gold")
	with pytest.raises(UnknownPlanError, match='no plan "Gone", which "A" includes'):
		resolve({"A": {"includes": "Gone"}}, "A")


@given(plans=catalogues(), data=st.data())
def test_the_order_of_plans_features_and_limits_does_not_matter(plans, data):
	shuffled = {
		name: plans[name]
		| {
			"features": data.draw(st.permutations(plans[name]["features"])),
			"limits": dict(data.draw(st.permutations(list(plans[name]["limits"].items())))),
		}
		for name in data.draw(st.permutations(list(plans)))
	}
	for name in plans:
		assert resolve(shuffled, name) == resolve(plans, name)


@given(plans=catalogues())
def test_including_a_plan_never_takes_anything_away(plans):
	for name, plan in plans.items():
		whole = resolve(plans, name)
		for part in filter(None, [plan["includes"], name]):
			alone = resolve(plans, part) if part != name else resolve({name: plan | {"includes": None}}, name)
			assert set(alone["features"]) <= set(whole["features"])
			assert set(alone["apps"]) <= set(whole["apps"])
			for key, limit in alone["limits"].items():
				assert whole["limits"][key]["value"] >= limit["value"]


@given(plans=catalogues())
def test_the_highest_limit_of_the_chain_wins(plans):
	for name in plans:
		whole = resolve(plans, name)["limits"]
		for key in whole:
			values = [
				plans[each]["limits"][key]["value"]
				for each in chain(plans, name)
				if key in plans[each]["limits"]
			]
			assert whole[key]["value"] == max(values)


@given(plans=catalogues())
def test_apps_of_included_plans_are_installed_first_and_each_once(plans):
	for name, plan in plans.items():
		apps = resolve(plans, name)["apps"]
		assert len(apps) == len(set(apps))
		if plan["includes"]:
			included = resolve(plans, plan["includes"])["apps"]
			assert apps[: len(included)] == included


@given(includes=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES), min_size=1))
def test_resolving_always_ends(includes):
	plans = {name: {"includes": includes.get(name)} for name in NAMES}
	for name in NAMES:
		try:
			found = chain(plans, name)
		except PlanLoopError as error:
			assert error.loop[0] == error.loop[-1]
		else:
			assert found[0] == name and len(found) == len(set(found))
