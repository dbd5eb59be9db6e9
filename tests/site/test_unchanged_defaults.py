"""A default that is set to the value that it has leaves what is cached of a tenant's site alone."""

import pytest

KEY, CACHED = "buildpro_probe", "doctype_meta"


@pytest.fixture
def tenants_site(frappe, monkeypatch):
	"""frappe as on a tenant's site."""
	import buildpro_saas.tenant_site  # noqa: F401  # as any process does by its hooks

	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	yield frappe
	frappe.db.rollback()
	frappe.clear_cache()


def keeps_cached(frappe, act) -> bool:
	"""Whether what is cached outlives the act."""
	frappe.cache.hset(CACHED, KEY, "cached")
	act()
	return frappe.cache.hget(CACHED, KEY) == "cached"


def rows(frappe) -> list:
	return frappe.get_all("DefaultValue", {"defkey": KEY, "parent": "__default"}, pluck="defvalue")


def test_only_another_value_clears_what_is_cached(tenants_site):
	set_default = tenants_site.db.set_default
	assert not keeps_cached(tenants_site, lambda: set_default(KEY, "one"))
	assert keeps_cached(tenants_site, lambda: set_default(KEY, "one"))
	assert not keeps_cached(tenants_site, lambda: set_default(KEY, "two"))
	assert rows(tenants_site) == ["two"] and tenants_site.db.get_default(KEY) == "two"
	assert not keeps_cached(tenants_site, lambda: set_default(KEY, None))
	assert rows(tenants_site) == []


def test_of_several_rows_one_is_left(tenants_site):
	for value in ("one", "one"):
		tenants_site.db.add_default(KEY, value)
	tenants_site.db.set_default(KEY, "one")
	assert rows(tenants_site) == ["one"]


def test_no_text_and_no_row_are_two_things(tenants_site):
	assert not keeps_cached(tenants_site, lambda: tenants_site.db.set_default(KEY, ""))
	assert keeps_cached(tenants_site, lambda: tenants_site.db.set_default(KEY, ""))
	assert len(rows(tenants_site)) == 1


def test_a_user_that_is_saved_clears_his_own_alone(tenants_site):
	"""As the owner is when he chooses his first password."""
	user = tenants_site.get_doc("User", "Administrator")
	user.save(ignore_permissions=True)  # from here on the default is what Frappe sets
	user.reload()
	assert keeps_cached(tenants_site, lambda: user.save(ignore_permissions=True))


def test_other_sites_of_the_bench_are_left_as_frappe_has_them(frappe):
	frappe.db.set_default(KEY, "one")
	assert not keeps_cached(frappe, lambda: frappe.db.set_default(KEY, "one"))
	frappe.db.rollback()
