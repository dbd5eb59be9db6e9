"""MariaDB's setting by which a lock on a row that changed since it was read rolls a transaction back: off for our connections."""

import pytest
from conftest_data import second_connection

CHANGED = 1020
LIMIT = "snapshot test"


@pytest.fixture
def site_with_limit(admin_site):
	"""The site with a limit's row that another connection can change; on a server that has the setting, switched on for our connection."""
	from buildpro_saas.tenant_site import limit_usage

	if not admin_site.db.sql("show variables like 'innodb_snapshot_isolation'"):
		pytest.skip("this MariaDB is older than the setting (10.6.18, 10.11.8, 11.4.2)")
	limit_usage.make(LIMIT)
	admin_site.db.commit()
	admin_site.db.sql("set session innodb_snapshot_isolation = on")
	yield admin_site
	admin_site.db.rollback()
	admin_site.db.sql("set session innodb_snapshot_isolation = off")
	admin_site.db.delete(limit_usage.DOCTYPE, {"name": LIMIT})
	admin_site.db.commit()


def add_elsewhere(frappe) -> None:
	"""Another request adds one to the limit, and commits."""
	other = second_connection(frappe)
	with other.cursor() as cursor:
		cursor.execute("update `tabLimit Level` set grown = grown + 1 where name = %s", (LIMIT,))
	other.commit()
	other.close()


def test_as_the_server_has_it_on_a_held_limit_fails(site_with_limit):
	"""So that the next test shows something."""
	from buildpro_saas.agent.errors import is_transient, mariadb_code
	from buildpro_saas.tenant_site import limit_usage

	site_with_limit.db.exists(limit_usage.DOCTYPE, LIMIT)
	add_elsewhere(site_with_limit)
	with pytest.raises(Exception) as raised:
		limit_usage.hold(LIMIT)
	assert mariadb_code(raised.value) == CHANGED and is_transient(raised.value)


def test_switched_off_a_limit_is_held_and_shows_what_others_added(site_with_limit, monkeypatch):
	from buildpro_saas import snapshot_isolation
	from buildpro_saas.tenant_site import limit_usage

	frappe = site_with_limit
	monkeypatch.setattr(snapshot_isolation, "_is_on", {})
	monkeypatch.setattr(snapshot_isolation, "ASK", "show session variables like 'innodb_snapshot_isolation'")
	snapshot_isolation.switch_off(frappe.local.db)
	assert list(snapshot_isolation._is_on.values()) == [True]
	frappe.db.exists(limit_usage.DOCTYPE, LIMIT)
	add_elsewhere(frappe)
	assert limit_usage.hold(LIMIT) == 1


def test_every_connection_of_a_process_is_asked_about(site_with_limit, monkeypatch):
	from buildpro_saas import snapshot_isolation

	frappe = site_with_limit
	seen = []
	monkeypatch.setattr(snapshot_isolation, "switch_off", seen.append)
	frappe.db.rollback()
	frappe.db.close()
	assert frappe.db.sql("select 1") and seen == [frappe.local.db]
