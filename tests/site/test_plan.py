"""Features and plans: what is shipped, what a site makes of it, and what a plan gives once resolved."""

import pytest


@pytest.fixture
def new_plan(frappe):
	def make(name, features=(), limits=(), apps=(), **fields):
		return frappe.get_doc(
			{
				"doctype": "Plan",
				"plan_name": name,
				"features": [{"feature": feature} for feature in features],
				"limits": [
					{"limit_key": key, "value": value, "is_hard": hard} for key, value, hard in limits
				],
				"apps": [{"app": app} for app in apps],
				**fields,
			}
		).insert()

	return make


@pytest.fixture
def fresh_catalogue(frappe):
	"""The catalogue as it is on a site that has just got the app; rolled back like everything else."""
	from buildpro_saas.control_plane import catalogue

	empty(frappe)
	frappe.db.set_single_value("SaaS Settings", "shipped", "")
	catalogue.bring()
	return catalogue


@pytest.mark.parametrize("value", [10**9 + 1, 99_999_999_999, 10**30, "1e30", -1])
def test_a_limit_that_nobody_can_count_to_is_refused(frappe, new_plan, value):
	with pytest.raises(frappe.ValidationError, match="max_users"):
		new_plan("Boundless", limits=[("max_users", value, 1)])


def test_shipped_plans_include_each_other(frappe, fresh_catalogue):
	core, growth, enterprise = (
		set(resolved(frappe, name)["features"]) for name in ("Core", "Growth", "Enterprise")
	)
	assert core < growth < enterprise
	assert "rfi" in growth - core
	assert "bim" in enterprise - growth
	assert enterprise == set(frappe.get_all("Feature", pluck="name"))
	assert len(enterprise) == 25


def test_shipped_plans_install_the_guides_apps(frappe, fresh_catalogue):
	assert resolved(frappe, "Core")["apps"] == ["erpnext"]
	assert resolved(frappe, "Growth")["apps"] == ["erpnext", "crm", "hrms"]
	assert resolved(frappe, "Enterprise")["apps"] == ["erpnext", "crm", "hrms"]


def test_a_sites_own_edits_survive(frappe, fresh_catalogue):
	frappe.db.set_value("Feature", "rfi", "label", "Questions")
	core = frappe.get_doc("Plan", "Core")
	core.price, core.apps = 99, []
	core.save()
	frappe.delete_doc(
		"Feature", frappe.get_doc({"doctype": "Feature", "key": "own", "label": "Own"}).insert().name
	)
	for plan in ("Enterprise", "Growth"):
		frappe.delete_doc("Plan", plan, force=True)
	frappe.delete_doc("Feature", "bim")

	assert fresh_catalogue.bring() == []
	assert frappe.db.get_value("Feature", "rfi", "label") == "Questions"
	assert frappe.db.get_value("Plan", "Core", "price") == 99
	assert resolved(frappe, "Core")["apps"] == []
	assert not frappe.db.exists("Feature", "bim")
	assert not frappe.db.exists("Plan", "Growth")


def test_what_a_later_release_adds_arrives_once(frappe, fresh_catalogue):
	import json

	frappe.delete_doc("Plan", "Enterprise", force=True)
	shipped = json.loads(frappe.db.get_single_value("SaaS Settings", "shipped"))
	shipped.remove("Plan/Enterprise")
	frappe.db.set_single_value("SaaS Settings", "shipped", json.dumps(shipped))
	assert fresh_catalogue.bring() == ["Plan/Enterprise"]
	assert "bim" in resolved(frappe, "Enterprise")["features"]


def test_a_new_installation_starts_anew(frappe, fresh_catalogue):
	fresh_catalogue.forget_if_gone()
	assert fresh_catalogue.bring() == []  # installed over itself, nothing is brought back
	empty(frappe)
	fresh_catalogue.forget_if_gone()
	assert len(fresh_catalogue.bring()) == 28


def test_resolved_takes_unsaved_changes_and_the_higher_limit(frappe, new_plan):
	new_plan("Small", features=["rfi"], limits=[("max_users", 5, 1), ("max_sites", 9, 0)], apps=["a", "b"])
	big = new_plan(
		"Big",
		features=["bim"],
		limits=[("max_users", 50, 0), ("max_sites", 1, 1)],
		apps=["c"],
		includes="Small",
	)
	big.append("features", {"feature": "sso"})
	assert big.resolved() == {
		"plan": "Big",
		"features": ["bim", "rfi", "sso"],
		"limits": {"max_users": {"value": 50, "is_hard": False}, "max_sites": {"value": 9, "is_hard": False}},
		"apps": ["a", "b", "c"],
	}


def test_loops_are_refused(frappe, new_plan):
	new_plan("A")
	new_plan("B", includes="A")
	plan = frappe.get_doc("Plan", "A")
	plan.includes = "B"
	with pytest.raises(frappe.ValidationError, match="cannot include itself: A → B → A"):
		plan.save()
	plan = frappe.get_doc("Plan", "A")
	plan.includes = "A"
	with pytest.raises(frappe.ValidationError, match="cannot include itself: A → A"):
		plan.save()


@pytest.mark.parametrize(
	("fields", "sentence"),
	[
		({"features": ["rfi", "rfi"]}, "rfi is in the plan twice"),
		({"apps": ["erpnext", "ERPNext"]}, "erpnext is in the plan twice"),
		({"apps": ["erp next; rm"]}, "cannot be the name of a plan's app"),
		({"limits": [("max users", 1, 1)]}, "cannot be the name of a plan's limit"),
	],
)
def test_rows_that_cannot_be(frappe, new_plan, fields, sentence):
	with pytest.raises(frappe.ValidationError, match=sentence):
		new_plan("Odd", **fields)


@pytest.mark.parametrize("key", ["", "RFI log", "1st", "a-b", "ключ", "a" * 62])
def test_feature_keys_that_cannot_be(frappe, key):
	with pytest.raises(frappe.ValidationError, match="cannot be a feature's key"):
		frappe.get_doc({"doctype": "Feature", "key": key, "label": "X"}).insert()


def test_the_lowest_active_plan_is_the_one_that_has_it(frappe, new_plan):
	from buildpro_saas.control_plane.stored_plans import available_in, offered

	frappe.get_doc({"doctype": "Feature", "key": "drones", "label": "Drones"}).insert()
	assert available_in(offered()).get("drones") is None
	new_plan("High", features=["drones"], rank=90)
	low = new_plan("Low", features=["drones"], rank=80)
	assert available_in(offered()).get("drones") == "Low"
	low.is_active = 0
	low.save()
	assert available_in(offered()).get("drones") == "High"


def empty(frappe) -> None:
	for doctype in ("Plan Feature", "Plan Limit", "Plan App", "Plan", "Feature"):
		frappe.db.delete(doctype)


def resolved(frappe, plan: str) -> dict:
	return frappe.get_doc("Plan", plan).resolved()
