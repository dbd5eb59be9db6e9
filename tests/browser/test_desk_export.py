"""Your Plan's export of all data, as a tenant's System Manager sees it in a browser; and the admin site's own backup, as staff do."""

import pytest

PLAN_WITH_EXPORT = {"kind": "Limit", "limit_key": "exports_per_day", "value": 1, "is_hard": 1, "reason": "x"}
JOB_SECONDS = 300


@pytest.fixture
def tenant(module_bench):
	"""A tenant's site that is up, with an export a day, and a recovery key."""
	from buildpro_saas.fleet import backup_keys

	frappe = module_bench.frappe
	before = backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	tenant = module_bench.active_tenant(overrides=[PLAN_WITH_EXPORT])
	yield tenant.name
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import backup_schedule

	backup_keys.destroy(tenant.name)
	frappe.db.commit()
	backup_schedule.remove_destroyed_stores()
	for store in frappe.get_all("Backup Store", {"tenant": ("is", "not set")}, pluck="store_id"):
		door.here().do("remove_store", folder="", store=store)
	for whose in (tenant.name, ("is", "not set")):
		for doctype in ("Backup", "Backup Store"):
			frappe.db.delete(doctype, {"tenant": whose})
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()


def test_the_system_manager_has_all_data_exported(desk, module_bench, tenant):
	password = module_bench.frappe.generate_hash(length=20)
	owner = module_bench.on_site(tenant, "on_tenant_plan.sign_in_as_owner", password=password)
	# the one test that opens the login page of a tenant's site
	manager = desk((owner, password), module_bench.site(tenant), through_page=True)
	page = manager.page
	manager.go("nexelya-plan-settings")
	page.wait_for_selector(".buildpro-export button")
	page.click(".buildpro-export button")
	page.click(".modal.show .btn-primary")
	page.wait_for_selector(".buildpro-export li a", timeout=JOB_SECONDS * 1000)
	assert page.locator(".buildpro-export li a").count() == 4
	with page.expect_download() as found:
		page.locator(".buildpro-export li a", has_text="database.sql.gz").click()
	assert found.value.suggested_filename.endswith("-database.sql.gz")
	page.set_viewport_size({"width": 1400, "height": 1100})
	manager.keep("your-plan-export")

	# staff back up the admin site
	staff = desk("SaaS Manager")
	staff.go("saas-settings")
	staff.button("Back Up This Site").click()
	staff.page.fill(".modal.show input[data-fieldname=why]", "before the new release")
	staff.page.click(".modal.show .btn-primary")
	staff.wait_for_status("Kept", seconds=JOB_SECONDS)
	assert staff.page.evaluate("cur_frm.doc.kind") == "Admin Site"
	assert staff.page.locator("button:visible", has_text="Restore").count() == 0  # it is no tenant's
	assert "recover-admin-site" in staff.page.inner_text(".form-message:visible")
	staff.keep("admin-backup")
