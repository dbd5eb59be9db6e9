"""How an answer comes about, told layer by layer, agrees with the answer."""

import json
import time

import pytest

from buildpro_saas.entitlements import catalogue, explain, keys, layers, statement
from buildpro_saas.entitlements.decision import decisions_of_token
from buildpro_saas.entitlements.unknown import UnknownFeatureError

DAY = 24 * 60 * 60
NOW = 1_900_000_000
SITE = "acme.example"
KEY = keys.generate()
PUBLIC = {KEY["kid"]: KEY["public"]}
CATALOGUE = {
	"features": {
		"rfi": {"label": "RFI", "plan": "Growth"},
		"bim": {"label": "BIM", "plan": "Enterprise"},
		"photos": {"label": "Photos", "plan": "Core"},
	},
	"limits": {"max_users": {"label": "Users"}, "max_projects": {"label": "Projects"}},
}
LAYERS = {
	"plans": [
		layers.plan_layer(
			"Growth",
			["rfi", "photos"],
			{"max_users": {"value": 25, "is_hard": True}},
			is_trial=True,
			until=NOW + 9 * DAY,
		),
		layers.plan_layer(
			"Core", ["photos"], {"max_users": {"value": 5, "is_hard": True}}, begins=NOW + 9 * DAY
		),
	],
	"addons": [
		{
			"addon": "BIM viewer",
			"features": ["bim"],
			"limits": {"max_users": 10},
			"from": NOW + 2 * DAY,
			"until": None,
		}
	],
	"killed": [{"feature": "photos", "from": None, "until": NOW + DAY}],
}


def explained(key, at=NOW, site=SITE, lowest_sequence=0, known=CATALOGUE, **data):
	token = statement.issue(
		KEY,
		{"tenant": "acme", "site": SITE, "layers": LAYERS} | data,
		valid_days=30,
		grace_days=7,
		sequence=7,
		catalogue_digest=catalogue.digest(CATALOGUE),
		now=NOW,
	)
	arguments = {"catalogue": known, "lowest_sequence": lowest_sequence}
	found = explain.explain(key, token, PUBLIC, site, at=at, **arguments)
	return found, decisions_of_token(token, PUBLIC, site, at, **arguments)


def layers_of(found):
	return [(line.layer, line.counts) for line in found.lines]


@pytest.mark.parametrize("days", [0, 1.5, 3, 10, 33, 40])
@pytest.mark.parametrize("key", ["rfi", "bim", "photos"])
def test_the_answer_is_the_gates_own(key, days):
	found, made = explained(key, NOW + days * DAY)
	assert found.answer == made[key].as_dict()
	assert made[key].message in found.lines[-1].text
	assert json.loads(json.dumps(found.as_dict()))["answer"] == found.answer


def test_every_layer_that_names_it_is_told_and_what_has_no_effect_now_is_marked():
	found, _made = explained("bim")
	assert ("add-on", False) in layers_of(found)
	assert "not yet" in next(line.text for line in found.lines if line.layer == "add-on")
	later, _made = explained("bim", NOW + 3 * DAY)
	assert ("add-on", True) in layers_of(later)
	assert ("kill switch", True) in layers_of(explained("photos")[0])
	assert not any(line.layer == "kill switch" for line in found.lines)


def test_what_changes_when():
	found, _made = explained("rfi")
	moments = [at for at, _text in found.changes]
	assert moments[0] == NOW + 9 * DAY and "NOT_IN_PLAN" in found.changes[0][1]
	photos = dict(explained("photos")[0].changes)
	assert photos[NOW + DAY].startswith("yes (TRIAL)")
	assert any("GRACE" in text for text in photos.values()) and "EXPIRED" in list(photos.values())[-1]


def test_a_limit_tells_what_it_is_made_of():
	found, made = explained("max_users", NOW + 3 * DAY)
	assert found.kind == "limits" and found.answer["limit"] == 35 == made.limits["max_users"].value
	told = " ".join(line.text for line in found.lines)
	assert "25, hard" in told and "adds 10" in told
	assert "no limit" in explained("max_projects")[0].lines[-1].text
	expired = explained("max_users", NOW + 60 * DAY)[0]
	assert expired.answer["reason"] == "EXPIRED" and "nothing may be added" in expired.lines[-1].text


def test_why_a_statement_does_not_count():
	for changes, reason, word in (
		({"site": "other.example"}, "WRONG_SITE", "not made for"),
		({"lowest_sequence": 8}, "REPLAYED", "has had 8"),
		({"known": {"features": {}, "limits": {"x": {}}}}, "BAD_SIGNATURE", "catalogue"),
	):
		found, made = explained("rfi", **changes)
		assert found.answer["reason"] == reason == made["rfi"].reason.value and not found.answer["allowed"]
		assert word in " ".join(line.text for line in found.lines)
	assert explain.explain("rfi", "", PUBLIC, SITE, catalogue={}).answer["reason"] == "NO_ENTITLEMENT"


def test_an_unknown_name_names_the_nearest_feature_or_limit():
	with pytest.raises(UnknownFeatureError, match='Did you mean "rfi"'):
		explained("rfy")
	with pytest.raises(UnknownFeatureError, match='Did you mean "max_users"'):
		explained("max_user")


def test_a_very_long_name_is_refused_at_once():
	known = {f"feature_number_{number}" for number in range(500)}
	began = time.process_time()
	for _time in range(3):
		explain.nearest("feature_number_" * 100_000, known)
	assert time.process_time() - began < 1
	with pytest.raises(UnknownFeatureError):
		explained("x" * 1_000_000)


@pytest.mark.parametrize("days, allowed", [(-400, True), (1, True), (100, False), (1000, False)])
def test_what_the_admin_site_renews_never_expires(days, allowed):
	data = {"tenant": "acme", "site": SITE, "layers": LAYERS}
	unsigned = statement.unsigned(data, now=NOW, valid_days=30, grace_days=7)
	found = explain.explain_statement("rfi", unsigned, catalogue=CATALOGUE, at=NOW + days * DAY)
	assert found.answer["allowed"] is allowed
	assert found.answer["reason"] == ("TRIAL" if allowed else "NOT_IN_PLAN")
	assert not any("EXPIRED" in told for _at, told in found.changes)


def test_what_the_admin_site_would_sign_is_explained_without_a_signature():
	unsigned = statement.unsigned({"tenant": "acme", "site": SITE, "layers": LAYERS}, now=NOW)
	found = explain.explain_statement("rfi", unsigned, catalogue=CATALOGUE, at=NOW)
	assert found.answer["reason"] == "TRIAL" and "would be signed" in found.lines[0].text
	with pytest.raises(ValueError):
		statement.unsigned({"tenant": "acme", "site": SITE, "layers": {"plans": [{"plan": "Core"}]}})
