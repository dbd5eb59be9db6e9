"""Operations on sites in Desk: from a tenant's page and from the list; the batch that does them is shown."""

import pytest

GROUP = ".inner-group-button[data-label='Site']"
SECONDS = 1000  # milliseconds, which is what playwright counts in


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module."""
	return module_bench.active_tenant()


def press(page, label: str) -> None:
	page.locator(".modal:visible .btn-modal-primary:visible, .modal:visible .btn-primary:visible").filter(
		has_text=label
	).first.click()


def choose(manager, label: str) -> None:
	"""An entry of the group Site."""
	group = manager.page.locator(f"{GROUP}:visible")
	group.locator("button").first.click()
	group.locator(f".dropdown-menu:visible a:has-text('{label}')").first.click()


def wait_for_batch(page) -> None:
	condition = "window.cur_frm && cur_frm.doctype === 'Batch' && cur_frm.doc.status === 'Completed'"
	page.wait_for_function(f"() => {condition}", timeout=60 * SECONDS)


def test_a_site_is_closed_and_opened_from_its_tenants_page(desk, module_bench, acme):
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go(f"tenant/{acme.name}")
	choose(manager, "Maintenance On")
	page.locator(".modal:visible [data-fieldname=message] textarea").fill("Back at <noon>")
	press(page, "Maintenance On")
	wait_for_batch(page)
	manager.go(f"tenant/{acme.name}")
	page.wait_for_selector(".form-message:visible:has-text('In maintenance since')")
	assert "Back at <noon>" in page.locator(".form-message:visible").first.inner_text()
	manager.keep("tenant-in-maintenance")
	choose(manager, "Maintenance Off")
	press(page, "Yes")
	wait_for_batch(page)
	manager.go(f"tenant/{acme.name}")
	page.locator(f"{GROUP}:visible").first.wait_for()
	assert page.locator(".form-message:visible:has-text('In maintenance')").count() == 0


def test_chosen_tenants_are_migrated_from_the_list(desk, module_bench, acme):
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go(f"tenant?name={acme.name}")
	page.locator(".list-row-checkbox:visible").first.check()
	page.locator(".page-actions .actions-btn-group button:visible").click()
	page.locator(".dropdown-menu:visible a:has-text('Migrate')").first.click()
	manager.keep("tenants-migrate")
	press(page, "Yes")
	wait_for_batch(page)
	assert page.evaluate("cur_frm.doc.completed") == 1
	manager.keep("batch-migrate")


def test_support_is_offered_none_of_it(desk, acme):
	support = desk("SaaS Support")
	support.go(f"tenant/{acme.name}")
	support.button("Open Site").first.wait_for()
	assert support.page.locator(".inner-group-button:visible:has-text('Site')").count() == 0
