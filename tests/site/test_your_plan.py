"""What "Your plan" shows to the tenant's System Manager, read from the HTML as a browser would."""

import re
import time

import pytest
from bs4 import BeautifulSoup

DAY = 24 * 3600


@pytest.fixture
def shown(site, usage):
	"""Put an entitlement into force and look at the form: shown(limits=…) → the parsed view."""

	def shown(**changes):
		site.apply(**changes)
		settings = site.settings()
		settings.run_method("onload")
		return BeautifulSoup(settings.get_onload("features"), "html.parser")

	return shown


def row(view, kind: str, key: str) -> str:
	return re.sub(r"\s+", " ", view.select_one(f"tr[data-{kind}={key}]").get_text(" ")).strip()


def test_a_downgrade_shows_twelve_of_ten_in_red(site, shown, monkeypatch):
	from buildpro_saas.tenant_site import limit_usage

	monkeypatch.setattr(limit_usage, "in_use", lambda limit: 12 if limit.key == "max_users" else 8.5)
	view = shown(
		limits={
			"max_users": {"value": 10, "is_hard": True},
			"max_storage_gb": {"value": 10, "is_hard": False},
			"max_file_size_mb": {"value": 25, "is_hard": True},
		}
	)
	assert row(view, "limit", "max_users") == "Users 12 of 10 Hard: more is refused"
	assert "text-danger" in str(view.select_one("tr[data-limit=max_users]"))
	bar = view.select_one("tr[data-limit=max_users] .progress-bar")
	assert "bg-danger" in bar["class"] and bar["style"] == "width: 100%"
	assert row(view, "limit", "max_storage_gb") == "Storage 8.5 of 10 GB Soft: more is noted"
	assert "bg-warning" in view.select_one("tr[data-limit=max_storage_gb] .progress-bar")["class"]
	assert row(view, "limit", "max_file_size_mb") == "Max file size mb 25 Hard: more is refused"
	assert not view.select("tr[data-limit=max_file_size_mb] .progress")


@pytest.mark.parametrize(
	("value", "kinds", "told"),
	[
		(
			5,
			{"overrides": [{"limit": "max_users", "value": 10, "is_hard": True}]},
			"12 of 10, agreed with you",
		),
		(
			5,
			{"addons": [{"addon": "Five & more", "features": [], "limits": {"max_users": 5}}]},
			"12 of 10, with Five & more",
		),
		(0, {}, "12, none is allowed"),
	],
)
def test_a_limit_says_where_it_comes_from(site, shown, monkeypatch, value, kinds, told):
	from buildpro_saas.tenant_site import limit_usage

	monkeypatch.setattr(limit_usage, "in_use", lambda limit: 12)
	view = shown(limits={"max_users": {"value": value, "is_hard": True}}, **kinds)
	assert row(view, "limit", "max_users") == f"Users {told} Hard: more is refused"


def test_what_the_next_plan_adds_and_where_each_feature_comes_from(site, shown):
	now = int(time.time())
	view = shown(
		features=["daily_log"],
		addons=[
			{"addon": "Extra & more", "features": ["drones"], "limits": {}, "from": None, "until": now + DAY}
		],
		shadow=["rfi"],
	)
	assert row(view, "feature", "daily_log") == "Daily Log In your plan"
	assert row(view, "feature", "drones") == "Drones Add-on Extra & more"
	assert row(view, "feature", "rfi") == "RFI Available for the time being"
	assert row(view, "feature", "bim") == "BIM <i>Models</i> Available in Enterprise"
	adds = [each.get_text() for each in view.select(".buildpro-next-plan")]
	assert "Enterprise adds: BIM <i>Models</i>" in adds and not view.select("i")


def test_what_the_next_plans_add_to_the_limits(site, shown):
	site.catalogue = site.catalogue | {
		"plans": [
			{"plan": "Core", "limits": {"max_users": 5, "max_projects": 1}},
			{"plan": "Growth", "limits": {"max_users": 25, "max_projects": 3}},
			{"plan": "Large", "limits": {"max_users": 25, "max_projects": 9}},
			{"plan": "Enterprise", "limits": {"max_users": 50}},
		]
	}
	hard = {"max_users": {"value": 25, "is_hard": True}, "max_projects": {"value": 3, "is_hard": True}}
	view = shown(features=["daily_log", "rfi"], limits=hard)
	adds = [each.get_text() for each in view.select(".buildpro-next-plan")]
	assert adds == [
		"Large adds: Projects: 9 instead of 3",
		"Enterprise adds: BIM <i>Models</i>, Projects: without limit, Users: 50 instead of 25",
	]


def test_a_trial_shows_when_it_ends_and_what_follows(site, shown):
	from buildpro_saas.entitlements import layers

	end = int(time.time()) + 10 * DAY
	view = shown(
		plans=[
			layers.plan_layer("Enterprise", ["bim", "rfi"], is_trial=True, until=end),
			layers.plan_layer("Core", ["daily_log"], begins=end),
		]
	)
	text = view.get_text(" ")
	assert "You are trying out Enterprise until" in text and ", then Core" in text
	assert row(view, "feature", "bim") == "BIM <i>Models</i> On trial"


@pytest.mark.parametrize(
	"changes, status, colour",
	[
		({}, "Active", "green"),
		({"status": "Past Due"}, "Past due", "orange"),
		({"status": "Suspended"}, "Suspended", "red"),
		({"now": time.time() - 33 * DAY}, "In grace", "orange"),
		({"now": time.time() - 60 * DAY}, "Expired", "red"),
	],
)
def test_the_standing_is_shown(site, shown, changes, status, colour):
	pill = shown(**changes).select_one(".buildpro-status")
	assert pill.get_text() == status and colour in pill["class"]


def test_without_an_entitlement_the_view_says_so(site):
	settings = site.settings()
	settings.run_method("onload")
	assert "no entitlement that counts" in settings.get_onload("features")


def test_uses_of_the_last_days_are_shown_also_those_that_still_wait(site, shown):
	from buildpro_saas.tenant_site import usage

	site.frappe.db.delete("Feature Usage")
	for feature, outcome, number in (("rfi", "ALLOWED", 4), ("bim", "DENIED", 2)):
		for _ in range(number):
			usage.count(feature, outcome)
	usage.store()
	usage.count("rfi", "SHADOW")
	usage.flush()
	try:
		view = shown()
		assert row(view, "feature", "rfi") == "RFI In your plan 5"
		assert row(view, "feature", "bim") == "BIM <i>Models</i> Available in Enterprise 2"
	finally:
		usage.store()
		site.frappe.db.delete("Feature Usage")
		site.frappe.db.commit()
