"""What a manager sees of the security of the benches, from the workspace on; Support sees none of it."""

SECONDS = 1000  # milliseconds, which is what playwright counts in
REPORT = "Security of Benches"


def test_the_report_is_opened_from_the_workspace(desk, module_bench):
	# Frappe makes a prepared report of one that has taken long
	module_bench.frappe.db.set_value("Report", REPORT, "prepared_report", 0)
	module_bench.frappe.db.commit()
	module_bench.frappe.clear_cache(doctype="Report")
	manager = desk("SaaS Manager")
	manager.go("buildpro-saas")
	manager.page.locator(f".shortcut-widget-box:has-text('{REPORT}')").first.click()
	cell = ".page-container:visible .dt-cell__content"
	manager.page.wait_for_selector(f"{cell}:has-text('Listening')", timeout=120 * SECONDS)
	manager.page.wait_for_selector(f"{cell} .indicator-pill.green:has-text('Fine')")
	manager.keep("security-of-benches")

	support = desk("SaaS Support")
	support.go("buildpro-saas")
	support.page.wait_for_selector(".shortcut-widget-box:has-text('Standby Pool')")
	assert support.page.locator(f".shortcut-widget-box:has-text('{REPORT}')").count() == 0
