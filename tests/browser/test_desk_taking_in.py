"""Taking a site in, in Desk: a record that is looked at first, says what stands in the way, and asks before it begins."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

SECONDS = 1000  # milliseconds, which is what playwright counts in


@pytest.fixture
def intakes(module_bench):
	"""Records of this test go with it."""
	frappe = module_bench.frappe
	yield lambda: frappe.db.commit() or frappe.get_last_doc("Site Intake")
	frappe.db.rollback()
	frappe.db.delete("Site Intake")
	frappe.db.commit()


def shown(page, condition: str) -> None:
	page.wait_for_function(f"() => window.cur_frm && cur_frm.doc && {condition}", timeout=120 * SECONDS)


def test_a_site_is_looked_at_before_it_is_taken_in(desk, module_bench, services, intakes):
	admin_site = module_bench.frappe.local.site
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go("tenant")
	page.locator("button:visible").filter(has_text="Take In a Site").click()
	shown(page, "cur_frm.doctype === 'Site Intake' && cur_frm.is_new()")
	assert not page.locator("[data-fieldname=files]:visible").count()
	page.evaluate(f"cur_frm.set_value({{ site: '{admin_site}', plan: 'Core', subdomain: 'www' }})")
	page.evaluate("cur_frm.save()")
	manager.button("Look").wait_for()
	manager.keep("intake-new")
	services.stop("provisioning")  # the job waits, for the page to show that
	try:
		manager.button("Look").click()
		shown(page, "cur_frm.doc.status === 'Looking'")
		page.wait_for_selector(f".form-message:visible:has-text('{intakes().job} looks at it')")
		manager.button("Stop Looking").wait_for()
		manager.keep("intake-looking")
	finally:
		services.start_all("provisioning")
	shown(page, "cur_frm.doc.status === 'Blocked'")
	report = ".frappe-control[data-fieldname=report]:visible"
	page.wait_for_selector(f"{report}:has-text('is the admin site'):has-text('Customisations:')")
	manager.keep("intake-blocked")
	assert not page.locator("button:visible").filter(has_text="Take In").count()
	# another question, and the report holds no more
	page.evaluate("cur_frm.set_value('source', 'Uploaded Backup')")
	page.locator("[data-fieldname=database_file]:visible").first.wait_for()
	page.evaluate("cur_frm.save()")
	shown(page, "cur_frm.doc.status === 'New' && !cur_frm.doc.report")
	manager.keep("intake-upload")
	assert intakes().status == "New"


def test_a_clone_is_asked_for_and_says_what_it_is(desk, module_bench):
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import clones

	tenant = module_bench.active_tenant()
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go(f"tenant/{tenant.name}")
	manager.button("Clone").click()
	told = page.locator(".modal:visible").inner_text()
	assert "Silenced" in told and "sends no mail" in told
	manager.keep("clone-asks")
	page.locator(".modal:visible [data-fieldname=subdomain] input").fill(tenant.subdomain)
	page.locator(".modal:visible .btn-modal-primary:visible").first.click()
	page.wait_for_selector(".modal:visible:has-text('is taken by another tenant')")

	# what such a site says in Desk
	door.here().site(tenant.site).update_config(clones.note("acme", "2199-01-31"))
	password = module_bench.frappe.generate_hash(length=20)
	owner = module_bench.on_site(tenant.name, "on_tenant_plan.sign_in_as_owner", password=password)
	there = desk((owner, password), tenant.site)
	there.go("nexelya-plan-settings")
	there.page.wait_for_selector(".buildpro-plan .buildpro-limits")
	there.page.wait_for_selector(".buildpro-banner:has-text('This is a clone of acme')")
	there.keep("clone-in-desk")
