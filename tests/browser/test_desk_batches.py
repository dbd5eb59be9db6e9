"""A batch in Desk: held, resumed, narrowed, watched to its end, retried; real workers do the work."""

import pytest

SECONDS = 1000  # milliseconds, which is what playwright counts in


@pytest.fixture
def batch(module_bench):
	"""A delivery that is held: to tenants whose sites are not there, and to some that are not on record any more."""
	from buildpro_saas.jobs import batches

	frappe = module_bench.frappe
	frappe.db.commit()
	bench = frappe.get_all("Bench", {"is_local": 1}, pluck="name")[0]
	token = frappe.generate_hash(length=6).lower()
	lost = [f"b{token}lost{number}" for number in range(3)]
	for name in lost:
		tenant = frappe.get_doc(
			{
				"doctype": "Tenant",
				"subdomain": name,
				"status": "Active",
				"site": f"{name}.localhost",
				"company": "Acme",
				"owner_name": "Olga",
				"owner_email": "olga@acme.example",
				"plan": "Core",
				"bench": bench,
			}
		)
		tenant.name = name
		tenant.db_insert()
	gone = [f"b{token}gone{number:02}" for number in range(37)]
	names = [*gone[:10], *lost, *gone[10:]]
	made = batches.start("send_entitlements", [(name, bench) for name in names], why="a test")
	batches.pause(made.name)
	frappe.db.commit()
	yield made.name, lost, gone
	frappe.db.rollback()
	frappe.db.delete("Batch Row", {"batch": made.name})
	frappe.db.delete("Batch", {"name": made.name})
	frappe.db.delete("Tenant", {"name": ("in", lost)})
	frappe.db.commit()


def test_a_batch_is_narrowed_resumed_and_watched_to_its_end(desk, batch):
	name, lost, gone = batch
	manager = desk("SaaS Manager")
	page = manager.page
	manager.go(f"batch/{name}")
	manager.wait_for_status("Paused")
	page.wait_for_selector(".batch-progress .progress")
	assert page.locator(".batch-counts").inner_text().startswith("40 Waiting")
	manager.keep("batch-paused")

	manager.button("Leave Out").click()
	page.locator(".modal:visible [data-fieldname=tenants] .multiselect-list").click()
	page.locator(f".modal:visible .selectable-item:has-text('{gone[0]}')").first.click()
	page.locator(".modal:visible .modal-title").click()  # closes the list
	page.locator(".modal:visible .btn-modal-primary, .modal:visible .btn-primary").first.click()
	page.wait_for_selector(".batch-counts [data-status='Left Out']")

	manager.button("Resume").click()
	# nobody reloads the page: it goes on by itself
	manager.wait_for_status("Completed", 60)
	counts = page.locator(".batch-counts").inner_text()
	assert "36 Completed" in counts and "3 Failed" in counts and "1 Left Out" in counts
	rows = page.locator(".batch-failed tbody tr")
	assert rows.count() == 3
	assert "There is no site" in rows.first.inner_text()
	assert rows.first.locator("a").inner_text() == lost[0]
	manager.keep("batch-completed")

	manager.button("Retry Failed").click()
	page.wait_for_function(
		"() => cur_frm.doc.status === 'Completed' && cur_frm.doc.failed === 3", timeout=60 * SECONDS
	)

	manager.go("batch")
	page.wait_for_selector(".list-row:has-text('a test')")
	manager.keep("batch-list")


def test_support_sees_a_batch_and_cannot_narrow_or_cancel_it(desk, batch):
	name, _lost, _gone = batch
	support = desk("SaaS Support")
	support.go(f"batch/{name}")
	support.wait_for_status("Paused")
	support.button("Resume").wait_for()
	assert support.button("Leave Out").count() == support.button("Cancel").count() == 0
