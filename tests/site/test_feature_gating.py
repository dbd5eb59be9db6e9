"""Feature gating on a real site: the answer, its reason, and what it costs."""

import json
import subprocess
import sys
import time

import pytest
from conftest_data import CATALOGUE

PLAN_SETTINGS = "Nexelya Plan Settings"


def test_yes_no_and_why(site):
	site.apply()
	assert site.gating.check_feature_access("rfi") is True
	assert site.gating.check_feature_access("bim") is False
	answer = site.gating.get_feature_access("bim")
	assert (answer.reason.value, answer.plan, answer.required_plan) == ("NOT_IN_PLAN", "Growth", "Enterprise")
	site.gating.require_feature("rfi")


def test_require_feature_names_the_feature_the_plan_and_whom_to_ask(site):
	site.apply()
	with pytest.raises(site.gating.FeatureNotAvailableError) as error:
		site.gating.require_feature("bim")
	assert error.value.http_status_code == 403
	assert error.value.decision.required_plan == "Enterprise"
	for part in ("BIM", "Enterprise", "support@example.com"):
		assert part in str(error.value)


def test_an_unknown_feature_is_an_error_with_the_nearest_name(site):
	site.apply()
	for ask in (
		site.gating.check_feature_access,
		site.gating.get_feature_access,
		site.gating.require_feature,
	):
		with pytest.raises(site.gating.UnknownFeatureError, match='Did you mean "rfi"') as error:
			ask("rfy")
		assert error.value.http_status_code == 400


def test_a_plan_change_holds_within_its_own_request(site):
	site.apply()
	assert site.gating.check_feature_access("rfi")
	site.apply(features=["daily_log"])
	assert not site.gating.check_feature_access("rfi")


def test_a_warm_check_asks_neither_redis_nor_the_database(site, monkeypatch):
	site.apply()
	assert site.gating.check_feature_access("rfi")

	def touched(*args, **kwargs):
		pytest.fail("a warm check went outside")

	monkeypatch.setattr(type(site.frappe.cache), "execute_command", touched)
	monkeypatch.setattr(type(site.frappe.local.db), "sql", touched)
	assert site.gating.check_feature_access("rfi")
	assert not site.gating.check_feature_access("bim")
	assert site.gating.get_feature_access("rfi").allowed


def test_the_first_check_of_a_request_asks_neither_redis_nor_the_database(site, monkeypatch):
	site.apply()
	site.frappe.local.cache.clear()  # as at the start of a request
	monkeypatch.setattr(
		type(site.frappe.cache), "execute_command", lambda *args, **kwargs: pytest.fail("asked Redis")
	)
	monkeypatch.setattr(
		type(site.frappe.local.db), "sql", lambda *args, **kwargs: pytest.fail("asked the database")
	)
	assert site.gating.check_feature_access("rfi")


def test_another_process_goes_by_a_new_entitlement_from_its_next_request_on(site):
	site.apply()
	assert site.gating.check_feature_access("rfi")
	token = site.token(features=[])
	apply = (
		"from buildpro_saas.tenant_site import entitlement; import json, sys; order = json.load(sys.stdin);"
	)
	apply += "frappe.init(order['site']); entitlement.apply(order['token'], order['catalogue'])"
	order = {"site": site.frappe.local.site, "token": token, "catalogue": CATALOGUE}
	subprocess.run(
		[sys.executable, "-c", f"import frappe; {apply}"], input=json.dumps(order), text=True, check=True
	)
	assert site.gating.check_feature_access("rfi")  # the same request
	site.frappe.local.cache.clear()
	site.frappe.local.conf.update(site.frappe.get_site_config())
	assert not site.gating.check_feature_access("rfi")


def test_a_long_job_asks_again(site, monkeypatch):
	site.apply()
	assert site.gating.check_feature_access("rfi")
	gate = site.entitlement.current_decisions()
	site.apply(features=[])
	site.frappe.local.cache[site.entitlement.LOCAL_KEY] = site.entitlement.Held(gate)
	assert site.gating.check_feature_access("rfi")
	later = time.monotonic() + site.entitlement.HOLD_SECONDS
	monkeypatch.setattr(site.entitlement, "monotonic", lambda: later)
	assert not site.gating.check_feature_access("rfi")


def test_a_trial_ends_within_a_job_that_goes_on(site, monkeypatch):
	from buildpro_saas.entitlements import layers

	soon = int(time.time()) + 30
	plans = [
		layers.plan_layer("Growth", ["rfi"], is_trial=True, until=soon),
		layers.plan_layer("Core", ["daily_log"], begins=soon),
	]
	site.apply(plans=plans)
	assert site.gating.get_feature_access("rfi").reason.value == "TRIAL"
	monkeypatch.setattr(site.entitlement, "monotonic", lambda: time.monotonic() + 31)
	monkeypatch.setattr(time, "time", lambda: soon + 1)
	assert site.gating.get_feature_access("rfi").reason.value == "NOT_IN_PLAN"
	assert site.gating.check_feature_access("daily_log")


def test_over_http_it_is_the_same_decision_and_not_for_guests(site):
	from buildpro_saas.api import feature_gating as api

	site.apply()
	assert api.check_feature_access("bim") == site.gating.get_feature_access("bim").as_dict()
	with pytest.raises(site.gating.UnknownFeatureError, match="Say which feature"):
		api.check_feature_access()
	site.frappe.set_user("Guest")
	try:
		with pytest.raises(site.frappe.PermissionError):
			api.check_feature_access("bim")
	finally:
		site.frappe.set_user("Administrator")
