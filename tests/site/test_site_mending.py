"""What reconciliation mends of a tenant's site: its database user, and a hold of which no record is left; and the trash that keeps a database's name."""

import json

import pytest

OWN = "the-password-of-a-site"
# What somebody did to the database user in MariaDB.
LOST = {
	"dropped": "drop user {0}",
	"another password": "alter user {0} identified by 'another'",
	"locked": "alter user {0} account lock",
	"without rights": "revoke all privileges, grant option from {0}",
}


def made(drifting, **config) -> tuple[str, str, str]:
	"""(tenant, its site, its database) that nothing is wrong with."""
	mark = drifting.mark()
	database = drifting.database(mark, has_tables=True)
	site = drifting.site(mark, db_name=database, **config)
	return drifting.tenant("Active", site, database), site, database


def config_of(drifting, site: str) -> dict:
	return json.loads((drifting.sites / site / "site_config.json").read_text())


@pytest.mark.parametrize("how", LOST)
def test_a_database_user_that_alone_is_lost_is_made_again(drifting, how):
	from buildpro_saas.agent.databases import lets_in

	tenant, site, database = made(drifting, db_password=OWN)
	with drifting.server() as mariadb:
		mariadb.create(database, OWN, config_of(drifting, site)["buildpro_job"])
		hosts = mariadb.db.sql("select Host from mysql.user where User = %s", database)
		assert drifting.compare(tenant) == []
		for (host,) in hosts:
			mariadb.db.sql(LOST[how].format(f"`{database}`@`{host}`"))
	(row,) = drifting.compare(tenant)
	assert database in row.what and f"saas restore-lost {tenant}" in row.action
	assert "nothing to restore" in row.action and "last backup" not in row.action
	drifting.mend()
	assert drifting.status(tenant) == "Resolved" and drifting.compare(tenant) == []
	with drifting.server() as mariadb:
		assert lets_in(mariadb.account, database, OWN) and mariadb.has_tables(database)


def test_a_database_that_is_another_jobs_gets_no_user(drifting):
	tenant, site, _database = made(drifting, db_password=OWN)
	config = config_of(drifting, site)
	path = drifting.sites / site / "site_config.json"
	path.write_text(json.dumps({**config, "buildpro_job": drifting.mark()}))
	(row,) = drifting.compare(tenant)  # nobody ever had that password
	drifting.mend()
	assert drifting.status(tenant) == "Open"
	assert "was not made by this job" in drifting.frappe.db.get_value("Drift Finding", row.name, "action")


HOLDS = {
	"maintenance_mode": 1,
	"allow_reads_during_maintenance": 0,
	"buildpro_held": {"maintenance_mode": None, "allow_reads_during_maintenance": None},
	"buildpro_held_by": {"by": "PJ-77777", "since": "2026-01-01 10:00"},
}


def test_a_site_that_nobody_on_record_holds_is_opened(drifting):
	"""As after the admin site was lost while a job held it, and was made again of an older backup."""
	tenant, site, _database = made(drifting, **HOLDS)
	(row,) = drifting.compare(tenant)
	assert "held by PJ-77777 since 2026-01-01 10:00" in row.what and "opened by itself" in row.action
	drifting.mend()
	assert not HOLDS.keys() & config_of(drifting, site).keys()
	assert drifting.status(tenant) == "Resolved"


@pytest.mark.parametrize("holder", ["failed job", "shadow"])
def test_a_site_that_somebody_on_record_may_hold_stays_closed(drifting, holder):
	tenant, site, _database = made(drifting, **HOLDS)
	if holder == "shadow":
		drifting.record("Site Shadow", tenant=tenant, status="Filling", holds_site=1)
	else:
		values = {"title": "Test", "playbook": "test", "status": "Failed", "mark": drifting.mark()}
		drifting.record("Provisioning Job", tenant=tenant, **values)
	assert drifting.compare(tenant) == []
	drifting.mend()
	assert HOLDS.items() <= config_of(drifting, site).items()


def test_a_site_that_may_be_half_migrated_is_told_and_stays_closed(drifting):
	by = {"buildpro_held_by": {**HOLDS["buildpro_held_by"], "is_in_place": 1}}
	tenant, site, _database = made(drifting, **HOLDS | by)
	(row,) = drifting.compare(tenant)
	assert "half migrated" in row.action and "saas restore" in row.action
	drifting.mend()
	assert HOLDS.keys() <= config_of(drifting, site).keys() and drifting.status(tenant) == "Open"


# -- the trash -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_view(drifting):
	"""(database with a view that a cancelled job left, its entry in the trash)"""
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import bench_trash

	mark = drifting.mark()
	drifting.job(mark, "Cancelled")
	database = drifting.database(mark, has_tables=True)
	with drifting.server() as mariadb:
		mariadb.db.sql(f"create view `{database}`.`v` as select 1")
	drifting.seen_long_ago()
	drifting.mend()
	(entry,) = [each for each in bench_trash.entries() if each.subject == database]
	yield database, entry
	if entry.name in {each.name for each in bench_trash.entries()}:
		door.here().do("remove_from_trash", name=entry.name)


def in_trash(mariadb):
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.trash import Trash

	return Trash(Bench.here(), mariadb)


def test_a_database_with_a_view_keeps_its_name_in_the_trash(drifting, with_view):
	database, entry = with_view
	assert drifting.status(database) == "Removed" and drifting.compare(database) == []
	with drifting.server() as mariadb:
		assert mariadb.has_tables(database) and not mariadb.has_user(database)
		assert in_trash(mariadb).put_database(database, entry.mark).name == entry.name  # again: the same
	drifting.reconciliation.put_back(entry.name)
	assert drifting.has(database) and drifting.status(database) == "Ignored"


def test_it_goes_for_good_with_its_name(drifting, with_view):
	database, entry = with_view
	with drifting.server() as mariadb:
		in_trash(mariadb).remove(entry)
	assert not drifting.has(database)


def test_it_is_left_alone_once_somebody_uses_it_again(drifting, with_view):
	"""Another one's job, or somebody by hand, has made its user again."""
	from buildpro_saas.fleet import bench_trash

	database, entry = with_view
	with drifting.server() as mariadb:
		mariadb.create(database, OWN, entry.mark)
		with pytest.raises(Exception, match="in its place"):
			drifting.reconciliation.put_back(entry.name)
	bench_trash.look_into([drifting.bench])
	assert entry.name not in {each.name for each in bench_trash.entries()}
	assert drifting.has(database)
