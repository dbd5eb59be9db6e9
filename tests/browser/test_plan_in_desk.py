"""What a tenant's user sees of the plan: no button in vain, a dialog where somebody gets to one, a banner when it is over."""

import importlib.util
import os
import time
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location(
	"enforcement", Path(__file__).parents[1] / "bench/test_enforcement.py"
)
enforcement = importlib.util.module_from_spec(spec)
spec.loader.exec_module(enforcement)
DAY = 24 * 60 * 60
SECONDS = 1000  # milliseconds, which is what playwright counts in


@pytest.fixture(scope="module")
def site(module_bench):
	tenant = module_bench.new_tenant(plan="Core")
	module_bench.wait_job(tenant.name, "Completed")
	return enforcement.Site(module_bench, tenant.name)


@pytest.fixture
def page(site, chromium):
	"""Desk of the tenant's owner. A script error in it fails the test."""
	page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()
	page.set_default_timeout(60 * SECONDS)
	errors = []
	page.on("pageerror", lambda error: errors.append(str(error)))
	page.address = f"http://{site.name}:{site.bench.services.port('web')}"
	page.goto(f"{page.address}/login")
	page.fill("#login_email", site.owner)
	page.fill("#login_password", enforcement.PASSWORD)
	page.click(".form-login button[type=submit]")
	page.wait_for_url("**/app/**")
	yield page
	page.context.close()
	assert errors == []


def keep(page, name: str) -> None:
	folder = Path(os.environ["BUILDPRO_HOME"]) / "screenshots"
	folder.mkdir(exist_ok=True)
	page.screenshot(path=folder / f"{name}.png")


def open_desk(page, path: str) -> None:
	page.goto(f"{page.address}/app/{path}")
	page.wait_for_function("window.frappe?.boot && window.buildpro && !frappe.request.ajax_count")


def test_a_denial_is_explained_where_somebody_gets_to_it(site, page):
	site.apply("rfi")
	open_desk(page, "note")
	page.wait_for_function("window.cur_list?.doctype === 'Note' && !frappe.request.ajax_count")
	assert page.locator(".page-container:visible .primary-action:visible").count() == 0
	assert page.evaluate("[buildpro.has_feature('rfi'), buildpro.has_feature('notes')]") == [True, False]
	open_desk(page, "note/new")
	dialog = page.locator(".msgprint-dialog:visible")
	dialog.wait_for()
	assert "Available in Enterprise" in dialog.inner_text()
	assert dialog.inner_text().count("sales@operator.example") == 1
	page.wait_for_function("frappe.get_route()[0] === 'List'")
	keep(page, "denial")


def test_the_servers_own_refusal_reads_the_same(site, page):
	site.apply("rfi")
	open_desk(page, "todo")
	page.evaluate(
		"frappe.xcall('frappe.client.insert', {doc: {doctype: 'Note', title: 'x'}}).catch(() => {})"
	)
	dialog = page.locator(".msgprint-dialog:visible")
	dialog.wait_for()
	assert "Available in Enterprise" in dialog.inner_text()


def test_what_the_plan_has_is_offered(site, page):
	site.apply("notes")
	open_desk(page, "note")
	page.wait_for_selector(".page-container:visible .primary-action:visible")
	assert page.locator(".buildpro-banner").count() == 0


def test_the_banner_of_an_expired_site(site, page):
	site.apply("rfi", now=time.time() - 60 * DAY)
	open_desk(page, "todo")
	banner = page.locator(".buildpro-banner")
	banner.wait_for()
	assert "This site is read-only" in banner.inner_text() and "sales@operator.example" in banner.inner_text()
	page.wait_for_function("window.cur_list?.doctype === 'ToDo' && !frappe.request.ajax_count")
	assert page.locator(".page-container:visible .btn-new-doc:visible").count() == 0
	keep(page, "read-only")
	site.apply("rfi")
	open_desk(page, "todo")
	assert page.locator(".buildpro-banner").count() == 0
