"""Backups in Desk: one is drilled, and a site is restored from it by its name, typed."""

import pytest
from test_desk_shadows import close_all, press, wait_for
from test_desk_sites import choose, wait_for_batch

SECONDS = 1000  # milliseconds, which is what playwright counts in


@pytest.fixture
def acme(module_bench):
	"""A tenant whose site is there, and a recovery key; its backups and shadows go with the test."""
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import backup_keys, shadow_requests

	frappe = module_bench.frappe
	before = backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	frappe.db.commit()
	tenant = module_bench.active_tenant()
	yield tenant
	frappe.db.rollback()
	for name in frappe.get_all("Site Shadow", {"tenant": tenant.name}, pluck="name"):
		shadow_requests.drop_now(name)
	for store in frappe.get_all("Backup Store", {"tenant": tenant.name}, ["store_id"]):
		door.here().do("remove_store", folder="", store=store.store_id)
	for doctype in ("Site Shadow", "Backup", "Backup Store"):
		frappe.db.delete(doctype, {"tenant": tenant.name})
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()


def test_a_backup_is_drilled_and_a_site_restored_from_it(desk, module_bench, acme):
	backup = acme.back_up()["backup"]
	module_bench.frappe.db.commit()
	module_bench.wait_job(acme.name)
	manager = desk("SaaS Manager")
	page = manager.page

	manager.go(f"tenant/{acme.name}")
	choose(manager, "Drill")
	manager.keep("drill-asks")
	press(page, "Yes")
	wait_for_batch(page)
	manager.keep("drilled-batch")
	manager.go(f"tenant/{acme.name}")
	page.get_by_role("tab", name="Site").click()
	manager.field("drill_status").scroll_into_view_if_needed()
	assert "Passed" in manager.field("drill_status").inner_text()
	manager.keep("drilled-tenant")
	manager.go(f"backup/{backup}")
	manager.field("verified_how").scroll_into_view_if_needed()
	assert "Restored" in manager.field("verified_how").inner_text()
	manager.keep("drilled-backup")

	manager.go(f"tenant/{acme.name}")
	manager.button("Restore").click()
	field = page.locator(".modal:visible [data-fieldname=backup] input")
	field.wait_for()
	assert field.input_value() == backup  # the newest one
	assert not page.locator(".modal:visible [data-fieldname=files] input").is_visible()
	manager.keep("restore-asks")
	close_all(page)

	manager.go(f"backup/{backup}")
	manager.button("Restore").click()
	assert f"Type {acme.subdomain}" in page.locator(".modal:visible").inner_text()
	page.locator(".modal:visible [data-fieldname=confirm] input").fill("another")
	press(page, "Restore")
	page.wait_for_selector(f".modal:visible:has-text('Type {acme.subdomain}, the subdomain')")
	manager.keep("restore-refused")
	close_all(page)
	manager.button("Restore").click()
	page.locator(".modal:visible [data-fieldname=confirm] input").fill(acme.subdomain)
	press(page, "Restore")
	wait_for(page, "cur_frm.doctype === 'Provisioning Job'")
	assert module_bench.wait_job(acme.name).status == "Completed", module_bench.describe(acme.name)
	manager.wait_for_status("Completed")
	manager.keep("restored")
