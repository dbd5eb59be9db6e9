"""Features and plans: what is shipped, what a site makes of it, and what a plan gives once resolved."""

import threading

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
	with pytest.raises(frappe.ValidationError, match=r"max_users|Value must be a number of at most"):
		new_plan("Boundless", limits=[("max_users", value, 1)])


def test_shipped_plans_include_each_other(frappe, fresh_catalogue):
	core, growth, enterprise = (
		set(resolved(frappe, name)["features"]) for name in ("Core", "Growth", "Enterprise")
	)
	assert core < growth < enterprise
	assert "rfi" in growth - core
	assert "bim" in enterprise - growth
	assert enterprise == set(frappe.get_all("Feature", pluck="name"))
	assert len(enterprise) == 26


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
	assert len(fresh_catalogue.bring()) == 29


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
	from buildpro_saas.licensing.stored_plans import available_in, offered

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


# -- several at once, and loops ----------------------------------------------------------------------------------------


@pytest.fixture
def pair(frappe, new_plan):
	"""Two plans, committed: others' connections see them."""
	names = [f"Pair {frappe.generate_hash(length=8)} {number}" for number in (1, 2)]
	for name in names:
		new_plan(name, rank=-1)
	frappe.db.commit()
	yield names
	frappe.db.rollback()
	frappe.db.set_value("Plan", {"name": ("in", names)}, "includes", None)
	for name in names:
		frappe.delete_doc("Plan", name, force=True)
	frappe.db.delete("Plan Version", {"plan": ("in", names)})
	frappe.db.commit()


def at_once(frappe, *works):
	"""Run each work in a connection of its own that has read already, all at one moment; returns what each raised."""
	site, start, raised = frappe.local.site, threading.Barrier(len(works)), [None] * len(works)

	def run(number, work):
		frappe.init(site=site, sites_path=".")
		frappe.connect()
		frappe.flags.mute_messages = True
		try:
			frappe.get_all("Plan")  # the picture that plain reads have from here on
			start.wait(timeout=30)
			work()
			frappe.db.commit()
		except Exception as error:
			raised[number] = error
			frappe.db.rollback()
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(timeout=60)
	frappe.db.commit()
	return raised


@pytest.mark.parametrize("for_update", [False, True])
def test_two_plans_never_include_each_other(frappe, pair, for_update):
	"""Desk sends a document, REST reads it for update first."""

	def include(plan, other):
		doc = frappe.get_doc("Plan", plan, for_update=for_update)
		doc.includes = other
		doc.save()

	raised = at_once(frappe, lambda: include(*pair), lambda: include(*reversed(pair)))
	assert [type(error).__name__ for error in raised if error] == ["ValidationError"], raised
	assert "A plan cannot include itself" in str(next(filter(None, raised)))
	assert len(frappe.get_all("Plan", {"name": ("in", pair), "includes": ("is", "set")})) == 1


def test_two_changes_of_what_a_plan_includes_are_both_in_its_versions(frappe, new_plan, pair):
	name = f"{pair[0]} both"
	new_plan(name, rank=-1, includes=pair[0])
	frappe.db.set_value("Plan", pair[0], "includes", pair[1])
	frappe.db.commit()

	def add(plan, feature):
		doc = frappe.get_doc("Plan", plan)
		doc.append("features", {"feature": feature})
		doc.save()

	try:
		assert at_once(frappe, lambda: add(pair[0], "rfi"), lambda: add(pair[1], "bim")) == [None, None]
		versions = frappe.get_all("Plan Version", {"plan": name}, ["features"], order_by="version desc")
		assert {"rfi", "bim"} <= set(frappe.parse_json(versions[0].features))
	finally:
		frappe.db.rollback()
		frappe.delete_doc("Plan", name, force=True)
		frappe.db.delete("Plan Version", {"plan": name})
		frappe.db.commit()


def test_a_plan_is_not_deleted_while_another_comes_to_include_it(frappe, pair):
	from buildpro_saas.licensing.stored_plans import stored_plans

	def include():
		doc = frappe.get_doc("Plan", pair[0])
		doc.includes = pair[1]
		doc.save()

	raised = at_once(frappe, include, lambda: frappe.delete_doc("Plan", pair[1]))
	assert len([error for error in raised if error]) == 1, raised
	stored = stored_plans()
	assert stored[pair[0]]["includes"] in (None, *stored)


def test_a_loop_elsewhere_stops_nobody(frappe, new_plan):
	"""As a restored database, or a version before this one, may have it."""
	from buildpro_saas.entitlements.plans import PlanLoopError
	from buildpro_saas.fleet import images, standby
	from buildpro_saas.licensing.catalogue import catalogue_for_tenants
	from buildpro_saas.licensing.entitlement_sources import Offer
	from buildpro_saas.licensing.stored_plans import offered

	for name, other in (("Loop 1", None), ("Loop 2", "Loop 1"), ("Loop none", None)):
		new_plan(name, includes=other, is_active=1)
	frappe.db.set_value("Plan", "Loop 1", "includes", "Loop 2")
	with pytest.raises(PlanLoopError):
		Offer().resolved("Loop 2")
	assert Offer().resolved("Loop none")
	assert "Loop none" in [plan["plan"] for plan in offered()] and "Loop 1" not in [
		plan["plan"] for plan in offered()
	]
	assert catalogue_for_tenants()["plans"]
	bench = frappe.get_all("Bench", {"is_local": 1}, pluck="name")[0]
	assert isinstance(images.wanted(bench), dict) and isinstance(standby.targets(bench), dict)
	mended = frappe.get_doc("Plan", "Loop 1")
	mended.includes = None
	mended.save()
	assert Offer().resolved("Loop 2")


def test_apps_that_no_bench_has_are_said(frappe, new_plan):
	frappe.flags.mute_messages = False
	frappe.clear_messages()
	new_plan("Apps there", apps=["frappe"])
	assert "lacks" not in str(frappe.get_message_log())
	plan = new_plan("Apps not there", apps=["frappe", "no_such_app"])
	assert "lacks no_such_app: until it has that" in str(frappe.get_message_log())
	frappe.clear_messages()
	plan.description = "the same apps"
	plan.save()
	assert "lacks" not in str(frappe.get_message_log())
