"""Diagnose on a tenant's page: all layers, what is wrong first, and what to do."""

import pytest


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module."""
	return module_bench.active_tenant()


def test_support_sees_why_a_site_is_down(desk, module_bench, acme):
	support = desk("SaaS Support")
	page = support.page
	path = module_bench.path / "sites" / acme.site / "site_config.json"
	before = path.read_text()
	support.go(f"tenant/{acme.name}")
	path.write_text(before[:40])
	try:
		support.button("Diagnose").first.click()
		row = page.locator(".modal:visible tr[data-layer='Site']").first
		row.wait_for()
		assert (
			"site_config.json broken" in row.inner_text() and row.locator(".indicator-pill.red").count() == 1
		)
		assert "What to do" in page.locator(".modal:visible .alert-danger").inner_text()
		support.keep("tenant-diagnosis")
	finally:
		path.write_text(before)
	page.locator(".modal:visible .btn-primary:visible").filter(has_text="Look Again").click()
	page.wait_for_function(
		"() => [...document.querySelectorAll('.modal.show [role=status]')].some(e => !e.innerText.includes('site_config.json'))"
	)
	support.keep("tenant-diagnosis-well")
