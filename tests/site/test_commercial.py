"""What staff agree with a tenant on the admin site, and the layers that come of it."""

from datetime import timedelta

import pytest
from conftest_data import new_tenant


@pytest.fixture
def plans(frappe):
	"""Small is included by Large; Heavy needs an app that no site has."""
	for fields in (
		{"plan_name": "SC Small", "features": [{"feature": "rfi"}]},
		{"plan_name": "SC Large", "features": [{"feature": "bim"}], "includes": "SC Small"},
		{"plan_name": "SC Heavy", "apps": [{"app": "sc_heavy"}]},
	):
		limits = [
			{"limit_key": "max_users", "value": 5 if fields["plan_name"] == "SC Small" else 50, "is_hard": 1}
		]
		frappe.get_doc({"doctype": "Plan", "rank": -1, "limits": limits, **fields}).insert()


@pytest.fixture
def tenant(frappe, plans, sent):
	"""An active tenant of Small, as its job left it."""
	doc = new_tenant(frappe, "sc-acme", "SC Small")
	sent.clear()
	return doc


def later(frappe, **delta):
	return frappe.utils.now_datetime().replace(second=0, microsecond=0) + timedelta(**delta)


def epoch(moment) -> int:
	from buildpro_saas.datetimes import epoch

	return epoch(moment)


# -- dates ---------------------------------------------------------------------------------------------------------


def test_dates_are_in_the_sites_time_zone(frappe, monkeypatch):
	from buildpro_saas import datetimes

	monkeypatch.setattr(datetimes, "get_system_timezone", lambda: "UTC")
	assert datetimes.epoch("2026-12-31 23:00:00") == 1_798_758_000
	monkeypatch.setattr(datetimes, "get_system_timezone", lambda: "Asia/Kolkata")
	assert datetimes.epoch("2026-12-31 23:00:00") == 1_798_758_000 - 5.5 * 3600
	assert datetimes.epoch(None) is None


# -- trial and scheduled change ------------------------------------------------------------------------------------


def test_a_trial_and_a_change_are_in_the_layers_with_their_dates(frappe, tenant, sent):
	ends, change = later(frappe, days=3), later(frappe, days=9)
	tenant.update(
		{
			"plan": "SC Large",
			"trial_ends_on": ends,
			"plan_after_trial": "SC Small",
			"next_plan": "SC Large",
			"next_plan_on": change,
		}
	)
	tenant.save()
	found = [
		(layer["plan"], layer["is_trial"], layer["from"], layer["until"])
		for layer in tenant.layers()["plans"]
	]
	assert found == [
		("SC Large", True, None, epoch(ends)),
		("SC Small", False, epoch(ends), epoch(change)),
		("SC Large", False, epoch(change), None),
	]
	assert tenant.layers()["plans"][1]["features"] == ["rfi"]
	assert sent == [({"sc-acme"}, "its terms")]


def test_once_the_date_has_come_the_record_follows(frappe, tenant, sent):
	from buildpro_saas.licensing import agreed_dates

	past = later(frappe, minutes=-1)
	tenant.db_set({"trial_ends_on": past, "plan_after_trial": "SC Large"})
	new_tenant(
		frappe, "sc-other", "SC Small", trial_ends_on=later(frappe, days=1), plan_after_trial="SC Large"
	)
	sent.clear()
	assert agreed_dates.due() == ["sc-acme"]
	assert frappe.get_doc("Tenant", "sc-acme").follow_terms()
	kept = frappe.get_doc("Tenant", "sc-acme")
	assert (kept.plan, kept.trial_ends_on, kept.plan_after_trial) == ("SC Large", None, None)
	assert sent == [({"sc-acme"}, "its terms")]
	assert any("went from SC Small to SC Large" in text for text in comments(frappe, kept))
	assert agreed_dates.due() == []
	assert not kept.follow_terms()


def test_a_due_change_is_made_by_the_scheduler(frappe, tenant, sent, monkeypatch):
	from buildpro_saas.licensing import agreed_dates

	monkeypatch.setattr(frappe.db, "commit", lambda: None)  # so that the test leaves nothing behind
	tenant.db_set({"next_plan": "SC Large", "next_plan_on": later(frappe, minutes=-1)})
	agreed_dates.follow_agreed_dates()
	kept = frappe.get_doc("Tenant", "sc-acme")
	assert (kept.plan, kept.next_plan, kept.next_plan_on) == ("SC Large", None, None)


def on_trial(frappe, tenant):
	tenant.update({"trial_ends_on": later(frappe, days=3), "plan_after_trial": "SC Small"})
	tenant.save()
	return frappe.get_doc("Tenant", tenant.name)


def test_a_plan_that_is_bought_during_a_trial_ends_it(frappe, tenant, sent):
	"""As Desk sends it: the trial's fields as they were, and another plan."""
	tenant = on_trial(frappe, tenant)
	frappe.flags.mute_messages = False
	frappe.clear_messages()
	tenant.update(
		{"plan": "SC Large", "trial_ends_on": str(tenant.trial_ends_on), "plan_after_trial": "SC Small"}
	)
	tenant.save()
	assert (tenant.plan, tenant.trial_ends_on, tenant.plan_after_trial) == ("SC Large", None, None)
	assert [(layer["plan"], layer["until"]) for layer in tenant.layers()["plans"]] == [("SC Large", None)]
	assert "SC Small does not come after it any more" in str(frappe.get_message_log())


def test_a_trial_goes_on_with_another_plan_where_that_is_said(frappe, tenant, sent):
	tenant = on_trial(frappe, tenant)
	ends = tenant.trial_ends_on
	tenant.set_plan("SC Large", trial_until=str(ends), then="SC Small")
	assert (tenant.plan, tenant.trial_ends_on, tenant.plan_after_trial) == ("SC Large", ends, "SC Small")
	tenant.update(
		{"plan": "SC Small", "trial_ends_on": later(frappe, days=5), "plan_after_trial": "SC Large"}
	)
	tenant.save()
	assert (tenant.plan, tenant.plan_after_trial) == ("SC Small", "SC Large")


def test_a_trial_stays_when_something_else_is_changed(frappe, tenant, sent):
	tenant = on_trial(frappe, tenant)
	tenant.company = "Acme & Sons"
	tenant.save()
	assert tenant.trial_ends_on and tenant.plan_after_trial == "SC Small"


@pytest.mark.parametrize(("app", "is_told"), [("erpnext", True), ("construction_demo", False)])
def test_a_customer_that_gets_another_name(frappe, tenant, sent, app, is_told):
	tenant.append("apps", {"app": app, "version": "1"}).db_insert()
	tenant = frappe.get_doc("Tenant", tenant.name)
	frappe.flags.mute_messages = False
	frappe.clear_messages()
	sent.clear()
	tenant.company = "Acme & Sons"
	tenant.save()
	assert sent == [({"sc-acme"}, "its company's name")]
	assert ("is still called Sc-Acme" in str(frappe.get_message_log())) == is_told


@pytest.mark.parametrize(
	"fields, sentence",
	[
		({"plan_after_trial": "SC Large"}, "go together"),
		({"next_plan": "SC Large"}, "go together"),
		({"trial_ends_on": "2020-01-01", "plan_after_trial": "SC Large"}, "must be in the future"),
		({"trial_ends_on": "soon", "plan_after_trial": "SC Large"}, "soon is no date"),
		({"plan": "SC Heavy"}, "needs sc_heavy, which the site of sc-acme does not have"),
		({"next_plan": "SC Heavy", "next_plan_on": "2090-01-01"}, "needs sc_heavy"),
		({"plan_version": "SC Large v1"}, "is no version of SC Small"),
	],
)
def test_what_cannot_be_agreed(frappe, tenant, fields, sentence):
	with pytest.raises(frappe.ValidationError, match=sentence):
		tenant.update(fields)
		tenant.save()


def test_a_plan_that_is_not_sold_cannot_be_chosen_and_one_that_a_tenant_has_may_stay(frappe, tenant):
	frappe.db.set_value("Plan", "SC Small", "is_active", 0)
	tenant.customisations = "special"
	tenant.save()
	frappe.db.set_value("Plan", "SC Large", "is_active", 0)
	tenant.plan = "SC Large"
	with pytest.raises(frappe.ValidationError, match="is not active"):
		tenant.save()


def test_who_changes_the_plan_after_an_agreed_date_means_it(frappe, tenant):
	"""The scheduler has not been there yet: its turn must not take the new plan away again."""
	tenant.db_set({"trial_ends_on": later(frappe, minutes=-1), "plan_after_trial": "SC Small"})
	tenant = frappe.get_doc("Tenant", tenant.name)
	tenant.plan = "SC Large"
	tenant.save()
	assert (tenant.plan, tenant.trial_ends_on, tenant.plan_after_trial) == ("SC Large", None, None)


def test_set_plan(frappe, tenant):
	tenant.set_plan("SC Large")
	assert frappe.db.get_value("Tenant", tenant.name, "plan") == "SC Large"
	tenant.set_plan("SC Small", at="2090-01-01 12:00")
	assert tenant.describe_plan() == "SC Large, SC Small from 2090-01-01 12:00"
	tenant.set_plan("SC Small", trial_until="2089-01-01", then="SC Large")
	assert (
		tenant.describe_plan()
		== "SC Small on trial until 2089-01-01 00:00, SC Large from 2089-01-01 00:00, SC Small from 2090-01-01 12:00"
	)
	with pytest.raises(frappe.ValidationError, match="go together"):
		tenant.set_plan("SC Small", trial_until="2089-01-01")
	with pytest.raises(frappe.ValidationError, match="There is no Plan Gold"):
		tenant.set_plan("Gold")


# -- add-ons, overrides, kill switches -----------------------------------------------------------------------------


@pytest.fixture
def addon(frappe, plans):
	return frappe.get_doc(
		{
			"doctype": "Add-on",
			"addon_name": "SC Users",
			"price": 10,
			"features": [{"feature": "bim"}],
			"limits": [{"limit_key": "max_users", "increment": 10}],
		}
	).insert()


def test_an_addon_is_sold_and_counted(frappe, tenant, addon, sent):
	ends = later(frappe, days=5)
	tenant.append("addons", {"addon": "SC Users", "quantity": 3, "ends_on": ends, "reason": "order 7"})
	tenant.append(
		"addons", {"addon": "SC Users", "starts_on": "2020-01-01", "ends_on": "2021-01-01", "reason": "x"}
	)
	tenant.save()
	assert tenant.layers()["addons"] == [
		{
			"addon": "SC Users",
			"features": ["bim"],
			"limits": {"max_users": 30},
			"from": None,
			"until": epoch(ends),
		}
	]
	assert sent == [({"sc-acme"}, "its terms")]
	sent.clear()
	addon.limits[0].increment = 20
	addon.save()
	assert sent == [({"sc-acme"}, "add-on SC Users")]
	assert tenant.layers()["addons"][0]["limits"] == {"max_users": 60}
	sent.clear()
	addon.price = 11
	addon.save()
	assert sent == []


@pytest.mark.parametrize(
	"rows, sentence",
	[
		({}, "Say what the add-on sells"),
		({"limits": [{"limit_key": "max_users", "increment": 0}]}, "by 1 or more"),
		({"limits": [{"limit_key": "max users", "increment": 1}]}, "cannot be the name"),
		(
			{"limits": [{"limit_key": "max_users", "increment": 10**30}]},
			"Increment must be a number of at most",
		),
		({"features": [{"feature": "rfi"}, {"feature": "rfi"}]}, "rfi is in the table twice"),
	],
)
def test_addons_that_cannot_be(frappe, rows, sentence):
	with pytest.raises(frappe.ValidationError, match=sentence):
		frappe.get_doc({"doctype": "Add-on", "addon_name": "SC Odd", **rows}).insert()


@pytest.mark.parametrize(
	("table", "row"),
	[
		("overrides", {"kind": "Limit", "limit_key": "max_users", "value": 99_999_999_999, "reason": "x"}),
		("addons", {"addon": "SC Users", "quantity": 10**30, "reason": "x"}),
	],
)
def test_numbers_that_nobody_can_count_to_are_refused(frappe, tenant, addon, table, row):
	tenant.append(table, row)
	with pytest.raises(frappe.ValidationError, match="enter such a number"):
		tenant.save()


def test_an_addon_that_is_not_sold_any_more_stays_with_who_has_it(frappe, tenant, addon):
	tenant.append("addons", {"addon": "SC Users", "reason": "order 7"})
	tenant.save()
	addon.is_active = 0
	addon.save()
	tenant.addons[0].quantity = 2
	tenant.save()
	tenant.append("addons", {"addon": "SC Users", "reason": "order 8"})
	with pytest.raises(frappe.ValidationError, match="is not sold"):
		tenant.save()


def test_overrides_become_layers(frappe, tenant):
	tenant.append("overrides", {"kind": "Feature", "feature": "bim", "reason": "goodwill", "limit_key": "x"})
	tenant.append("overrides", {"kind": "Feature", "feature": "rfi", "access": "Revoke", "reason": "abuse"})
	tenant.append(
		"overrides", {"kind": "Limit", "limit_key": "max_users", "value": 2, "reason": "y", "feature": "rfi"}
	)
	tenant.save()
	dates = {"from": None, "until": None}
	assert tenant.layers()["overrides"] == [
		{"feature": "bim", "is_granted": True, **dates},
		{"feature": "rfi", "is_granted": False, **dates},
		{"limit": "max_users", "value": 2, "is_hard": True, **dates},
	]
	assert (tenant.overrides[0].limit_key, tenant.overrides[2].feature) == (None, None)


@pytest.mark.parametrize(
	"row, sentence",
	[
		({"feature": "bim"}, "enter the reason"),
		({"feature": "bim", "reason": " "}, "enter the reason"),
		({"reason": "x"}, "choose the feature"),
		({"kind": "Limit", "value": 1, "reason": "x"}, "cannot be the name"),
		({"kind": "Limit", "limit_key": "max_users", "value": -1, "reason": "x"}, "below 0"),
		(
			{"feature": "bim", "reason": "x", "starts_on": "2027-01-02", "ends_on": "2027-01-01"},
			"end after it begins",
		),
		({"feature": "bim", "reason": "x", "starts_on": "whenever"}, "whenever is no date"),
	],
)
def test_overrides_that_cannot_be(frappe, tenant, row, sentence):
	tenant.append("overrides", row)
	with pytest.raises(frappe.ValidationError, match=sentence):
		tenant.save()


def test_who_granted_it_and_when_is_written_by_the_server(frappe, tenant):
	forged = {"granted_by": "Guest", "granted_on": "2001-01-01"}
	tenant.append("overrides", {"feature": "bim", "reason": "x", **forged})
	tenant.save()
	row = frappe.get_doc("Tenant", tenant.name).overrides[0]
	assert row.granted_by == "Administrator" and row.granted_on.year > 2001
	row.db_set("granted_by", "Guest")
	tenant = frappe.get_doc("Tenant", tenant.name)
	tenant.overrides[0].granted_by = "Administrator"  # a row that is as it was keeps who granted it
	tenant.save()
	assert tenant.overrides[0].granted_by == "Guest"
	tenant.overrides[0].ends_on = later(frappe, days=1)
	tenant.save()
	assert tenant.overrides[0].granted_by == "Administrator"


@pytest.mark.parametrize("doctype, table", [("Tenant Override", "overrides"), ("Plan Feature", "features")])
def test_a_row_cannot_be_changed_past_its_document(frappe, tenant, doctype, table):
	"""REST's PUT and DELETE save and delete a row by itself for whoever may write the document."""
	tenant.append("overrides", {"feature": "bim", "reason": "x"})
	tenant.save()
	parent = tenant if table == "overrides" else frappe.get_doc("Plan", "SC Small")
	row = frappe.get_doc(doctype, parent.get(table)[0].name)
	row.feature = "photos"
	for action in (row.save, lambda: frappe.delete_doc(doctype, row.name)):
		with pytest.raises(frappe.ValidationError, match="changed with the document"):
			action()


def test_a_kill_switch_is_in_all_layers_until_it_is_lifted(frappe, tenant, sent):
	switch = frappe.get_doc({"doctype": "Kill Switch", "feature": "rfi", "reason": "loses data"}).insert()
	assert sent == [(None, "kill switch for rfi")]
	(layer,) = (each for each in tenant.layers()["killed"] if each["feature"] == "rfi")
	assert layer == {"feature": "rfi", "from": epoch(switch.starts_on), "until": None}
	sent.clear()
	switch.lift()
	assert sent == [(None, "kill switch for rfi")]
	assert not [each for each in tenant.layers()["killed"] if each["feature"] == "rfi"]
	with pytest.raises(frappe.ValidationError, match="Only the end"):
		frappe.get_doc("Kill Switch", switch.name).update({"ends_on": None}).save()


@pytest.mark.parametrize(
	"field, value", [("feature", "bim"), ("reason", "another"), ("starts_on", "2020-01-01")]
)
def test_a_kill_switch_is_a_record(frappe, sent, field, value):
	switch = frappe.get_doc({"doctype": "Kill Switch", "feature": "rfi", "reason": "loses data"}).insert()
	switch = frappe.get_doc("Kill Switch", switch.name)
	switch.ends_on = later(frappe, days=1)
	switch.save()
	switch.set(field, value)
	with pytest.raises(frappe.ValidationError, match="Only the end"):
		switch.save()
	with pytest.raises(frappe.ValidationError, match="stays on record"):
		frappe.delete_doc("Kill Switch", switch.name)


def test_one_that_was_to_come_never_does_once_lifted(frappe, tenant):
	switch = frappe.get_doc(
		{"doctype": "Kill Switch", "feature": "rfi", "reason": "x", "starts_on": later(frappe, days=2)}
	).insert()
	switch.lift()
	from buildpro_saas.entitlements.layers import compose

	granted = compose(tenant.layers(), epoch(later(frappe, days=3))).features["rfi"]
	assert granted.reason == "PLAN"


def test_shadow_and_gates(frappe, tenant, sent):
	from buildpro_saas.licensing.catalogue import catalogue_for_tenants

	feature = frappe.get_doc("Feature", "rfi")
	feature.is_shadow = feature.hides_existing = 1
	feature.append("gates", {"kind": "DocType", "target": "RFI", "gates_submit": 0, "gates_delete": 0})
	feature.append("gates", {"kind": "Method", "target": "app.rfi.close"})
	feature.save()
	assert sent == [(None, "feature rfi")]
	assert "rfi" in tenant.layers()["shadow"]
	entry = catalogue_for_tenants()["features"]["rfi"]
	assert entry["hides"] is True
	assert entry["gates"][-2:] == [
		{"kind": "DocType", "name": "RFI", "operations": ["create", "write"]},
		{"kind": "Method", "name": "app.rfi.close"},
	]
	sent.clear()
	feature.description = "another"
	feature.save()
	assert sent == []


@pytest.mark.parametrize(
	"rows, sentence",
	[
		([{"kind": "DocType", "target": " "}], "enter the name"),
		([{"kind": "Method", "target": "close it"}], "no dotted path"),
		([{"kind": "Page", "target": "x"}, {"kind": "Page", "target": "x "}], "twice"),
		(
			[
				{
					"kind": "DocType",
					"target": "RFI",
					**dict.fromkeys(["gates_create", "gates_write", "gates_submit", "gates_delete"], 0),
				}
			],
			"tick at least one",
		),
	],
)
def test_gates_that_close_nothing(frappe, rows, sentence):
	feature = frappe.get_doc({"doctype": "Feature", "key": "sc_feature", "label": "SC", "gates": rows})
	with pytest.raises(frappe.ValidationError, match=sentence):
		feature.insert()


# -- status --------------------------------------------------------------------------------------------------------


def test_past_due_suspended_and_back(frappe, tenant, sent):
	for method, reason, status in (
		("mark_past_due", "invoice <b>7</b>", "Past Due"),
		("suspend", "invoice 7 still", "Suspended"),
		("resume", None, "Active"),
		("suspend", "asked for it", "Suspended"),
		("resume", "came back", "Active"),
	):
		getattr(tenant, method)(*filter(None, [reason]))
		assert frappe.db.get_value("Tenant", tenant.name, "status") == status
		assert sent[-1] == ({"sc-acme"}, status)
		if reason:
			assert any(frappe.utils.escape_html(reason) in text for text in comments(frappe, tenant))
	assert len(sent) == 5


def test_the_operators_own_systems_change_plan_and_status(frappe, tenant):
	from buildpro_saas.api import tenants

	assert tenants.mark_past_due("sc-acme", "invoice 7")["status"] == "Past Due"
	assert tenants.suspend("sc-acme", "invoice 7")["status"] == "Suspended"
	assert tenants.resume("sc-acme")["status"] == "Active"
	tenants.set_plan("sc-acme", "SC Large", trial_until="2090-01-01", then="SC Small")
	assert frappe.db.get_value("Tenant", "sc-acme", ["plan", "plan_after_trial"]) == ("SC Large", "SC Small")


@pytest.mark.parametrize("method", ["suspend", "mark_past_due"])
def test_a_reason_is_needed(frappe, tenant, method):
	with pytest.raises(frappe.ValidationError, match="Enter the reason"):
		getattr(tenant, method)("  ")


@pytest.mark.parametrize("status", ["Active", "Archived", "Provisioning"])
def test_only_who_was_stopped_is_resumed(frappe, tenant, status):
	tenant.db_set("status", status)
	with pytest.raises(frappe.ValidationError, match="only a tenant that is Past Due or Suspended"):
		tenant.resume()


def test_a_forged_copy_does_not_end_provisioning(frappe, tenant):
	tenant.db_set("status", "Provisioning")
	forged = frappe.get_doc({**tenant.as_dict(), "status": "Suspended"})
	with pytest.raises(frappe.ValidationError, match="is Provisioning: only"):
		forged.resume()


def test_a_statement_says_the_status(frappe, tenant):
	from buildpro_saas.entitlements import statement

	tenant.suspend("asked for it")
	signed = tenant.sign_entitlement()["token"]
	assert statement.verify(signed, frappe.conf.buildpro_public_keys, tenant.site_name).status == "Suspended"


@pytest.mark.parametrize("is_changed", [False, True])
def test_one_without_a_site_is_told_what_changed_meanwhile_as_it_becomes_active(
	frappe, plans, sent, is_changed
):
	doc = new_tenant(frappe, "sc-new", "SC Small", status="Provisioning")
	doc.sign_entitlement()
	sent.clear()
	if is_changed:
		doc.append("overrides", {"feature": "bim", "reason": "x"})
		doc.save()
	assert sent == []
	doc.set_status("Active")
	assert sent == ([({"sc-new"}, "changed meanwhile")] if is_changed else [])


@pytest.mark.parametrize("field", ["support_contact", "entitlement_valid_days", "entitlement_grace_days"])
def test_settings_that_are_in_statements(frappe, sent, field):
	settings = frappe.get_doc("SaaS Settings")
	settings.set(field, 12)
	settings.save()
	assert sent == [(None, "SaaS Settings")]


def comments(frappe, doc) -> list[str]:
	return frappe.get_all(
		"Comment", {"reference_doctype": doc.doctype, "reference_name": doc.name}, pluck="content"
	)
