"""Where tenants' databases are, and whose their users are, on an admin site whose MariaDB is another, or becomes one."""

from pathlib import Path

import pytest


@pytest.fixture
def own_config(admin_site):
	"""The admin site's site_config.json, as it was again afterwards: own_config(values)."""
	from buildpro_saas.agent import site_config

	folder = Path(admin_site.get_site_path())
	before = site_config.read(folder)
	yield lambda **values: site_config.update(folder, values)
	site_config.write(folder, before)


def test_tenants_sites_are_told_the_database_server_of_an_admin_site_that_has_its_own(admin_site, own_config):
	from buildpro_saas.fleet import site_sources

	conf = admin_site.conf
	own_config(db_host=None, db_port=None)
	assert not {"db_host", "db_port"} & site_sources.first_config("_x", "password").keys()
	own_config(db_host=conf.db_host, db_port=conf.db_port)
	config = site_sources.first_config("_x", "password")
	assert (config["db_host"], config["db_port"]) == (conf.db_host, conf.db_port)
	assert not [key for key in config if key.startswith("buildpro_db")]


def test_a_database_goes_with_its_users_for_every_host(drifting, monkeypatch):
	"""`buildpro_db_user_host` is another one by now; what is left would keep the tenant from being made again."""
	mark = drifting.mark()
	name = drifting.database(mark)
	monkeypatch.setitem(drifting.frappe.local.conf, "buildpro_db_user_host", "192.0.2.%")
	with drifting.server() as mariadb:
		mariadb.drop(name, mark)
		assert not mariadb.has_user(name)
		mariadb.create(name, "not-a-secret-of-anybody", mark)
		monkeypatch.delitem(drifting.frappe.local.conf, "buildpro_db_user_host")
		mariadb.create(name, "not-a-secret-of-anybody", mark)
		mariadb.drop_user(name, mark)
		assert not mariadb.has_user(name) and mariadb.has_database(name)


def test_a_lone_user_of_another_host_is_dropped(drifting, monkeypatch):
	name = drifting.user()
	monkeypatch.setitem(drifting.frappe.local.conf, "buildpro_db_user_host", "192.0.2.%")
	with drifting.server() as mariadb:
		mariadb.drop_lone_user(name)
		assert not mariadb.has_user(name)


def test_only_a_database_without_any_mark_is_marked_again(drifting):
	mark, other = drifting.mark(), drifting.mark()
	name = drifting.database(mark)
	with drifting.server() as mariadb:
		assert not mariadb.mark_again(name, other) and mariadb.mark_of(name) == mark
		assert not mariadb.mark_again(f"{name}_gone", other)
		mariadb.db.sql(f"alter database `{name}` comment ''")
		assert mariadb.mark_again(name, other) and mariadb.mark_of(name) == other
