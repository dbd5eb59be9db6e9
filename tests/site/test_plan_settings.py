"""Nexelya Plan Settings: what is typed or pasted into it grants nothing and takes nothing away."""

import time

import pytest

PLAN_SETTINGS = "Nexelya Plan Settings"


def test_the_guides_snippet_runs_and_grants_nothing(site):
	doc = site.frappe.get_doc({"doctype": PLAN_SETTINGS, "plan_type": "Growth", "company": "Acme"})
	doc.insert()
	assert site.settings().company == "Acme"
	assert site.settings().status == "No entitlement"
	answer = site.gating.get_feature_access("rfi")
	assert not answer.allowed and answer.reason.value == "NO_ENTITLEMENT"


def test_the_guides_snippet_takes_nothing_away_either(site):
	token = site.apply()
	site.frappe.get_doc({"doctype": PLAN_SETTINGS, "plan_type": "Enterprise", "company": None}).insert()
	settings = site.settings()
	assert (settings.token, settings.plan_type, settings.company) == (token, "Growth", "Acme")
	assert site.gating.check_feature_access("rfi")
	assert not site.gating.check_feature_access("bim")


def test_an_entitlement_in_force(site):
	applied = site.onboarding.apply_entitlement(site.token(), "Acme")
	assert applied == {"plan": "Growth", "status": "Active", "features": 2}
	settings = site.settings()
	assert (settings.plan_type, settings.status, settings.company) == ("Growth", "Active", "Acme")
	assert settings.valid_until


def test_applying_it_twice_changes_nothing(site):
	token = site.token()
	first = site.onboarding.apply_entitlement(token, "Acme")
	assert site.onboarding.apply_entitlement(token, "Acme") == first


@pytest.mark.parametrize("field", ["plan_type", "status", "valid_until"])
def test_what_is_typed_into_the_record_does_not_stay(site, field):
	site.apply()
	settings = site.settings()
	before = str(settings.get(field))
	settings.set(field, {"plan_type": "Enterprise", "status": "Expired", "valid_until": "2099-01-01"}[field])
	settings.save()
	assert str(site.settings().get(field)) == before
	assert not site.gating.check_feature_access("bim")


@pytest.mark.parametrize("kind", ["forged", "rubbish", "of a neighbour", "older"])
def test_a_token_that_is_not_for_this_site_is_refused_and_the_old_one_stays(site, kind):
	token = site.apply()
	better = {"features": ["rfi", "bim"]}
	replacement = {
		"forged": lambda: site.token(
			key=site.foreign_key() | {"kid": site.frappe.conf.buildpro_signing_key["kid"]}, **better
		),
		"rubbish": lambda: "rubbish",
		"of a neighbour": lambda: site.token(site="neighbour.localhost", **better),
		"older": lambda: site.token(now=time.time() - 3600, **better),
	}[kind]()
	settings = site.settings()
	settings.token = replacement
	with pytest.raises(site.frappe.ValidationError, match="Leave the token as it is"):
		settings.save()
	assert site.settings().token == token
	assert not site.gating.check_feature_access("bim")


def test_an_emptied_token_stays(site):
	token = site.apply()
	settings = site.settings()
	settings.token = ""
	settings.save()
	assert site.settings().token == token


def test_a_forged_token_written_past_the_record_grants_nothing(site):
	site.apply()
	forged = site.token(key=site.foreign_key(), features=["bim"])
	site.frappe.db.set_single_value(PLAN_SETTINGS, "token", forged)
	site.entitlement.forget()
	answer = site.gating.get_feature_access("bim")
	assert not answer.allowed and answer.reason.value == "UNKNOWN_KEY"


@pytest.mark.parametrize("token", ["", "rubbish"])
def test_the_admin_site_cannot_apply_a_bad_token_by_mistake(site, token):
	good = site.apply()
	with pytest.raises(site.frappe.ValidationError):
		site.onboarding.apply_entitlement(token, "Acme")
	assert site.settings().token == good


def test_the_form_shows_every_feature_with_the_plan_that_has_it_and_escapes_labels(site):
	site.apply()
	settings = site.settings()
	settings.run_method("onload")
	view = settings.get_onload("features")
	assert "Available in Enterprise" in view and "Max Users" in view and "support@example.com" in view
	assert "BIM &lt;i&gt;Models&lt;/i&gt;" in view and "<i>" not in view
	assert view.index("RFI") < view.index("BIM")
