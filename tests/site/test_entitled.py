"""Entitlements within the tests of other apps: they hold in the block and in this process, and nowhere else."""

import json
import threading

import pytest


def test_exactly_these_features_and_limits_hold(site, tests_allowed):
	from buildpro_saas.testing import entitled

	site.apply(features=["bim"])
	with entitled("rfi", plan="Growth", limits={"max_users": 3}) as gate:
		assert site.gating.check_feature_access("rfi")
		assert not site.gating.check_feature_access("bim")  # of the site's own plan
		assert site.gating.get_feature_access("rfi").plan == "Growth"
		assert gate.limit("max_users", used=3).reason.value == "LIMIT_REACHED"
		assert list(gate.limits) == ["max_users"]
		with pytest.raises(site.gating.UnknownFeatureError):
			site.gating.check_feature_access("rfy")
	assert not site.gating.check_feature_access("rfi") and site.gating.check_feature_access("bim")


def test_blocks_nest_and_leave_all_as_it_was_also_when_they_raise(site, tests_allowed):
	from buildpro_saas.testing import entitled

	role = site.frappe.conf.buildpro_role
	before = site.entitlement.load
	with entitled("rfi", "photos"):
		with pytest.raises(ZeroDivisionError), entitled("bim", without=["models"]):
			assert site.frappe.conf.buildpro_role == "tenant"
			assert site.gating.check_feature_access("bim") and not site.gating.check_feature_access("photos")
			assert not site.gating.check_feature_access("models")
			1 / 0
		assert site.gating.check_feature_access("photos") and site.frappe.conf.buildpro_role == "tenant"
		with entitled(as_tenant=False):
			assert not site.gating.check_feature_access("photos")
	assert site.frappe.conf.buildpro_role == role and site.entitlement.load is before
	assert site.gating.get_feature_access("rfi").reason.value == "NO_ENTITLEMENT"


def test_it_outlives_a_cleared_cache_and_writes_nothing(site, tests_allowed):
	from buildpro_saas.testing import entitled

	config = json.dumps(site.frappe.get_site_config(), sort_keys=True, default=str)
	with entitled("rfi"):
		site.frappe.clear_cache()
		assert site.gating.check_feature_access("rfi")
		assert not site.entitlement.stored_token()
	assert json.dumps(site.frappe.get_site_config(), sort_keys=True, default=str) == config


def test_another_thread_and_another_site_do_not_see_it(site, tests_allowed, monkeypatch):
	from buildpro_saas.testing import entitled

	name, seen = site.frappe.local.site, []

	def ask():
		site.frappe.init(name)
		seen.append(site.gating.get_feature_access("rfi").reason.value)

	with entitled("rfi"):
		thread = threading.Thread(target=ask)
		thread.start()
		thread.join()
		assert seen == ["NO_ENTITLEMENT"]
		monkeypatch.setattr(site.frappe.local, "site", "other.example")
		assert site.entitlement.load_decisions().standing.value == "NO_ENTITLEMENT"
		monkeypatch.undo()


@pytest.mark.parametrize("missing", ["allow_tests", "in_test"])
def test_it_refuses_where_no_tests_are_run(site, tests_allowed, missing):
	from buildpro_saas.testing import entitled

	if missing == "allow_tests":
		site.frappe.local.conf.pop("allow_tests")
	else:
		site.frappe.flags.in_test = False
	with pytest.raises(RuntimeError, match="for tests"), entitled("rfi"):
		pytest.fail("entered")
	assert not site.gating.check_feature_access("rfi")


def test_what_an_app_gates_is_open_and_shut_by_it(site, tests_allowed, monkeypatch):
	from buildpro_saas.tenant_site import gates
	from buildpro_saas.testing import entitled

	frappe = site.frappe
	declared = {"notes": [{"kind": "DocType", "name": "Note", "operations": ["create"]}]}
	monkeypatch.setattr(gates, "declared_by_apps", lambda: declared)

	def make_note():
		return frappe.get_doc({"doctype": "Note", "title": frappe.generate_hash()}).insert()

	with entitled("notes"):
		make_note()
	with entitled(without=["notes"]), pytest.raises(site.gating.FeatureNotAvailableError):
		make_note()
	make_note()  # the site under test is no tenant's
