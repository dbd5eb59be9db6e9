"""What was agreed with a tenant, as periods and layers: one plan at each moment, every date in the layers."""

import itertools
import random
import string

from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.entitlements import keys, layers, statement, terms
from buildpro_saas.entitlements.terms import Period, Terms

NOW = 1_700_000_000
MOMENTS = range(NOW - 12, NOW + 12)
names = st.sampled_from(["Core", "Growth", "Enterprise"])
dates = st.integers(NOW - 10, NOW + 10)
pairs = st.one_of(st.tuples(st.none(), st.none()), st.tuples(names, dates))
agreed = st.builds(lambda plan, trial, change: Terms(plan, trial[1], trial[0], *change), names, pairs, pairs)
RESOLVED = {
	"Core": {"features": ["a"], "limits": {"max_users": {"value": 5, "is_hard": True}}},
	"Growth": {"features": ["a", "b"], "limits": {"max_users": {"value": 25, "is_hard": True}}},
	"Enterprise": {"features": ["a", "b", "c"], "limits": {}},
}


def in_force(given_terms: Terms, at: int) -> tuple[str, bool]:
	(period,) = [
		period
		for period in terms.periods(given_terms)
		if layers.is_active({"from": period.begins, "until": period.until}, at)
	]
	return period.plan, period.is_trial


@given(agreed)
def test_at_each_moment_exactly_one_plan_is_in_force(given_terms):
	assert all(in_force(given_terms, at) for at in MOMENTS)


@given(agreed)
def test_the_layers_say_at_each_moment_what_the_periods_say(given_terms):
	composed = {"plans": terms.plan_layers(given_terms, RESOLVED)}
	layers.check(composed)
	for at in MOMENTS:
		grants = layers.compose(composed, at)
		assert (grants.plan, grants.is_trial) == in_force(given_terms, at)
		assert set(grants.features) == set(RESOLVED[grants.plan]["features"])


@given(agreed)
def test_the_stays_are_the_periods_and_no_two_in_succession_have_one_plan(given_terms):
	stays = terms.stays(given_terms)
	assert [period for stay in stays for period in stay] == terms.periods(given_terms)
	plans = [{period.plan for period in stay} for stay in stays]
	assert all(len(each) == 1 for each in plans)
	assert all(one != next_one for one, next_one in itertools.pairwise(plans))


@given(agreed, dates)
def test_a_kept_version_holds_until_another_plan_comes(given_terms, at):
	kept = {"features": ["old"], "limits": {}}
	composed = {"plans": terms.plan_layers(given_terms, RESOLVED, kept)}
	first, *others = terms.stays(given_terms)
	is_first = not others or at < others[0][0].begins
	grants = layers.compose(composed, at)
	assert set(grants.features) == ({"old"} if is_first else set(RESOLVED[grants.plan]["features"]))
	assert grants.plan == first[0].plan or not is_first


@given(agreed, dates)
def test_settling_changes_nothing_from_then_on(given_terms, at):
	settled = terms.settled(given_terms, at)
	assert [in_force(settled, later) for later in MOMENTS if later >= at] == [
		in_force(given_terms, later) for later in MOMENTS if later >= at
	]
	assert terms.settled(settled, at) == settled
	assert (settled.plan, bool(settled.after_trial)) == in_force(settled, at)


@given(agreed)
def test_the_next_plan_has_the_last_word(given_terms):
	if given_terms.next_plan:
		assert all(
			in_force(given_terms, at) == (given_terms.next_plan, False)
			for at in MOMENTS
			if at >= given_terms.next_from
		)


def test_a_trial_then_its_plan_then_the_next():
	agreed_terms = Terms("Enterprise", NOW, "Core", "Growth", NOW + 5)
	assert terms.periods(agreed_terms) == [
		Period("Enterprise", True, None, NOW),
		Period("Core", False, NOW, NOW + 5),
		Period("Growth", False, NOW + 5, None),
	]
	assert terms.settled(agreed_terms, NOW) == Terms("Core", next_plan="Growth", next_from=NOW + 5)


def test_an_upgrade_within_the_trial_ends_it():
	agreed_terms = Terms("Growth", NOW + 9, "Core", "Enterprise", NOW)
	assert terms.periods(agreed_terms) == [
		Period("Growth", True, None, NOW),
		Period("Enterprise", False, NOW, None),
	]
	assert terms.settled(agreed_terms, NOW) == Terms("Enterprise")


def test_half_a_pair_does_not_count():
	assert terms.periods(Terms("Core", trial_until=NOW)) == [Period("Core", False, None, None)]
	assert terms.periods(Terms("Core", next_plan="Growth")) == [Period("Core", False, None, None)]


@given(st.dictionaries(st.sampled_from(["max_users", "max_projects"]), st.integers(1, 99)), st.integers(1, 9))
def test_an_addon_counts_as_often_as_it_is_sold(increments, quantity):
	layer = terms.addon_layer("Users", ["b", "a"], increments, quantity, until=NOW)
	assert layer == {
		"addon": "Users",
		"features": ["a", "b"],
		"limits": {key: value * quantity for key, value in increments.items()},
		"from": None,
		"until": NOW,
	}


@given(st.lists(st.one_of(st.none(), dates)), dates)
def test_what_has_ended_is_left_out_and_nothing_else(ends, at):
	left = terms.without_ended([{"until": end} for end in ends], at)
	assert [entry["until"] for entry in left] == [end for end in ends if end is None or end > at]


def test_a_statement_with_500_features_and_every_date_is_within_8_kb():
	chance = random.Random(5)
	words = ["".join(chance.choices(string.ascii_lowercase, k=chance.randint(4, 9))) for _ in range(120)]
	features = sorted({"_".join(chance.sample(words, 2)) for _ in range(560)})[:500]
	assert len(features) == 500
	limits = {f"max_{word}": {"value": chance.randint(1, 9999), "is_hard": True} for word in words[:50]}
	resolved = {
		name: {"features": features[:count], "limits": limits}
		for name, count in (("Core", 200), ("Growth", 350), ("Enterprise", 500))
	}
	agreed_terms = Terms("Enterprise", NOW + 5, "Core", "Growth", NOW + 9)
	override = {"feature": features[7], "is_granted": False, "from": None, "until": NOW}
	data = {
		"tenant": "acme",
		"site": "acme.example.com",
		"layers": {
			"plans": terms.plan_layers(agreed_terms, resolved),
			"addons": [
				terms.addon_layer(f"Add-on {n}", features[n : n + 2], {"max_users": n}) for n in range(10)
			],
			"overrides": [override] * 10,
			"killed": [{"feature": features[9], "from": NOW, "until": None}],
			"shadow": features[20:25],
		},
	}
	token = statement.issue(keys.generate(), data, valid_days=30, grace_days=7, catalogue_digest="0" * 64)
	assert len(token) <= 8 * 1024
