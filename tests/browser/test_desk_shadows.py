"""A site's copy in Desk: made on the tenant's page, swapped in and dropped on its own; real workers do the work."""

import pytest

SECONDS = 1000  # milliseconds, which is what playwright counts in


@pytest.fixture
def acme(module_bench):
	"""A tenant whose site is there; its shadows go with the test."""
	from buildpro_saas.fleet import shadow_requests

	tenant = module_bench.active_tenant()
	yield tenant
	frappe = module_bench.frappe
	frappe.db.rollback()
	for name in frappe.get_all("Site Shadow", {"tenant": tenant.name}, pluck="name"):
		shadow_requests.drop_now(name)
	frappe.db.delete("Site Shadow", {"tenant": tenant.name})
	frappe.db.commit()


def press(page, label: str) -> None:
	page.locator(".modal:visible .btn-modal-primary:visible, .modal:visible .btn-primary:visible").filter(
		has_text=label
	).first.click()


def close_all(page) -> None:
	"""The windows that are open, the uppermost first."""
	while page.locator(".modal.show").count():
		uppermost = page.locator(".modal.show").last.element_handle()
		uppermost.query_selector(".btn-modal-close").click()
		uppermost.wait_for_element_state("hidden")


def wait_for(page, condition: str) -> None:
	page.wait_for_function(f"() => window.cur_frm && cur_frm.doc && {condition}", timeout=120 * SECONDS)


def test_a_site_is_copied_swapped_and_the_shadow_dropped(desk, module_bench, acme):
	frappe = module_bench.frappe
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go(f"tenant/{acme.name}")
	manager.button("Copy Site").click()
	page.locator(".modal:visible [data-fieldname=why] input").fill("before the import")
	press(page, "Copy")
	# it goes to the shadow's page, which follows the job by itself
	wait_for(page, "cur_frm.doctype === 'Site Shadow' && cur_frm.doc.status === 'Ready'")
	manager.button("Swap In").wait_for()
	assert "before the import" in manager.field("why").inner_text()
	manager.keep("shadow-ready")

	manager.button("Swap In").click()
	told = page.locator(".modal:visible").inner_text()
	assert f"Type {acme.subdomain}" in told and "kept aside" in told
	manager.keep("shadow-swap-asks")
	page.locator(".modal:visible [data-fieldname=confirm] input").fill("another")
	press(page, "Swap In")
	page.wait_for_selector(f".modal:visible:has-text('Type {acme.subdomain}, the subdomain')")
	close_all(page)
	manager.button("Swap In").click()
	page.locator(".modal:visible [data-fieldname=confirm] input").fill(acme.subdomain)
	press(page, "Swap In")
	wait_for(page, "(cur_frm.doc.why || '').includes('before the swap') && !cur_frm.doc.__onload.job")
	manager.button("Swap In").wait_for()
	manager.keep("shadow-swapped")
	assert frappe.db.commit() or frappe.db.get_value("Tenant", acme.name, "database") != acme.database

	manager.button("Drop").click()
	press(page, "Yes")
	manager.wait_for_status("Dropped")
	manager.go("site-shadow")
	page.wait_for_selector(".list-row-container .indicator-pill:has-text('Dropped')")
	manager.keep("shadows")


def test_support_sees_shadows_and_cannot_swap(desk, module_bench, acme):
	made = acme.copy_site()
	module_bench.frappe.db.commit()
	module_bench.wait_job(acme.name)
	support = desk("SaaS Support")
	support.go(f"site-shadow/{made['shadow']}")
	support.wait_for_status("Ready")
	for label in ("Swap In", "Keep Longer", "Drop"):
		assert support.button(label).count() == 0
