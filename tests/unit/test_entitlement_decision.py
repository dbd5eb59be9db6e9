"""The decision: allowed or not, why, which plan has it, whom to ask."""

import json
from datetime import datetime, timezone

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildpro_saas.entitlements import catalogue, decision, keys, layers, statement
from buildpro_saas.entitlements.decision import decisions_of_token
from buildpro_saas.entitlements.reason import ALLOWING, Reason
from buildpro_saas.entitlements.statement import DAY
from buildpro_saas.entitlements.unknown import UnknownFeatureError
from buildpro_saas.entitlements.wording import SENTENCES

NOW = 1_700_000_000
SITE = "acme.example.com"
KEY = keys.generate()
PUBLIC_KEYS = {KEY["kid"]: KEY["public"]}
DATA = {
	"tenant": "acme",
	"site": SITE,
	"layers": layers.single_plan(
		"Growth", ["rfi", "daily_log"], {"max_users": {"value": 10, "is_hard": True}}
	),
	"contact": "support@example.com",
}
CATALOGUE = {
	"features": {
		"daily_log": {"label": "Daily Log", "plan": "Core"},
		"rfi": {"label": "RFI", "plan": "Growth"},
		"bim": {"label": "BIM Models", "plan": "Enterprise"},
		"sso": {"plan": "Enterprise"},
		"drones": {"label": "Drones", "plan": None},
	},
	"limits": {"max_users": {"label": "Users"}},
}


def token(**changes) -> str:
	return statement.issue(
		KEY,
		DATA | changes,
		valid_days=30,
		grace_days=7,
		catalogue_digest=catalogue.digest(CATALOGUE),
		now=NOW,
	)


def decisions_at(now=NOW, **changes):
	return decisions_of_token(token(**changes), PUBLIC_KEYS, SITE, now, catalogue=CATALOGUE)


def ask(feature, now=NOW, **changes):
	return decisions_at(now, **changes)[feature]


def layered(**kinds) -> dict:
	return {"layers": DATA["layers"] | kinds}


def test_in_plan():
	answer = ask("rfi")
	assert answer and answer.allowed and answer.reason is Reason.PLAN
	assert (answer.plan, answer.required_plan, answer.is_stale) == ("Growth", "Growth", False)
	assert answer.valid_until == datetime.fromtimestamp(NOW + 30 * DAY, timezone.utc)


def test_not_in_plan_names_the_feature_the_plan_that_has_it_and_whom_to_ask():
	answer = ask("bim")
	assert not answer and answer.reason is Reason.NOT_IN_PLAN
	assert (answer.plan, answer.required_plan) == ("Growth", "Enterprise")
	assert answer.message == (
		"BIM Models is not part of your plan Growth. It is available in Enterprise. Please ask support@example.com."
	)


def test_a_feature_that_no_plan_has():
	answer = ask("drones")
	assert answer.required_plan is None
	assert answer.message == (
		"Drones is not part of your plan Growth. No plan has it at present. Please ask support@example.com."
	)


def test_a_feature_without_a_label_goes_by_its_key():
	assert ask("sso").message.startswith("sso is not part of")


def test_grace_allows_and_says_until_when():
	answer = ask("rfi", now=NOW + 33 * DAY)
	assert answer.allowed and answer.reason is Reason.GRACE and answer.is_stale
	assert answer.valid_until == datetime.fromtimestamp(NOW + 37 * DAY, timezone.utc)
	assert "2023-12-21" in answer.message and "support@example.com" in answer.message
	assert ask("bim", now=NOW + 33 * DAY).reason is Reason.NOT_IN_PLAN


def test_expired_denies_everything_and_still_names_plan_and_contact():
	answer = ask("rfi", now=NOW + 40 * DAY)
	assert not answer.allowed and answer.reason is Reason.EXPIRED and answer.is_stale
	assert answer.message == (
		"RFI is not available: your plan Growth expired on 2023-12-14. Please ask support@example.com."
	)
	other = ask("bim", now=NOW + 40 * DAY)
	assert other.reason is Reason.EXPIRED and "available in Enterprise" in other.message


def test_before_its_time():
	assert ask("rfi", now=NOW - DAY).reason is Reason.NOT_YET_VALID


def test_suspended():
	answer = ask("rfi", status="Suspended")
	assert not answer.allowed and answer.reason is Reason.SUSPENDED
	for part in ("RFI", "Growth", "suspended", "support@example.com"):
		assert part in answer.message


@pytest.mark.parametrize(
	("bad_token", "public_keys", "site", "reason"),
	[
		("", PUBLIC_KEYS, SITE, Reason.NO_ENTITLEMENT),
		(None, PUBLIC_KEYS, SITE, Reason.NO_ENTITLEMENT),
		("rubbish", PUBLIC_KEYS, SITE, Reason.BAD_SIGNATURE),
		(token(), {}, SITE, Reason.UNKNOWN_KEY),
		(token(), PUBLIC_KEYS, "other.example.com", Reason.WRONG_SITE),
		(token()[:-6] + "AAAAAA", PUBLIC_KEYS, SITE, Reason.BAD_SIGNATURE),
	],
)
@pytest.mark.parametrize("feature", ["rfi", "anything at all"])
def test_without_a_statement_everything_is_denied_with_the_reason(
	bad_token, public_keys, site, reason, feature
):
	answer = decisions_of_token(bad_token, public_keys, site, NOW)[feature]
	assert not answer.allowed and answer.reason is reason
	assert answer.message.startswith(feature) and "Please ask the operator of this site." in answer.message
	assert (answer.plan, answer.required_plan, answer.valid_until) == (None, None, None)


def test_asking_without_a_statement_keeps_nothing():
	empty = decisions_of_token("", PUBLIC_KEYS, SITE)
	for number in range(100):
		assert not empty[f"feature {number}"]
	assert len(empty) == 0


@pytest.mark.parametrize(
	("asked", "nearest"), [("rfy", "rfi"), ("dailylog", "daily_log"), ("RFI", None), ("zzz", None)]
)
def test_an_unknown_feature_is_an_error_with_the_nearest_name(asked, nearest):
	with pytest.raises(UnknownFeatureError, match=f'no feature "{asked}"') as error:
		ask(asked)
	assert error.value.nearest == nearest
	assert (f'Did you mean "{nearest}"?' in str(error.value)) == bool(nearest)


@pytest.mark.parametrize("offset", [0, 33 * DAY, 40 * DAY])
def test_an_unknown_feature_is_an_error_in_every_standing(offset):
	with pytest.raises(UnknownFeatureError):
		ask("rfy", now=NOW + offset)


@given(
	feature=st.sampled_from(sorted(CATALOGUE["features"])),
	days=st.integers(-5, 60),
)
def test_every_denial_names_feature_and_contact_and_the_plan_where_one_has_it(feature, days):
	answer = ask(feature, now=NOW + days * DAY)
	assert answer.allowed == (answer.reason in ALLOWING)
	if answer.allowed:
		assert feature in DATA["layers"]["plans"][0]["features"]
		return
	assert catalogue.label_of(CATALOGUE, "features", feature) in answer.message
	assert DATA["contact"] in answer.message
	assert answer.required_plan is None or answer.required_plan in answer.message


def test_json_can_hold_every_decision():
	for answer in (ask("rfi"), ask("bim"), decisions_of_token("", PUBLIC_KEYS, SITE, NOW)["rfi"]):
		read = json.loads(json.dumps(answer.as_dict()))
		assert read["allowed"] is answer.allowed and read["reason"] == answer.reason.value
	assert ask("rfi").as_dict()["valid_until"] == "2023-12-14T22:13:20+00:00"


def test_every_reason_has_a_sentence():
	assert set(SENTENCES) == set(Reason)


def test_a_warm_gate_verifies_nothing_and_hands_out_the_same_decision(monkeypatch):
	good = token()
	first = decisions_of_token(good, PUBLIC_KEYS, SITE, NOW, catalogue=CATALOGUE)["rfi"]
	monkeypatch.setattr(jwt, "decode", lambda *args, **kwargs: pytest.fail("verified again"))
	monkeypatch.setattr(decision.Decisions, "_decide", lambda *args: pytest.fail("decided again"))
	assert decisions_of_token(good, PUBLIC_KEYS, SITE, NOW + 5, catalogue=CATALOGUE)["rfi"] is first


def test_a_gate_of_one_standing_does_not_leak_into_the_next():
	good = token()
	assert decisions_of_token(good, PUBLIC_KEYS, SITE, NOW, catalogue=CATALOGUE)["rfi"].allowed
	assert not decisions_of_token(good, PUBLIC_KEYS, SITE, NOW + 40 * DAY, catalogue=CATALOGUE)["rfi"].allowed
	assert decisions_of_token(good, PUBLIC_KEYS, SITE, NOW, catalogue=CATALOGUE)["rfi"].allowed


def test_a_catalogue_that_is_not_the_one_that_came_with_it_does_not_count():
	for other in (None, {}, CATALOGUE | {"limits": {}}):
		answer = decisions_of_token(token(), PUBLIC_KEYS, SITE, NOW, catalogue=other)["rfi"]
		assert not answer and answer.reason is Reason.BAD_SIGNATURE


def test_an_older_statement_than_the_site_has_had_does_not_count():
	answer = decisions_of_token(
		token(), PUBLIC_KEYS, SITE, NOW, catalogue=CATALOGUE, lowest_sequence=NOW + 1
	)["rfi"]
	assert not answer and answer.reason is Reason.REPLAYED
	assert decisions_of_token(token(), PUBLIC_KEYS, SITE, NOW, catalogue=CATALOGUE, lowest_sequence=NOW)[
		"rfi"
	]


def test_an_addon_and_an_override_allow_and_say_so():
	answer = ask("bim", **layered(addons=[{"addon": "Models", "features": ["bim"], "limits": {}}]))
	assert answer.allowed and answer.reason is Reason.ADDON and answer.source == "Models"
	assert "add-on Models" in answer.message
	answer = ask("bim", **layered(overrides=[{"feature": "bim", "is_granted": True, "until": NOW + DAY}]))
	assert answer.allowed and answer.reason is Reason.OVERRIDE
	assert answer.valid_until == datetime.fromtimestamp(NOW + DAY, timezone.utc)


def test_revoked_and_killed_deny_and_say_whom_to_ask():
	for kinds, reason in (
		({"overrides": [{"feature": "rfi", "is_granted": False}]}, Reason.REVOKED),
		({"killed": [{"feature": "rfi"}]}, Reason.KILLED),
	):
		answer = ask("rfi", **layered(**kinds))
		assert not answer and answer.reason is reason and "support@example.com" in answer.message
		assert ask("rfi", now=NOW + 33 * DAY, **layered(**kinds)).reason is reason


def test_shadow_allows_what_would_be_denied_and_nothing_else():
	shadow = layered(shadow=["bim", "rfi"])
	assert ask("bim", **shadow).allowed and ask("bim", **shadow).reason is Reason.SHADOW
	assert ask("rfi", **shadow).reason is Reason.PLAN
	assert ask("sso", **shadow).reason is Reason.NOT_IN_PLAN
	assert not ask("bim", now=NOW + 40 * DAY, **shadow)


def test_who_has_an_earlier_version_of_the_plan_is_told_so():
	known = CATALOGUE | {"features": CATALOGUE["features"] | {"bim": {"label": "BIM", "plan": "Growth"}}}
	unsigned = statement.unsigned(DATA, now=NOW, valid_days=30)
	answer = decision.decisions_of_statement(unsigned, NOW, known)["bim"]
	assert not answer and "current version of Growth" in answer.message


@pytest.mark.parametrize(
	"kinds, reason",
	[
		({"overrides": [{"feature": "bim", "is_granted": False}]}, Reason.REVOKED),
		({"killed": [{"feature": "bim"}]}, Reason.KILLED),
	],
)
def test_shadow_opens_nothing_that_staff_have_shut(kinds, reason):
	answer = ask("bim", **layered(shadow=["bim"], **kinds))
	assert not answer and answer.reason is reason


def test_a_trial_falls_to_its_plan_by_itself_at_its_date():
	plans = [
		layers.plan_layer("Enterprise", ["rfi", "bim"], is_trial=True, until=NOW + DAY),
		layers.plan_layer("Core", ["daily_log"], begins=NOW + DAY),
	]
	on_trial = ask("bim", layers={"plans": plans})
	assert on_trial.reason is Reason.TRIAL and on_trial.plan == "Enterprise"
	assert on_trial.valid_until == datetime.fromtimestamp(NOW + DAY, timezone.utc)
	after = ask("bim", now=NOW + DAY, layers={"plans": plans})
	assert after.reason is Reason.NOT_IN_PLAN and after.plan == "Core"
	assert decisions_at(layers={"plans": plans}).until == NOW + DAY
	assert decisions_at(NOW + DAY, layers={"plans": plans}).until == NOW + 30 * DAY + statement.LEEWAY


@pytest.mark.parametrize(
	("used", "requested", "allowed", "reason"),
	[
		(9, 1, True, Reason.PLAN),
		(10, 1, False, Reason.LIMIT_REACHED),
		(9, 2, False, Reason.LIMIT_REACHED),
		(12, 0, True, Reason.PLAN),
		(12, 1, False, Reason.LIMIT_REACHED),
	],
)
def test_a_hard_limit_refuses_growth_only(used, requested, allowed, reason):
	answer = decisions_at().limit("max_users", used, requested)
	assert (answer.allowed, answer.reason) == (allowed, reason)
	assert (answer.limit, answer.used, answer.requested) == (10, used, requested)
	assert "Users" in answer.message and (allowed or "support@example.com" in answer.message)


def limited(value: int, **kinds) -> dict:
	return {
		"layers": layers.single_plan("Growth", [], {"max_users": {"value": value, "is_hard": True}}) | kinds
	}


@pytest.mark.parametrize(
	("changes", "used", "unit", "told"),
	[
		(limited(10), 10, "", "Users: 10 of the 10 of your plan Growth are in use, 1 more cannot be added."),
		(
			limited(1),
			0.97,
			"GB",
			"Users: 0.97 GB of the 1 GB of your plan Growth are in use, 1 GB more cannot be added.",
		),
		(
			limited(10),
			12,
			"",
			"Users: 12 are in use, which is more than the 10 of your plan Growth; nothing is taken away, and nothing can be added.",
		),
		(limited(0), 0, "", "Users: your plan Growth allows none. Please ask"),
		(
			limited(5, overrides=[{"limit": "max_users", "value": 10, "is_hard": True}]),
			12,
			"",
			"Users: 12 are in use, which is more than the 10 that were agreed with you beside your plan Growth;"
			" nothing is taken away, and nothing can be added.",
		),
		(
			limited(5, overrides=[{"limit": "max_users", "value": 0, "is_hard": True}]),
			3,
			"",
			"Users: what was agreed with you beside your plan Growth allows none; the 3 that are in use stay.",
		),
		(
			limited(5, addons=[{"addon": "Five users", "features": [], "limits": {"max_users": 5}}]),
			10,
			"",
			"Users: 10 of the 10 of your plan Growth with the add-on Five users are in use, 1 more cannot be added.",
		),
	],
)
def test_a_limits_sentence_has_its_unit_and_what_set_it(changes, used, unit, told):
	answer = decisions_at(**changes).limit("max_users", used, unit=unit)
	assert answer.reason is Reason.LIMIT_REACHED
	assert answer.message.startswith(told), answer.message


def test_a_limit_with_room_has_its_unit_once():
	assert (
		decisions_at(**limited(10)).limit("max_users", 2.5, unit="GB").message
		== "Users: 2.5 of 10 GB in use."
	)


def test_a_soft_limit_says_what_set_it():
	override = {"limit": "max_users", "value": 1, "is_hard": False}
	told = decisions_at(**limited(5, overrides=[override])).limit("max_users", 1, unit="GB").message
	assert (
		told
		== "Users: 1 GB in use and 1 GB more, which is above the 1 GB that were agreed with you beside your plan Growth."
	)


def test_a_soft_limit_admits_and_says_so():
	soft = {"layers": layers.single_plan("Growth", [], {"max_users": {"value": 10, "is_hard": False}})}
	answer = decisions_at(**soft).limit("max_users", 10)
	assert answer.allowed and answer.reason is Reason.OVER_SOFT_LIMIT


def test_what_is_not_limited_is_allowed_and_what_is_not_in_force_is_not():
	assert decisions_at().limit("max_projects", 10**9).limit is None
	assert decisions_at().limit("max_projects", 10**9).allowed
	assert decisions_at(NOW + 40 * DAY).limit("max_users", 1).reason is Reason.EXPIRED
	assert (
		decisions_of_token("", PUBLIC_KEYS, SITE, NOW).limit("max_users", 1).reason is Reason.NO_ENTITLEMENT
	)


@pytest.mark.parametrize(
	("feature", "now", "offered", "named"),
	[
		("bim", NOW, ["Core", "Growth", "Enterprise"], "Enterprise"),
		("bim", NOW, ["Core", "Growth"], None),
		("rfi", NOW, ["Core"], "Growth"),  # it has it: nothing is refused
		("rfi", NOW + 60 * DAY, ["Core", "Growth"], "Growth"),
		("rfi", NOW + 60 * DAY, ["Core"], None),
	],
)
def test_a_refusal_names_no_plan_that_is_not_sold(feature, now, offered, named):
	held = {**CATALOGUE, "plans": [{"plan": plan, "limits": {}} for plan in offered]}
	answer = decision.decisions_of_statement(statement.unsigned(DATA, now=NOW, valid_days=30), now, held)[
		feature
	]
	assert answer.required_plan == named
	if named is None and not answer.allowed:
		assert "available in" not in answer.message, answer.message
