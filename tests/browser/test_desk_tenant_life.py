"""Rename, Archive, Unarchive and Remove in Desk: what each asks, and how it refuses. No job is begun here (tests/bench/test_tenant_life.py)."""

import pytest
from conftest import PLAN
from test_desk_shadows import close_all, press

NAMES = {"life-active": "Active", "life-archived": "Archived"}


@pytest.fixture
def tenants(module_bench, staff):
	"""Records of tenants whose sites are not there."""
	frappe = module_bench.frappe
	bench = frappe.get_all("Bench", {"is_local": 1}, pluck="name")[0]
	for name, status in NAMES.items():
		fields = {"company": "Life Ltd", "owner_name": "Olga", "owner_email": "o@life.example", "plan": PLAN}
		where = {
			"name": name,
			"subdomain": name,
			"bench": bench,
			"site": f"{name}.localhost",
			"status": status,
		}
		frappe.get_doc({"doctype": "Tenant", **fields, **where}).db_insert()
	former = {"subdomain": "life-former", "site": "life-former.localhost", "tenant": "life-active"}
	frappe.get_doc(
		{"doctype": "Former Name", **former, "bench": bench, "status": "Leads There", "until": "2090-01-31"}
	).insert(ignore_permissions=True)
	frappe.db.commit()
	yield
	frappe.db.rollback()
	frappe.db.delete("Former Name", {"subdomain": "life-former"})
	frappe.db.delete("Tenant", {"name": ("in", list(NAMES))})
	frappe.db.commit()


def ask(manager, what: str):
	"""Press a button of the group Status; returns the window that opens."""
	manager.button("Status").click()
	manager.page.locator(f".page-container:visible .dropdown-menu.show >> text='{what}'").first.click()
	manager.page.locator(".modal:visible").wait_for()
	return manager.page.locator(".modal:visible").last


def refused(manager, label: str, told: str) -> None:
	with manager.page.expect_response(
		lambda answer: answer.request.method == "POST" and answer.status == 417
	) as refusal:
		press(manager.page, label)
	assert told in refusal.value.text()
	manager.page.wait_for_selector(f".modal:visible:has-text('{told}')")
	close_all(manager.page)


def test_what_is_asked_and_refused(desk, module_bench, tenants):
	manager = desk("SaaS Manager")
	manager.go("tenant/life-active")
	asked = ask(manager, "Rename")
	assert "life-active.localhost leads to it for some days" in asked.inner_text()
	manager.keep("rename-asks")
	asked.locator("[data-fieldname=subdomain] input").fill("www")
	refused(manager, "Rename", "www is reserved")

	for what, told in (("Archive", "Unarchive brings it back"), ("Remove", "nobody can read that backup")):
		asked = ask(manager, what)
		assert told in asked.inner_text() and "Type life-active." in asked.inner_text()
		manager.keep(f"{what.lower()}-asks")
		asked.locator("[data-fieldname=confirm] input").fill("another")
		refused(manager, what, "Type life-active, the subdomain of the tenant whose site goes")

	manager.go("tenant/life-archived")
	asked = ask(manager, "Unarchive")
	assert "Empty: the last one" in asked.inner_text()
	manager.keep("unarchive-asks")
	manager.page.keyboard.press("Tab")  # out of the field, whose list lies above the button
	refused(manager, "Unarchive", "life-archived has no backup that is kept")

	manager.go("former-name")
	manager.page.wait_for_selector(".list-row-container :has-text('life-former')")
	manager.keep("former-names")
	assert not module_bench.frappe.get_all("Provisioning Job", {"tenant": ("in", list(NAMES))})
