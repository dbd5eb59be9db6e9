"""Where tenants' databases are, and whose their users are, on an admin site whose MariaDB is another, or becomes one."""

from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture
def own_config(admin_site, bench_path):
	"""Changes of the admin site's site_config.json, taken over by the bench; both files are as they were again afterwards."""
	from buildpro_saas.agent import account, site_config
	from buildpro_saas.fleet import database_account

	folder, kept = Path(admin_site.get_site_path()), bench_path / account.FILE
	before, of_bench = site_config.read(folder), kept.read_bytes()

	def change(**values):
		site_config.update(folder, values)
		database_account.bring_up_to_date()

	yield change
	site_config.write(folder, before)
	kept.write_bytes(of_bench)


def first_config() -> dict:
	from buildpro_saas.agent import account
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.operations import sites

	return sites.first_config(account.read(Bench.here()), "_x", "password")


def from_another_host(mariadb):
	"""The same, for users that come from elsewhere."""
	mariadb.account = replace(mariadb.account, user_host="192.0.2.%")
	return mariadb


def test_tenants_sites_are_told_the_database_server_of_an_admin_site_that_has_its_own(admin_site, own_config):
	conf = admin_site.conf
	own_config(db_host=None, db_port=None)
	assert not {"db_host", "db_port"} & first_config().keys()
	own_config(db_host=conf.db_host, db_port=conf.db_port)
	config = first_config()
	assert (config["db_host"], config["db_port"]) == (conf.db_host, conf.db_port)
	assert not [key for key in config if key.startswith("buildpro_db")]


def test_a_database_goes_with_its_users_for_every_host(drifting):
	"""`buildpro_db_user_host` is another one by now; what is left would keep the tenant from being made again."""
	mark = drifting.mark()
	name = drifting.database(mark)
	with drifting.server() as mariadb:
		usual = mariadb.account
		from_another_host(mariadb).drop(name, mark)
		assert not mariadb.has_user(name)
		mariadb.create(name, "not-a-secret-of-anybody", mark)
		mariadb.account = usual
		mariadb.create(name, "not-a-secret-of-anybody", mark)
		mariadb.drop_user(name, mark)
		assert not mariadb.has_user(name) and mariadb.has_database(name)


def test_a_lone_user_of_another_host_is_dropped(drifting):
	name = drifting.user()
	with drifting.server() as mariadb:
		from_another_host(mariadb).drop_lone_user(name)
		assert not mariadb.has_user(name)


def test_only_a_database_without_any_mark_is_marked_again(drifting):
	mark, other = drifting.mark(), drifting.mark()
	name = drifting.database(mark)
	with drifting.server() as mariadb:
		assert not mariadb.mark_again(name, other) and mariadb.mark_of(name) == mark
		assert not mariadb.mark_again(f"{name}_gone", other)
		mariadb.db.sql(f"alter database `{name}` comment ''")
		assert mariadb.mark_again(name, other) and mariadb.mark_of(name) == other


def test_the_account_is_moved_from_the_admin_site_to_its_bench(admin_site, bench_path, own_config):
	"""An admin site of an earlier version has it in its own site_config.json."""
	from buildpro_saas.agent import account
	from buildpro_saas.agent.bench import Bench

	kept = bench_path / account.FILE
	before = account.read(Bench.here())
	kept.unlink()
	own_config(buildpro_db_user=before.user, buildpro_db_password=before.password)
	assert account.read(Bench.here()) == before and kept.stat().st_mode & 0o777 == 0o600
	assert not [key for key in admin_site.get_site_config() if key.startswith("buildpro_db_")]
	# a bench that has one keeps it
	own_config(buildpro_db_user="another", buildpro_db_password="not-a-secret-of-anybody")
	assert account.read(Bench.here()) == before


def test_a_damaged_account_file_is_told_in_a_sentence(bench_path, own_config):
	from buildpro_saas.agent import account
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.errors import AgentError

	(bench_path / account.FILE).write_text('{"user": "x"')
	with pytest.raises(AgentError, match="is not what `saas setup` wrote"):
		account.read(Bench.here())


def test_no_password_of_a_site_gets_into_a_log(drifting, bench_path):
	"""Frappe writes statements that make something into logs/database.log, with their values."""
	secret = "in-no-log-whatever-9f3a2c"
	mark = drifting.mark()
	name = drifting.database(mark)
	with drifting.server() as mariadb:
		mariadb.create(name, secret, mark)
		assert mariadb.has_user(name)
	logs = [*bench_path.glob("logs/*"), *bench_path.glob("sites/*/logs/*")]
	assert not [path for path in logs if path.is_file() and secret.encode() in path.read_bytes()]
	assert any(path.name.startswith("database.log") for path in logs)
