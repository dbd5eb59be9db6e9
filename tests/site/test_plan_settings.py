"""Nexelya Plan Settings: what is typed or pasted into it grants nothing and takes nothing away."""

import time
from pathlib import Path

import pytest
from conftest_data import CATALOGUE

from buildpro_saas.entitlements.acceptance import CLOCK_KEY

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
	token = site.token(sequence=1_900_000_000)
	applied = site.in_force.apply_entitlement(token, CATALOGUE, "Acme")
	assert applied == {"plan": "Growth", "status": "Active", "features": 2, "sequence": 1_900_000_000}
	settings = site.settings()
	assert (settings.plan_type, settings.status, settings.company) == ("Growth", "Active", "Acme")
	assert settings.valid_until


def test_applying_it_twice_changes_nothing(site):
	token = site.token()
	first = site.in_force.apply_entitlement(token, CATALOGUE, "Acme")
	assert site.in_force.apply_entitlement(token, CATALOGUE, "Acme") == first


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


def test_what_is_written_past_the_record_grants_nothing(site):
	token = site.apply()
	site.frappe.db.set_single_value(PLAN_SETTINGS, "token", site.token(features=["bim"]))
	site.frappe.db.set_single_value(PLAN_SETTINGS, "plan_type", "Enterprise")
	site.frappe.clear_cache()
	assert not site.gating.check_feature_access("bim")
	settings = site.settings()
	settings.run_method("onload")
	assert (settings.token, settings.plan_type) == (token, "Growth")


@pytest.mark.parametrize("token", ["", "rubbish"])
def test_the_admin_site_cannot_apply_a_bad_token_by_mistake(site, token):
	good = site.apply()
	with pytest.raises(site.frappe.ValidationError):
		site.in_force.apply_entitlement(token, CATALOGUE)
	assert site.settings().token == good


def test_an_older_statement_is_not_applied_over_a_newer_one(site):
	older = site.token(features=["rfi", "bim"])
	site.apply()
	with pytest.raises(site.frappe.ValidationError, match="older than one that this site has had"):
		site.in_force.apply_entitlement(older, CATALOGUE)
	assert not site.gating.check_feature_access("bim")


def test_an_older_file_that_is_put_back_does_not_count(site, admin_site):
	site.apply(features=["rfi", "bim"])
	file = Path(admin_site.local.site_path) / site.entitlement.FILE
	better = file.read_text()
	site.apply()
	file.write_text(better)
	site.entitlement.forget()
	answer = site.gating.get_feature_access("bim")
	assert not answer.allowed and answer.reason.value == "REPLAYED"


def test_another_catalogue_is_not_applied_and_a_changed_one_does_not_count(site, admin_site):
	token = site.token()
	with pytest.raises(site.frappe.ValidationError, match="not the one that goes with"):
		site.in_force.apply_entitlement(token, {"features": {}})
	site.in_force.apply_entitlement(token, CATALOGUE)
	file = Path(admin_site.local.site_path) / site.entitlement.FILE
	file.write_text(file.read_text().replace("Daily Log", "Daily log"))
	site.entitlement.forget()
	assert site.gating.get_feature_access("rfi").reason.value == "BAD_SIGNATURE"


def test_a_clock_that_is_set_back_gains_nothing(site):
	from buildpro_saas.tenant_site.clock import is_set_back

	site.apply()
	later = time.time() + 60 * 24 * 3600
	site.update_config({CLOCK_KEY: int(later)})
	site.entitlement.forget()
	assert is_set_back()
	assert site.gating.get_feature_access("rfi").reason.value == "EXPIRED"


def test_a_clock_that_ran_ahead_is_forgiven_with_the_next_statement(site):
	from buildpro_saas.tenant_site.clock import is_set_back

	token = site.apply()
	site.update_config({CLOCK_KEY: int(time.time()) + 60 * 24 * 3600})
	site.in_force.apply_entitlement(token, CATALOGUE)  # the same once more says nothing of the time
	assert site.gating.get_feature_access("rfi").reason.value == "EXPIRED"
	site.apply()
	assert not is_set_back()
	assert site.gating.check_feature_access("rfi")


def test_the_form_shows_every_feature_with_the_plan_that_has_it_and_escapes_labels(site):
	site.apply()
	settings = site.settings()
	settings.run_method("onload")
	view = settings.get_onload("features")
	assert "Available in Enterprise" in view and "Users" in view and "support@example.com" in view
	assert "BIM &lt;i&gt;Models&lt;/i&gt;" in view and "<i>" not in view
	assert view.index('data-feature="rfi"') < view.index('data-feature="bim"')


def test_the_record_follows_what_came_by_the_files_alone(site):
	"""The admin site brings a renewal so; whoever reads the record's values in the database sees it within the hour."""
	site.apply()
	renewed = site.token()
	site.entitlement.apply(renewed, site.catalogue)
	assert site.settings().get_db_value("token") != renewed
	site.in_force.show_newest_entitlement()
	assert site.settings().get_db_value("token") == renewed


def test_what_the_record_shows_is_noted_once_it_is_committed(site):
	from buildpro_saas.entitlements import acceptance

	site.apply()
	frappe = site.frappe
	frappe.db.rollback()
	assert not frappe.conf.get(acceptance.SHOWN_KEY)
	site.apply()
	frappe.db.commit()
	statement = site.entitlement.load_decisions().statement
	assert frappe.conf[acceptance.SHOWN_KEY] == acceptance.shown(statement, "Acme", statement.issued_at)
	site.update_config({acceptance.SHOWN_KEY: None})
