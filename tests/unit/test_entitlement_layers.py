"""Plan, add-ons, overrides and kill switches: what they come to at a moment, whatever their order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.entitlements import layers
from buildpro_saas.entitlements.layers import compose, plan_layer, single_plan
from buildpro_saas.entitlements.reason import Reason

NOW = 1_700_000_000
features = st.sampled_from(["rfi", "bim", "photos", "sso", "budget"])
limit_keys = st.sampled_from(["max_users", "max_projects"])
moments = st.one_of(st.none(), st.integers(NOW - 5, NOW + 5))
dates = {"from": moments, "until": moments}
limits = st.dictionaries(
	limit_keys, st.fixed_dictionaries({"value": st.integers(0, 9), "is_hard": st.booleans()})
)
plans = st.fixed_dictionaries(
	{
		"plan": st.sampled_from(["Core", "Growth"]),
		"is_trial": st.booleans(),
		"features": st.lists(features, unique=True),
		"limits": limits,
		**dates,
	}
)
addons = st.fixed_dictionaries(
	{
		"addon": st.sampled_from(["Models", "Users"]),
		"features": st.lists(features, unique=True),
		"limits": st.dictionaries(limit_keys, st.integers(0, 9)),
		**dates,
	}
)
overrides = st.one_of(
	st.fixed_dictionaries({"feature": features, "is_granted": st.booleans(), **dates}),
	st.fixed_dictionaries(
		{"limit": limit_keys, "value": st.integers(0, 9), "is_hard": st.booleans(), **dates}
	),
)
killed = st.fixed_dictionaries({"feature": features, **dates})
everything = st.fixed_dictionaries(
	{
		"plans": st.lists(plans, min_size=1, max_size=3),
		"addons": st.lists(addons, max_size=3),
		"overrides": st.lists(overrides, max_size=4),
		"killed": st.lists(killed, max_size=2),
	}
)


def allowed(given_layers: dict, at: int = NOW) -> set[str]:
	grants = compose(given_layers, at).features
	return {key for key, grant in grants.items() if grant.reason not in (Reason.REVOKED, Reason.KILLED)}


@given(everything, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(given_layers, shuffler: random.Random):
	shuffled = {kind: shuffler.sample(entries, len(entries)) for kind, entries in given_layers.items()}
	assert compose(given_layers, NOW) == compose(shuffled, NOW)


@given(everything, everything)
def test_what_has_ended_has_no_effect(given_layers, others):
	ended = {kind: [{**entry, "until": NOW} for entry in entries] for kind, entries in others.items()}
	both = {kind: given_layers[kind] + ended[kind] for kind in given_layers}
	one, other = compose(given_layers, NOW), compose(both, NOW)
	assert (one.plan, one.features, one.limits) == (other.plan, other.features, other.limits)


@given(everything, everything)
def test_what_has_not_begun_has_no_effect_yet(given_layers, others):
	to_come = {
		kind: [{**entry, "from": NOW + 1, "until": None} for entry in entries]
		for kind, entries in others.items()
	}
	both = {kind: given_layers[kind] + to_come[kind] for kind in given_layers}
	assert compose(given_layers, NOW).features == compose(both, NOW).features
	assert compose(both, NOW).until <= NOW + 1


@given(everything, addons)
def test_an_addon_never_takes_away(given_layers, addon):
	more = {**given_layers, "addons": [*given_layers["addons"], addon]}
	assert allowed(given_layers) <= allowed(more)
	before, after = compose(given_layers, NOW).limits, compose(more, NOW).limits
	assert all(after[key].value >= limit.value for key, limit in before.items())


@given(everything)
def test_between_two_changes_nothing_changes(given_layers):
	grants = compose(given_layers, NOW)
	last = (grants.until or NOW + 10) - 1
	later = compose(given_layers, last)
	assert (grants.features, grants.limits, grants.plan) == (later.features, later.limits, later.plan)


@given(everything)
def test_any_layers_pass_their_own_check(given_layers):
	layers.check(given_layers)


def test_the_plan_names_itself_before_an_addon_does():
	given_layers = single_plan("Growth", ["rfi"]) | {
		"addons": [{"addon": "Models", "features": ["rfi", "bim"], "limits": {}}]
	}
	grants = compose(given_layers, NOW).features
	assert (grants["rfi"].reason, grants["rfi"].source) == (Reason.PLAN, "Growth")
	assert (grants["bim"].reason, grants["bim"].source) == (Reason.ADDON, "Models")


def test_a_kill_switch_has_the_last_word_and_a_revocation_the_one_before():
	given_layers = single_plan("Growth", ["rfi", "bim"]) | {
		"overrides": [
			{"feature": "rfi", "is_granted": False},
			{"feature": "rfi", "is_granted": True},
			{"feature": "bim", "is_granted": True},
		],
		"killed": [{"feature": "bim"}],
	}
	grants = compose(given_layers, NOW).features
	assert (grants["rfi"].reason, grants["bim"].reason) == (Reason.REVOKED, Reason.KILLED)


def test_of_two_that_say_the_same_the_one_that_lasts_longer_counts():
	given_layers = single_plan("Core") | {
		"addons": [
			{"addon": "Models", "features": ["bim"], "limits": {}, "until": NOW + 5},
			{"addon": "Everything", "features": ["bim"], "limits": {}, "until": NOW + 9},
		],
		"killed": [{"feature": "rfi", "until": None}, {"feature": "rfi", "until": NOW + 5}],
	}
	grants = compose(given_layers, NOW).features
	assert (grants["bim"].source, grants["bim"].until) == ("Everything", NOW + 9)
	assert grants["rfi"].until is None


def test_limits_add_up_unless_an_override_says_otherwise():
	given_layers = single_plan("Growth", [], {"max_users": {"value": 50, "is_hard": True}}) | {
		"addons": [
			{"addon": "Ten users", "features": [], "limits": {"max_users": 10}},
			{"addon": "Five users", "features": [], "limits": {"max_users": 5, "max_projects": 5}},
		]
	}
	assert compose(given_layers, NOW).limits["max_users"].value == 65
	# what the plan does not limit is not limited by an increment
	assert "max_projects" not in compose(given_layers, NOW).limits
	lowered = given_layers | {"overrides": [{"limit": "max_users", "value": 3, "is_hard": True}]}
	assert compose(lowered, NOW).limits["max_users"].value == 3


def test_a_trial_and_the_plan_after_it():
	given_layers = {
		"plans": [
			plan_layer("Enterprise", ["bim"], is_trial=True, until=NOW),
			plan_layer("Core", ["photos"], begins=NOW),
		]
	}
	before, after = compose(given_layers, NOW - 1), compose(given_layers, NOW)
	assert (before.plan, before.is_trial, before.plan_until, before.until) == ("Enterprise", True, NOW, NOW)
	assert before.features["bim"].reason is Reason.TRIAL
	assert (after.plan, after.is_trial, after.until) == ("Core", False, None)
