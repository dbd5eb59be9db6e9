"""Editing a plan: who gains and loses what, who gets it, and the versions that are kept."""

import json

import pytest
from conftest_data import new_tenant


@pytest.fixture
def plans(frappe, sent):
	"""Small with one tenant, and Large, which includes it, with another."""
	for name, features, includes, users in (
		("SV Small", ["rfi"], None, 5),
		("SV Large", ["bim"], "SV Small", 50),
	):
		frappe.get_doc(
			{
				"doctype": "Plan",
				"plan_name": name,
				"rank": -1,
				"includes": includes,
				"features": [{"feature": feature} for feature in features],
				"limits": [{"limit_key": "max_users", "value": users, "is_hard": 1}],
			}
		).insert()
	for name, plan in (("sv-one", "SV Small"), ("sv-two", "SV Large")):
		new_tenant(frappe, name, plan)
	sent.clear()


def features(frappe, tenant: str) -> list[str]:
	return frappe.get_doc("Tenant", tenant).layers()["plans"][0]["features"]


def versions(frappe, plan: str) -> list[tuple]:
	rows = frappe.get_all("Plan Version", {"plan": plan}, ["name", "features", "why"], order_by="version")
	return [(row.name, json.loads(row.features), row.why) for row in rows]


def agree(frappe, tenant: str, **terms) -> None:
	frappe.get_doc("Tenant", tenant).update(terms).save()


def edit(frappe, choice: str | None, name: str = "SV Small", add: str = "photos", **fields):
	plan = frappe.get_doc("Plan", name)
	plan.append("features", {"feature": add})
	plan.update({"apply_changes_to": choice, **fields})
	return plan.save()


def test_a_new_plan_is_its_first_version(frappe, plans):
	assert versions(frappe, "SV Large") == [("SV Large v1", ["bim", "rfi"], "New plan")]


def test_without_a_choice_a_change_that_concerns_tenants_is_refused(frappe, plans):
	for choice, told in {
		None: "concerns is 2: set Apply Changes To",
		"": "concerns is 2: set Apply Changes To",
		"Nobody": "Apply Changes To cannot be Nobody: choose one of",
	}.items():
		with pytest.raises(frappe.ValidationError, match=told):
			edit(frappe, choice)


@pytest.mark.parametrize("field, value", [("price", 7), ("description", "x"), ("apps", [{"app": "crm"}])])
def test_what_gives_tenants_nothing_else_needs_no_choice_and_is_no_version(frappe, plans, sent, field, value):
	plan = frappe.get_doc("Plan", "SV Small")
	plan.set(field, value)
	plan.save()
	assert len(versions(frappe, "SV Small")) == 1
	assert sent == []


def test_what_an_including_plan_has_anyway_concerns_only_the_others(frappe, plans):
	with pytest.raises(frappe.ValidationError, match="concerns is 1:"):
		edit(frappe, None, add="bim")


def test_everyone_now(frappe, plans, sent):
	plan = edit(frappe, "Everyone now", change_reason="asked for by many")
	assert (plan.apply_changes_to, plan.change_reason) == (None, None)
	assert frappe.db.get_value("Plan", "SV Small", ["apply_changes_to", "change_reason"]) == (None, None)
	assert features(frappe, "sv-one") == ["photos", "rfi"]
	assert features(frappe, "sv-two") == ["bim", "photos", "rfi"]
	assert versions(frappe, "SV Small")[1:] == [("SV Small v2", ["photos", "rfi"], "asked for by many")]
	assert versions(frappe, "SV Large")[1:] == [
		("SV Large v2", ["bim", "photos", "rfi"], "asked for by many")
	]
	assert sent == [(None, "plan SV Small")]


def test_only_new_tenants(frappe, plans, sent):
	edit(frappe, "Only new tenants")
	assert features(frappe, "sv-one") == ["rfi"]
	assert features(frappe, "sv-two") == ["bim", "rfi"]
	assert frappe.db.get_value("Tenant", "sv-two", "plan_version") == "SV Large v1"
	assert frappe.db.exists(
		"Comment",
		{"reference_doctype": "Tenant", "reference_name": "sv-two", "content": ("like", "%SV Large v1%")},
	)
	assert features(frappe, new_tenant(frappe, "sv-three", "SV Small").name) == ["photos", "rfi"]
	# whoever keeps a version is not concerned by the next change
	with pytest.raises(frappe.ValidationError, match="concerns is 1:"):
		edit(frappe, None, add="budget")
	sent.clear()
	tenant = frappe.get_doc("Tenant", "sv-one")
	tenant.plan_version = None
	tenant.save()
	assert features(frappe, "sv-one") == ["photos", "rfi"]
	assert sent == [({"sv-one"}, "its terms")]


def test_a_plan_from_before_there_were_versions_gets_the_one_that_it_had(frappe, plans):
	frappe.db.delete("Plan Version", {"plan": ("in", ("SV Small", "SV Large"))})
	edit(frappe, "Only new tenants")
	assert [content for _, content, _ in versions(frappe, "SV Small")] == [["rfi"], ["photos", "rfi"]]
	assert features(frappe, "sv-one") == ["rfi"]


def test_another_plan_lets_the_kept_version_go(frappe, plans):
	edit(frappe, "Only new tenants")
	tenant = frappe.get_doc("Tenant", "sv-one")
	tenant.plan = "SV Large"
	tenant.save()
	assert tenant.plan_version is None
	assert features(frappe, "sv-one") == ["bim", "photos", "rfi"]


def test_a_version_is_kept_through_the_end_of_a_trial_of_another_plan_only(frappe, plans):
	"""The version is one of the tenant's plan; the plan after the trial is followed as it is then."""
	edit(frappe, "Only new tenants")
	tenant = frappe.get_doc("Tenant", "sv-two")
	tenant.update({"trial_ends_on": "2090-01-01", "plan_after_trial": "SV Small"})
	tenant.save()
	assert [layer["features"] for layer in tenant.layers()["plans"]] == [["bim", "rfi"], ["photos", "rfi"]]


def test_who_comes_back_to_a_plan_gets_it_as_it_is_then(frappe, plans):
	edit(frappe, "Only new tenants")
	agree(
		frappe,
		"sv-one",
		trial_ends_on="2090-01-01",
		plan_after_trial="SV Large",
		next_plan="SV Small",
		next_plan_on="2091-01-01",
	)
	found = [layer["features"] for layer in frappe.get_doc("Tenant", "sv-one").layers()["plans"]]
	assert found == [["rfi"], ["bim", "photos", "rfi"], ["photos", "rfi"]]


LATER = {
	"after a trial": {"trial_ends_on": "2090-01-31 18:00", "plan_after_trial": "SV Small"},
	"by a change": {"next_plan": "SV Small", "next_plan_on": "2090-01-31 18:00"},
}


@pytest.fixture(params=LATER.values(), ids=LATER)
def comes_later(request, frappe, plans, sent):
	"""No tenant has Small or Large any more, and one comes to Small on a date; the layer that its plan is in."""
	frappe.db.set_value("Tenant", {"name": ("in", ("sv-one", "sv-two"))}, "status", "Removed")
	frappe.get_doc({"doctype": "Plan", "plan_name": "SV Other", "rank": -1}).insert()
	new_tenant(frappe, "sv-later", "SV Other", **request.param)
	sent.clear()


def content(frappe) -> list[list]:
	return [layer["features"] for layer in frappe.get_doc("Tenant", "sv-later").layers()["plans"]]


def test_a_change_that_concerns_only_who_comes_to_the_plan_needs_a_choice(frappe, comes_later):
	with pytest.raises(frappe.ValidationError, match="concerns is 1: set Apply Changes To"):
		edit(frappe, None)


@pytest.mark.parametrize("choice", ["Everyone now", "Only new tenants"])
def test_who_comes_to_the_plan_gets_it_as_it_is_on_that_day(frappe, comes_later, sent, choice):
	assert content(frappe) == [[], ["rfi"]]
	edit(frappe, choice)
	assert frappe.db.get_value("Tenant", "sv-later", "plan_version") is None
	assert content(frappe) == [[], ["photos", "rfi"]]
	assert sent == [(None, "plan SV Small")]


def test_who_comes_to_a_changed_plan_is_sent_the_changed_statement(frappe, plans, monkeypatch):
	from buildpro_saas.licensing import delivery

	monkeypatch.undo()  # the jobs themselves, not what `sent` notes of them
	new_tenant(frappe, "sv-later", "SV Large", **LATER["by a change"])
	frappe.get_doc("Tenant", "sv-later").sign_entitlement()
	assert frappe.get_doc("Tenant", "sv-later").is_entitlement_current()
	setattr(frappe.local, delivery.LOCAL_KEY, None)
	frappe.db.delete("Batch")
	frappe.db.delete("Batch Row")
	edit(frappe, "Everyone now", add="bim")  # Large has it
	assert not frappe.get_doc("Tenant", "sv-later").is_entitlement_current()
	assert "sv-later" in frappe.get_all("Batch Row", pluck="tenant")


def test_a_version_of_another_plan_is_none(frappe, plans):
	"""However it came there: such a tenant follows its plan, and is asked about with the others."""
	frappe.db.set_value("Tenant", "sv-two", "plan_version", "SV Small v1")
	assert features(frappe, "sv-two") == ["bim", "rfi"]
	edit(frappe, "Only new tenants", name="SV Large")
	assert frappe.db.get_value("Tenant", "sv-two", "plan_version") == "SV Large v1"
	assert features(frappe, "sv-two") == ["bim", "rfi"]


@pytest.fixture
def colleague(frappe):
	"""Another member of staff: a connection of its own, that commits each statement."""
	from frappe.database import get_db

	account = {"user": frappe.conf.db_name, "password": frappe.conf.db_password}
	db = get_db(host=frappe.db.host, port=frappe.db.port, **account)
	db.connect()
	db._conn.select_db(frappe.conf.db_name)  # which later versions of Frappe do not do by themselves
	db._conn.autocommit(True)
	yield db
	db.close()


@pytest.mark.parametrize(
	"change",
	[{"plan": "Core"}, {"plan_version": "Mine v1"}, {"status": "Removed"}],
	ids=["another plan", "another version", "removed"],
)
def test_who_left_the_plan_while_it_was_edited_keeps_no_version_of_it(
	frappe, drifting, sent, colleague, change
):
	name = f"SV {drifting.token}"
	drifting.record("Plan", name=name, plan_name=name, rank=-1)
	left, stays = (
		drifting.record(
			"Tenant",
			subdomain=f"{drifting.token}{number}",
			company="Acme",
			owner_name="Olga",
			owner_email="olga@acme.example",
			plan=name,
			status="Archived",
		)
		for number in range(2)
	)
	plan = frappe.get_doc("Plan", name)  # what the edit sees of the tenants is from now
	((field, value),) = change.items()
	colleague.sql(f"update tabTenant set {field} = %s where name = %s", (value, left))
	plan.append("features", {"feature": "photos"})
	plan.apply_changes_to = "Only new tenants"
	plan.save()

	def newest(tenant):
		return frappe.db.get_value("Tenant", tenant, ["plan", "plan_version", "status"], for_update=True)

	was = {"plan": name, "plan_version": None, "status": "Archived"}
	assert newest(left) == tuple((was | change).values())
	assert newest(stays) == tuple((was | {"plan_version": f"{name} v1"}).values())
	assert not frappe.db.exists("Comment", {"reference_doctype": "Tenant", "reference_name": left})
	assert frappe.db.exists("Comment", {"reference_doctype": "Tenant", "reference_name": stays})


def test_versions_are_a_record(frappe, plans):
	def changed():
		return frappe.get_doc("Plan Version", "SV Small v1").update({"why": "else"})

	for action in (
		lambda: changed().save(),
		lambda: changed().save(ignore_permissions=True),
		lambda: frappe.delete_doc("Plan Version", "SV Small v1"),
		lambda: frappe.get_doc({"doctype": "Plan Version", "plan": "SV Small", "version": 9}).insert(),
	):
		with pytest.raises(frappe.PermissionError):
			action()


def test_versions_do_not_keep_a_plan_from_being_deleted(frappe):
	frappe.get_doc({"doctype": "Plan", "plan_name": "SV Gone"}).insert()
	frappe.delete_doc("Plan", "SV Gone")
	assert versions(frappe, "SV Gone")


# -- preview -------------------------------------------------------------------------------------------------------


def preview(
	frappe, features: list, users: int = 5, includes: str | None = None, name: str = "SV Small"
) -> dict:
	limits = [{"limit_key": "max_users", "value": users, "is_hard": 1}]
	return frappe.get_doc("Plan", name).preview_changes(features, limits, includes)


def test_the_preview_tells_who_gains_and_loses_what(frappe, plans):
	found = preview(frappe, ["photos"], users=7)
	assert (found["plans"], found["count"]) == (["SV Large", "SV Small"], 2)
	assert found["labels"]["photos"] == frappe.db.get_value("Feature", "photos", "label")
	large, small = found["groups"]
	assert small == {
		"plan": "SV Small",
		"is_later": False,
		"count": 1,
		"tenants": [{"name": "sv-one", "company": "Sv-One", "from": None}],
		"gains": ["photos"],
		"loses": ["rfi"],
		"limits": [
			{
				"limit": "max_users",
				"before": {"value": 5, "is_hard": True},
				"after": {"value": 7, "is_hard": True},
			}
		],
	}
	# the larger plan's own limit is higher than either
	assert (large["plan"], large["gains"], large["loses"], large["limits"]) == (
		"SV Large",
		["photos"],
		["rfi"],
		[],
	)
	assert features(frappe, "sv-one") == ["rfi"]


def test_the_preview_tells_who_comes_to_the_plan_and_when(frappe, plans):
	for name, month in (("sv-a", 9), ("sv-b", 3)):
		new_tenant(
			frappe, name, "SV Large", trial_ends_on=f"2090-0{month}-30 18:00", plan_after_trial="SV Small"
		)
	agree(frappe, "sv-one", next_plan="SV Small", next_plan_on="2090-01-31")  # stays with its plan
	found = preview(frappe, ["rfi", "photos"])
	assert found["count"] == 4
	told = [
		(group["plan"], group["is_later"], group["count"], [each["from"] for each in group["tenants"]])
		for group in found["groups"]
	]
	assert told == [
		("SV Large", False, 3, [None, None, None]),
		("SV Small", False, 1, [None]),
		("SV Small", True, 2, ["2090-03-30 18:00:00", "2090-09-30 18:00:00"]),
	]
	assert [each["name"] for each in found["groups"][2]["tenants"]] == ["sv-b", "sv-a"]
	assert found["groups"][2]["gains"] == ["photos"]


def test_the_preview_of_a_later_date_counts_what_there_is_by_then(frappe, plans):
	"""One that has the feature until before that day gains it; one that has it from then on does not."""
	for name, dates in (("sv-ends", {"ends_on": "2090-01-01"}), ("sv-begins", {"starts_on": "2090-01-01"})):
		new_tenant(
			frappe,
			name,
			"SV Large",
			next_plan="SV Small",
			next_plan_on="2090-02-01",
			overrides=[{"feature": "photos", "reason": "agreed", **dates}],
		)
	groups = [group for group in preview(frappe, ["rfi", "photos"])["groups"] if group["is_later"]]
	assert {group["tenants"][0]["name"]: group["gains"] for group in groups} == {
		"sv-ends": ["photos"],
		"sv-begins": [],
	}


def test_a_plan_that_is_over_is_not_told_of(frappe, plans):
	"""The date has come and the record has not followed yet."""
	frappe.db.set_value(
		"Tenant", "sv-one", {"trial_ends_on": "2020-01-01 10:00:00", "plan_after_trial": "SV Large"}
	)
	groups = preview(frappe, ["rfi", "photos"])["groups"]
	assert [(group["plan"], group["is_later"], group["tenants"][0]["name"]) for group in groups] == [
		("SV Large", False, "sv-two"),
		("SV Large", True, "sv-one"),
	]


def test_what_a_tenant_has_by_other_ways_is_neither_gained_nor_lost(frappe, plans):
	tenant = frappe.get_doc("Tenant", "sv-one")
	tenant.append("overrides", {"feature": "rfi", "reason": "agreed"})
	tenant.append("overrides", {"kind": "Limit", "limit_key": "max_users", "value": 9, "reason": "agreed"})
	tenant.save()
	new_tenant(frappe, "sv-three", "SV Small")
	groups = [group for group in preview(frappe, [], users=7)["groups"] if group["plan"] == "SV Small"]
	assert {group["tenants"][0]["name"]: (group["loses"], len(group["limits"])) for group in groups} == {
		"sv-one": ([], 0),
		"sv-three": (["rfi"], 1),
	}


def test_the_preview_over_http_takes_json_and_empty_rows(frappe, plans):
	from buildpro_saas.api.plans import preview_changes

	limits = [{"limit_key": "max_users", "value": "5", "is_hard": "1"}, {"limit_key": None}]
	found = preview_changes("SV Small", json.dumps(["rfi", "photos", None]), json.dumps(limits))
	assert [group["gains"] for group in found["groups"]] == [["photos"], ["photos"]]


@pytest.mark.parametrize(
	"features",
	[
		[{"feature": "rfi", "idx": 1, "doctype": "Plan Feature"}, {"feature": "photos"}, {"feature": None}],
		["rfi", "photos", ""],
		[{"feature": "rfi"}, "photos"],
		["RFI", " photos"],
	],
	ids=["rows", "names", "both", "as the database takes them"],
)
def test_the_preview_takes_rows_as_the_document_has_them_and_names(frappe, plans, features):
	assert [(group["gains"], group["loses"]) for group in preview(frappe, features)["groups"]] == [
		(["photos"], [])
	] * 2


def test_the_preview_takes_the_documents_own_rows_for_no_change(frappe, plans):
	plan = frappe.get_doc("Plan", "SV Small")
	given = json.loads(plan.as_json())
	assert plan.preview_changes(given["features"], given["limits"], given["includes"])["groups"] == []


@pytest.mark.parametrize("is_hard", [None, "0", 0, "1"])
def test_the_preview_takes_of_a_limit_what_saving_makes_of_it(frappe, plans, is_hard):
	row = {"limit_key": "max_users", "value": "7"} | ({} if is_hard is None else {"is_hard": is_hard})
	plan = frappe.get_doc("Plan", "SV Small")
	(group,) = plan.preview_changes([{"feature": "rfi"}], [row])["groups"]
	plan.set("limits", [row])
	plan.apply_changes_to = "Everyone now"
	plan.save()
	stored = frappe.get_doc("Plan", "SV Small").as_data()["limits"]["max_users"]
	assert group["limits"][0]["after"] == stored == {"value": 7, "is_hard": is_hard != "0" and is_hard != 0}
	version = frappe.get_doc("Plan Version", "SV Small v2")
	assert json.loads(version.limits)["max_users"] == stored


@pytest.mark.parametrize(
	"features, limits, sentence",
	[
		(["rfi", "nope"], [], "There is no feature nope"),
		([{"feature": "nope"}], [], "There is no feature nope"),
		(["{'feature': 'rfi'}"], [], "There is no feature"),
		([{"featur": "rfi"}], [], "Row 1 of Features must have a name in the field feature"),
		(["rfi", 5], [], "Row 2 of Features must have a name in the field feature"),
		([["rfi"]], [], "Row 1 of Features must have a name in the field feature"),
		([{"feature": {"feature": "rfi"}}], [], "Row 1 of Features must have a name in the field feature"),
		('{"feature": "rfi"}', [], "Features must be a JSON list of rows, each with the field feature"),
		("rfi", [], "Features must be a JSON list of rows"),
		("[" * 100_000, [], "Features must be a JSON list of rows"),
		("", [], "Features must be a JSON list of rows"),
		(["rfi", "rfi"], [], "rfi is in the plan twice"),
		(["rfi"], ["max_users"], "Row 1 of Limits must have a name in the field limit_key"),
		(["rfi"], [{"value": 5}], "Row 1 of Limits must have a name in the field limit_key"),
		(["rfi"], "max_users=5", "Limits must be a JSON list of rows, each with the field limit_key"),
		(["rfi"], [{"limit_key": "max users"}], "cannot be the name of a plan's limit"),
		(["rfi"], [{"limit_key": "max_users", "value": -1}], "must be 0 to"),
	],
)
def test_the_preview_refuses_what_are_no_rows_of_a_plan(frappe, plans, features, limits, sentence):
	from buildpro_saas.api.plans import preview_changes

	as_sent = (each if isinstance(each, str) else json.dumps(each) for each in (features, limits))
	with pytest.raises(frappe.ValidationError, match=sentence):
		preview_changes("SV Small", *as_sent)


def test_the_preview_is_of_what_is_stored_whatever_the_browser_says(frappe, plans):
	forged = frappe.get_doc({**frappe.get_doc("Plan", "SV Small").as_dict(), "includes": "SV Large"})
	assert (
		forged.preview_changes(["rfi"], [{"limit_key": "max_users", "value": 5, "is_hard": 1}])["count"] == 0
	)
	with pytest.raises(frappe.ValidationError, match="cannot include itself"):
		preview(frappe, ["rfi"], includes="SV Large")


def test_many_tenants_are_counted_and_some_named(frappe, plans):
	for number in range(25):
		row = frappe.get_doc("Tenant", "sv-one").as_dict()
		doc = frappe.get_doc(
			{**row, "name": f"sv-many-{number}", "subdomain": f"sv-many-{number}", "site": None}
		)
		doc.db_insert()
	(group,) = (each for each in preview(frappe, ["rfi", "photos"])["groups"] if each["plan"] == "SV Small")
	assert (group["count"], len(group["tenants"])) == (26, 20)
