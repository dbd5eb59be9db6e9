"""Feature gating on a real site: the answer, its reason, and what it costs."""

import time

import pytest

PLAN_SETTINGS = "Nexelya Plan Settings"


def test_yes_no_and_why(site):
	site.apply()
	assert site.gating.check_feature_access("rfi") is True
	assert site.gating.check_feature_access("bim") is False
	answer = site.gating.get_feature_access("bim")
	assert (answer.reason.value, answer.plan, answer.required_plan) == ("NOT_IN_PLAN", "Growth", "Enterprise")
	site.gating.require_feature("rfi")


def test_require_feature_names_the_feature_the_plan_and_whom_to_ask(site):
	site.apply(labels={"bim": "BIM Models"})
	with pytest.raises(site.gating.FeatureNotAvailableError) as error:
		site.gating.require_feature("bim")
	assert error.value.http_status_code == 403
	assert error.value.decision.required_plan == "Enterprise"
	for part in ("BIM Models", "Enterprise", "support@example.com"):
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


def test_a_plan_change_goes_with_its_rollback(site):
	site.frappe.db.rollback()
	site.entitlement.forget()
	before = site.entitlement.current_gate()
	site.apply()
	assert site.entitlement.current_gate() is not before
	site.frappe.db.rollback()
	assert site.entitlement.current_gate() is before


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


def test_the_first_check_of_a_request_reads_redis_once_and_no_sql(site, monkeypatch):
	site.apply()
	assert site.gating.check_feature_access("rfi")
	site.frappe.local.cache.clear()  # as at the start of a request
	commands = []
	execute = type(site.frappe.cache).execute_command

	def counted(self, *args, **kwargs):
		commands.append(args[0])
		return execute(self, *args, **kwargs)

	monkeypatch.setattr(type(site.frappe.cache), "execute_command", counted)
	monkeypatch.setattr(
		type(site.frappe.local.db), "sql", lambda *args, **kwargs: pytest.fail("asked the database")
	)
	assert site.gating.check_feature_access("rfi")
	assert commands == ["GET"]


def test_a_long_job_asks_again(site, monkeypatch):
	site.apply()
	assert site.gating.check_feature_access("rfi")
	site.frappe.db.set_single_value(PLAN_SETTINGS, "token", site.token(features=[]))
	site.frappe.cache.delete_value(site.entitlement.CACHE_KEY)
	assert site.gating.check_feature_access("rfi")
	later = time.monotonic() + site.entitlement.HOLD_SECONDS
	monkeypatch.setattr(site.entitlement, "monotonic", lambda: later)
	assert not site.gating.check_feature_access("rfi")


def test_after_the_commit_redis_holds_the_new_token(site):
	old = site.apply()
	site.frappe.db.after_commit.run()
	new = site.apply(features=[])
	# a reader elsewhere that still sees the old row puts it back before we commit
	site.frappe.cache.set_value(site.entitlement.CACHE_KEY, old)
	site.frappe.db.after_commit.run()
	site.frappe.local.cache.clear()
	assert site.frappe.cache.get_value(site.entitlement.CACHE_KEY) == new
	assert not site.gating.check_feature_access("rfi")


def test_without_redis_the_database_answers(site, monkeypatch):
	from redis.exceptions import ConnectionError

	site.apply()
	site.frappe.local.cache.clear()

	def away(*args, **kwargs):
		raise ConnectionError

	monkeypatch.setattr(type(site.frappe.cache), "execute_command", away)
	assert site.gating.check_feature_access("rfi")


def test_over_http_it_is_the_same_decision_and_not_for_guests(site):
	from buildpro_saas.api import feature_gating as api

	site.apply()
	assert api.check_feature_access("bim") == site.gating.get_feature_access("bim").as_dict()
	with pytest.raises(site.gating.UnknownFeatureError, match="Say which feature"):
		api.check_feature_access()
	assert api.check_feature_access not in site.frappe.guest_methods
