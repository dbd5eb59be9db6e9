"""Host names as staff see them on the tenant, and as its owner sees them on Your Plan; wide, and on a phone.

The records are as jobs leave them: how they come to be so, with real servers, is tests/bench/test_domains.py.
"""

from datetime import timedelta

import pytest

OWN_DOMAIN = {"kind": "Feature", "feature": "custom_domain", "access": "Grant", "reason": "x"}
WIDE, PHONE = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}
LIVE, WAITING, LOST = "erp.customer.example", "shop.customer.example", "www.customer.example"
ELSEWHERE = (
	"Your DNS says that www.customer.example has the address 192.0.2.7: set a CNAME to proxy.saas.example."
)


@pytest.fixture(scope="module")
def tenant(module_bench):
	"""A tenant with four names: its own, one that is live, one that waits for its DNS, one that leads elsewhere by now."""
	from buildpro_saas.domains import shown

	tenant = module_bench.active_tenant(overrides=[OWN_DOMAIN])
	frappe, bench = module_bench.frappe, module_bench.place()
	wanted = {
		"proxy": "nginx",
		"cname_target": "proxy.saas.example",
		"public_addresses": "198.51.100.10 2001:db8::10",
	}
	before = frappe.db.get_value("Bench", bench, list(wanted), as_dict=True)
	frappe.db.set_value("Bench", bench, wanted)
	make_names(frappe, tenant, bench)
	frappe.db.commit()
	shown.put(tenant.name)
	yield tenant
	frappe.db.rollback()
	frappe.db.set_value("Bench", bench, before)
	for doctype in ("Site Domain", "Site Certificate"):
		frappe.db.delete(doctype, {"tenant": tenant.name})
	frappe.db.commit()


def make_names(frappe, tenant, bench: str) -> None:
	from buildpro_saas.domains import claims, own_names, ownership, records

	def certificate(host: str, **values) -> str:
		name = records.note_certificate(bench, host, [host], tenant.name)
		until = frappe.utils.now_datetime() + timedelta(days=60)
		frappe.db.set_value("Site Certificate", name, {"status": "Valid", "valid_until": until, **values})
		return name

	fields = frappe.get_doc("Bench", bench).as_dict()
	own = own_names.ensure_record(tenant.name, tenant.site, bench).name
	records.change(own, state=records.LIVE, certificate=certificate(tenant.site), is_primary=1)
	for host, values in (
		(LIVE, {"state": records.LIVE, "certificate": certificate(LIVE)}),
		(WAITING, {"state": records.WAITING}),
		(LOST, {"state": records.LIVE, "certificate": certificate(LOST), "is_failing": 1, "says": ELSEWHERE}),
	):
		token, name = claims.token(tenant.name, host), ownership.record_name(host)
		wanted = {"token": token, "token_name": name, "records": claims.wanted_records(host, fields)}
		if values["state"] == records.WAITING:
			values["says"] = (
				f'Your DNS has nothing at {name}: set a TXT record {name} with the text "{token}".'
			)
		of = {"shown": host, "tenant": tenant.name, "bench": bench, "kind": records.CUSTOMERS}
		records.make(host=host, serves=records.REDIRECTS, **of, **wanted, **values)


def keep(desk, name: str, selector: str, show) -> None:
	"""The page as `show` opens it, wide and on a phone; on neither is the part wider than its place, or the page than the window."""
	for size, mark in ((WIDE, ""), (PHONE, "-phone")):
		desk.page.set_viewport_size(size)
		show()
		place = desk.page.locator(selector).first
		place.scroll_into_view_if_needed()
		box = place.bounding_box()
		assert box["x"] >= 0 and box["x"] + box["width"] <= size["width"] + 1, (mark, box)
		assert place.evaluate("part => part.scrollWidth <= part.parentElement.clientWidth + 1"), mark
		desk.keep(f"{name}{mark}")


def test_staff_see_each_name_with_what_comes_next(desk, tenant):
	manager = desk("SaaS Manager")
	page = manager.page

	def show():
		manager.go(f"tenant/{tenant.name}")
		page.reload()
		page.locator(".form-tabs:visible .nav-link", has_text="Domains").click()
		page.wait_for_selector(".buildpro-domains")

	show()
	rows = {
		row.locator("td a").inner_text(): row.inner_text()
		for row in page.locator(".buildpro-domains tbody tr").all()
	}
	assert list(rows) == [tenant.site, LIVE, WAITING, LOST]
	assert "Primary" in rows[tenant.site]
	assert "Live" in rows[LIVE] and "failing" not in rows[LIVE] and "Nothing is missing" in rows[LIVE]
	assert "Waiting for DNS" in rows[WAITING] and "buildpro-verify=" in rows[WAITING]
	assert "failing" in rows[LOST] and "192.0.2.7" in rows[LOST]
	keep(manager, "tenant-domains", ".buildpro-domains", show)
	page.set_viewport_size(WIDE)
	page.locator(".buildpro-domains a", has_text=WAITING).click()
	page.wait_for_selector(".page-container:visible .frappe-control[data-fieldname=token]")
	manager.keep("site-domain")


def test_the_owner_sees_what_to_set_how_far_it_is_and_until_when(desk, module_bench, tenant):
	password = module_bench.frappe.generate_hash(length=20)
	owner = module_bench.on_site(tenant.name, "on_tenant_plan.sign_in_as_owner", password=password)
	mine = desk((owner, password), tenant.site)
	page = mine.page

	def show():
		mine.go("nexelya-plan-settings")
		page.reload()
		page.wait_for_selector(".buildpro-domains [data-domain]")

	show()
	row = {
		host: page.locator(f".buildpro-domains [data-domain='{host}']")
		for host in (tenant.site, LIVE, WAITING, LOST)
	}
	assert "Certificate until" in row[LIVE].inner_text() and row[LIVE].locator("code").count() == 0
	assert row[LIVE].locator("[data-what=primary]").count() == 1
	asked = row[WAITING].inner_text()
	assert (
		"TXT" in asked and "buildpro-verify=" in asked and "CNAME" in asked and "proxy.saas.example" in asked
	)
	assert "192.0.2.7" in row[LOST].inner_text() and "failing" in row[LOST].inner_text()
	assert row[tenant.site].locator("[data-what=remove]").count() == 0
	assert page.locator(".buildpro-add-domain").is_enabled()
	keep(mine, "your-plan-domains", ".buildpro-domains", show)


def test_the_proxy_is_shown_on_its_bench(desk, module_bench, tenant):
	"""Nobody has set it up on the bench of the tests: that is what is said."""
	manager = desk("SaaS Manager")
	manager.go(f"bench/{module_bench.place()}")
	page = manager.page
	page.locator(".page-container:visible .inner-group-button button", has_text="Proxy").click()
	page.locator(".dropdown-menu.show a:visible", has_text="Show").click()
	page.wait_for_selector(".modal.show .buildpro-proxy")
	assert "setup-proxy" in page.inner_text(".modal.show .text-danger")
	page.wait_for_function("getComputedStyle(document.querySelector('.modal.show')).opacity === '1'")
	manager.keep("bench-proxy")
