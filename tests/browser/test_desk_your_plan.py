"""Your Plan on a tenant's own site, as its System Manager sees it in a browser."""

import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

DAY = 24 * 3600
MANY_USERS = {"kind": "Limit", "limit_key": "max_users", "value": 99, "is_hard": 1, "reason": "x"}
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def tenant(module_bench):
	"""A tenant's site that is up, with the plan's real catalogue and, for a downgrade, more users than the plan has."""
	return module_bench.active_tenant(overrides=[MANY_USERS]).name


def entitle(bench, tenant: str) -> None:
	"""On trial of Growth with an add-on, and limits that are kept, nearly reached and passed."""
	from buildpro_saas.entitlements import layers
	from buildpro_saas.licensing.catalogue import catalogue_for_tenants

	now = int(time.time())
	names = catalogue_for_tenants()
	names["features"]["drones"] = {"label": f"Drones {MARKUP}", "plan": None}
	core, growth = (bench.frappe.get_doc("Plan", plan).resolved() for plan in ("Core", "Growth"))
	limits = {
		"max_users": {"value": 10, "is_hard": True},
		"max_storage_gb": {"value": 1, "is_hard": False},
		"emails_per_day": {"value": 100, "is_hard": True},
	}
	plans = [
		layers.plan_layer("Growth", growth["features"], limits, is_trial=True, until=now + 10 * DAY),
		layers.plan_layer("Core", core["features"], limits, begins=now + 10 * DAY),
	]
	addon = {"addon": "Models", "features": ["bim"], "limits": {}, "from": None, "until": None}
	bench.entitle(tenant, {"plans": plans, "addons": [addon]}, names, contact="support@buildpro.example")


def test_a_tenants_system_manager_sees_the_plan(desk, module_bench, tenant):
	password = module_bench.frappe.generate_hash(length=20)
	owner = module_bench.on_site(tenant, "on_tenant_plan.sign_in_as_owner", password=password)
	uses = [["rfi", "ALLOWED", 41], ["daily_log", "ALLOWED", 118], ["sso", "DENIED", 3]]
	module_bench.on_site(tenant, "on_tenant_plan.fill", users=12, uses=json.dumps(uses))
	entitle(module_bench, tenant)

	manager = desk((owner, password), module_bench.site(tenant))
	page = manager.page
	manager.go("nexelya-plan-settings")
	page.wait_for_selector(".buildpro-plan .buildpro-limits")
	users = page.locator("tr[data-limit=max_users]")
	assert "12 of 10" in users.inner_text()
	assert users.locator(".text-danger").evaluate("cell => getComputedStyle(cell).color") != page.locator(
		"tr[data-limit=emails_per_day] td"
	).last.evaluate("cell => getComputedStyle(cell).color")
	assert users.locator(".progress-bar").bounding_box()["width"] > 50
	assert "41" in page.locator("tr[data-feature=rfi]").inner_text()
	assert page.locator(".buildpro-next-plan").first.inner_text().startswith("Enterprise adds")
	assert (
		page.locator(".buildpro-plan img").count() == 0
		and MARKUP in page.locator(".buildpro-plan").inner_text()
	)
	assert manager.button("Save").count() == 0
	page.set_viewport_size({"width": 1400, "height": 1900})
	manager.keep("your-plan")
