"""What waits in Redis is in the database before a site or its database gets another name; the name's next site finds nothing of it."""

import json
import secrets

import pytest


@pytest.fixture
def waiting(site, usage, monkeypatch):
	"""A token, of which Redis has one thing of each kind to be written down."""
	from frappe.deferred_insert import deferred_insert

	frappe, token = site.frappe, f"waits-{secrets.token_hex(6)}"
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	usage.count("rfi", "ALLOWED")
	deferred_insert("Route History", [{"user": "Administrator", "route": token}])
	frappe.cache.hset("_user_settings", f"{token}::Administrator", json.dumps({"last_view": "List"}))
	found = {"doctype": "Note", "name": token, "content": "x", "published": 0, "title": token, "route": ""}
	frappe.cache.lpush("global_search_queue", json.dumps(found))
	yield token
	frappe.db.rollback()
	frappe.db.delete("Route History", {"route": token})
	frappe.db.sql("delete from `__UserSettings` where doctype = %s", token)
	frappe.db.sql("delete from `__global_search` where name = %s", token)
	frappe.db.commit()
	for key in (f"{token}::Administrator", token):
		frappe.cache.hdel("_user_settings", key)


def written(frappe, token: str) -> tuple:
	frappe.db.rollback()
	return (
		frappe.db.count("Route History", {"route": token}),
		len(frappe.db.sql("select 1 from `__UserSettings` where doctype = %s", token)),
		len(frappe.db.sql("select 1 from `__global_search` where name = %s", token)),
		frappe.db.get_value("Feature Usage", {"feature": "rfi"}, "count"),
	)


def test_what_waits_in_redis_is_written_down_once(site, waiting):
	from buildpro_saas.tenant_site import waiting_writes

	assert waiting_writes.write_down() == []
	assert written(site.frappe, waiting) == (1, 1, 1, 1)
	assert waiting_writes.write_down() == []
	assert written(site.frappe, waiting) == (1, 1, 1, 1)


def test_one_part_that_cannot_be_written_keeps_none_of_the_others(site, waiting):
	from buildpro_saas.tenant_site import waiting_writes

	site.frappe.cache.hset("_user_settings", waiting, "without a user")
	(told,) = waiting_writes.write_down()
	assert told.startswith("people's settings of lists (ValueError")
	routes, _settings, searched, used = written(site.frappe, waiting)
	assert (routes, searched, used) == (1, 1, 1)


def test_a_name_hands_on_no_counts(site, usage):
	from buildpro_saas.agent import site_jobs

	usage.count("rfi", "ALLOWED")
	usage.flush()
	site_jobs.forget_uses(site.frappe.local.site)
	usage.store()
	assert not site.frappe.db.exists("Feature Usage", {"feature": "rfi"})
