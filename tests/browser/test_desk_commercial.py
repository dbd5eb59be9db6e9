"""Staff change a plan, a tenant's status and a kill switch in Desk."""

import re

import pytest

PLAN = "Browser Plan"
MARKUP = "<img src=x onerror=alert(1)> & Sons"


@pytest.fixture
def tenants(module_bench, staff):
	"""Three tenants of the plan, and one that comes to it, as rows alone: no site is needed to show who is concerned.

	One's company is markup.
	"""
	frappe = module_bench.frappe
	bench = frappe.get_all("Bench", {"is_local": 1}, pluck="name")[0]
	names = [f"b{frappe.generate_hash(length=9)}" for _ in range(4)]
	companies = ("Acme Construction", "Bauhaus GmbH", MARKUP, "Later Ltd")
	for name, company in zip(names, companies, strict=True):
		doc = frappe.get_doc(
			{
				"doctype": "Tenant",
				"name": name,
				"subdomain": name,
				"company": company,
				"owner_name": "Olga",
				"owner_email": f"olga@{name}.example",
				"plan": PLAN,
				"bench": bench,
				"site": f"{name}.localhost",
				"status": "Archived",  # not Active: nothing is to be sent to sites that are not there
			}
		)
		if company == "Later Ltd":
			doc.update({"plan": "Core", "next_plan": PLAN, "next_plan_on": "2090-01-31 18:00:00"})
		doc.db_insert()
	override = {"parent": names[1], "parenttype": "Tenant", "parentfield": "overrides", "kind": "Feature"}
	row = frappe.get_doc(
		{"doctype": "Tenant Override", **override, "feature": "bim", "access": "Grant", "reason": "x"}
	)
	row.db_insert()
	frappe.db.commit()
	yield names
	frappe.db.rollback()
	frappe.db.delete("Tenant Override", {"parent": ("in", names)})
	frappe.db.delete("Comment", {"reference_name": ("in", names)})
	frappe.db.delete("Tenant", {"name": ("in", names)})
	frappe.db.delete("Plan Version", {"plan": PLAN})
	frappe.db.commit()


def edit(desk, script: str) -> None:
	desk.page.evaluate(script)
	desk.page.keyboard.press("Control+s")


def test_who_changes_a_plan_sees_who_gains_and_loses_what(desk, module_bench, tenants):
	frappe = module_bench.frappe
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go(f"plan/{PLAN}")
	page.wait_for_function(f"window.cur_frm?.docname === '{PLAN}' && !frappe.request.ajax_count")
	edit(
		manager,
		"""() => {
			cur_frm.clear_table("features");
			cur_frm.add_child("features", { feature: "bim" });
			cur_frm.add_child("features", { feature: "photos" });
			cur_frm.add_child("limits", { limit_key: "max_users", value: 25, is_hard: 1 });
			cur_frm.refresh_fields(["features", "limits"]);
			cur_frm.dirty();
		}""",
	)
	dialog = page.locator(".modal:visible")
	dialog.locator(".plan-changes td").first.wait_for()
	assert "4 tenants are affected" in dialog.locator(".modal-title").inner_text()
	label = dict(frappe.get_all("Feature", fields=["name", "label"], as_list=True))
	rows = [row.locator("td").all_inner_texts() for row in dialog.locator("tbody tr").all()]
	coming = tenants[3]
	told = {tuple(sorted(name for name in tenants if name in row[2])): row for row in rows}
	# Bauhaus has bim by an override already, so it gains less than the others
	others, bauhaus = told[tuple(sorted((tenants[0], tenants[2])))], told[(tenants[1],)]
	assert label["bim"] in others[3] and label["photos"] in others[3]
	assert label["bim"] not in bauhaus[3] and label["photos"] in bauhaus[3]
	assert all(label["rfi"] in row[4] and "no limit → 25" in row[5] for row in (others, bauhaus))
	assert MARKUP in others[2]
	# who comes to the plan later is told apart, with the date
	later = told[(coming,)]
	assert [row[1] for row in (others, bauhaus, later)] == ["Now", "Now", "Later"]
	assert re.search(r"from \S*2090\S* 18:00", later[2])
	assert "as it is on that day" in dialog.inner_text()
	assert dialog.locator("img").count() == 0
	manager.keep("plan-preview")

	# closed without a choice: nothing is saved
	dialog.locator(".btn-modal-close").click()
	dialog.wait_for(state="hidden")
	page.wait_for_function("!document.querySelector('.modal-backdrop')")  # it has faded out
	assert manager.status() == "Not Saved"
	frappe.db.commit()
	assert frappe.get_doc("Plan", PLAN).features[0].feature == "rfi"

	page.keyboard.press("Control+s")
	dialog.locator("textarea").fill("asked for by many")
	dialog.locator("button:has-text('Only new tenants')").click()
	page.wait_for_function("!cur_frm.is_dirty() && !frappe.request.ajax_count")
	frappe.db.commit()
	assert {row.feature for row in frappe.get_doc("Plan", PLAN).features} == {"bim", "photos"}
	kept = frappe.get_all("Tenant", {"name": ("in", tenants[:3])}, pluck="plan_version")
	assert len(set(kept)) == 1 and kept[0]
	assert frappe.db.get_value("Tenant", coming, "plan_version") is None
	newest = frappe.get_all("Plan Version", {"plan": PLAN}, ["name", "why"], order_by="version desc")[0]
	assert newest.why == "asked for by many" and newest.name != kept[0]


def test_a_tenant_is_suspended_and_resumed_from_its_form(desk, module_bench, tenants):
	frappe = module_bench.frappe
	name = tenants[0]
	frappe.db.set_value("Tenant", name, {"status": "Active", "bench": away(frappe)})
	frappe.db.commit()
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go(f"tenant/{name}")
	for action, reason, status in (("Suspend", "invoice 7", "Suspended"), ("Resume", "", "Active")):
		manager.button("Status").click()
		page.locator(f".dropdown-menu:visible .dropdown-item:has-text('{action}')").click()
		dialog = page.locator(".modal:visible")
		dialog.locator("textarea").fill(reason)
		manager.keep(f"tenant-{action.lower()}")
		dialog.locator(".btn-modal-primary").click()
		manager.wait_for_status(status)
		frappe.db.commit()
		assert frappe.db.get_value("Tenant", name, "status") == status
	page.get_by_role("tab", name="Terms").click()
	manager.field("overrides").wait_for()
	manager.keep("tenant-terms")


def away(frappe) -> str:
	"""A bench on another machine: what is sent there is asked for by the tenants, so that no job is made here."""
	name = "browser-away"
	if not frappe.db.exists("Bench", name):
		doc = frappe.get_doc(
			{"doctype": "Bench", "name": name, "bench_name": name, "status": "Active", "is_local": 0}
		)
		doc.base_domain = "localhost"
		doc.db_insert()
	return name


@pytest.fixture(autouse=True)
def no_bench_is_left(module_bench):
	yield
	module_bench.frappe.db.delete("Bench", {"name": "browser-away"})
	module_bench.frappe.db.commit()


def test_the_new_forms_open_and_a_kill_switch_is_lifted(desk, module_bench):
	frappe = module_bench.frappe
	switch = frappe.get_doc({"doctype": "Kill Switch", "feature": "rfi", "reason": "loses data"}).insert()
	frappe.db.commit()
	try:
		manager = desk("SaaS Manager")
		manager.go(f"kill-switch/{switch.name}")
		manager.button("Lift").click()
		manager.page.wait_for_function("cur_frm.doc.ends_on && !frappe.request.ajax_count")
		manager.keep("kill-switch")
		frappe.db.commit()
		assert frappe.db.get_value("Kill Switch", switch.name, "ends_on")
		manager.page.wait_for_function(
			"![...document.querySelectorAll('.page-container .custom-actions button')].some((b) => b.offsetParent && b.innerText.includes('Lift'))"
		)
		for path, field in {
			"add-on/new": "limits",
			"feature/rfi": "gates",
			"kill-switch/new": "reason",
		}.items():
			manager.go(path)
			manager.field(field).wait_for()
			manager.keep("form-" + path.split("/")[0])
		manager.go("kill-switch")
		manager.page.wait_for_selector(".page-container:visible .list-row:has-text('Lifted')")
	finally:
		frappe.db.delete("Kill Switch", {"name": switch.name})
		frappe.db.commit()
