"""A tenant's site restored to a moment between two changes, from a backup and the server's binary log."""

import math
import os
import time
from datetime import UTC, datetime

import pytest
from site_of_tenant import config, drop, on_database

pytestmark = pytest.mark.stops_mariadb

SECONDS = 120
HOURS = 24
NEIGHBOUR = "_neighbour_of_a_test"
FIELD = {"fieldname": "since_backup", "fieldtype": "Data", "label": "Since Backup"}
MAKE_FIELD = "frappe.custom.doctype.custom_field.custom_field.create_custom_field"


def restarted(bench, is_logged: bool) -> None:
	"""Have the bench's MariaDB write a binary log, or not."""
	home = bench.services.home
	home.logged.touch() if is_logged else home.logged.unlink(missing_ok=True)
	bench.frappe.db.close()
	bench.services.restart("mariadb")
	bench.services.wait_ready("mariadb")
	bench.frappe.connect()


def give_rights(bench) -> None:
	"""What `saas setup --root-password-stdin` does with the account."""
	from buildpro_saas.fleet import database_account

	database_account.make_account("root", os.environ["BUILDPRO_DB_ROOT_PASSWORD"])


def complaints(bench) -> list[str]:
	from buildpro_saas.fleet import point_in_time

	return point_in_time.complaints(bench.frappe.db.get_value("Bench", {"is_local": 1}))


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, whose plan promises hours; and what doctor says before the server does what that takes."""
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import backup_keys

	frappe, before = module_bench.frappe, backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	frappe.db.commit()
	tenant = module_bench.active_tenant()
	keep_daily = frappe.db.get_value("Plan", tenant.plan, "keep_daily")
	frappe.db.set_value("Plan", tenant.plan, {"recover_hours": HOURS, "keep_daily": 1})
	frappe.db.commit()
	tenant.flags.told_before = complaints(module_bench)
	restarted(module_bench, is_logged=True)
	try:
		yield tenant
	finally:
		frappe.db.rollback()
		for store in frappe.get_all("Backup Store", {"tenant": tenant.name}, pluck="store_id"):
			door.here().do("remove_store", folder="", store=store)
		for name in frappe.get_all("Site Shadow", {"tenant": tenant.name}, pluck="name"):
			drop(frappe, name)
		for doctype in ("Backup", "Backup Store", "Site Shadow"):
			frappe.db.delete(doctype, {"tenant": tenant.name})
		frappe.db.set_value("Plan", tenant.plan, {"recover_hours": 0, "keep_daily": keep_daily})
		frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
		frappe.db.commit()
		give_rights(module_bench)
		restarted(module_bench, is_logged=False)


@pytest.fixture(scope="module")
def history(module_bench, acme):
	"""A backup, changes, the moment, and changes after it: {"backup", "moment": seconds since the epoch}."""
	bench = module_bench
	frappe = bench.frappe
	assert any("lacks BINLOG MONITOR" in told for told in complaints(bench)), complaints(bench)
	give_rights(bench)
	connection = on_database(bench, acme)
	rows = connection.cursor()
	rows.execute("create table without_transactions (title varchar(20)) engine=MyISAM")
	rows.execute("insert into without_transactions values ('before')")
	connection.commit()
	with bench.its_root() as cursor:
		cursor.execute(f"drop database if exists {NEIGHBOUR}")  # of a run that was interrupted
		cursor.execute(f"create database {NEIGHBOUR}")
		cursor.execute(f"create table {NEIGHBOUR}.tabNote like `{acme.database}`.tabNote")
	note(bench, acme, "before")
	backup = acme.back_up()["backup"]
	frappe.db.commit()
	assert bench.wait_job(acme.name).status == "Completed", bench.describe(acme.name)
	frappe.db.commit()

	note(bench, acme, "then")
	bench.on_site(acme.name, MAKE_FIELD, doctype="Note", df=FIELD)
	rows.execute("update tabNote set since_backup = 'of a new column' where title = 'then'")
	rows.execute("savepoint a")
	rows.execute("update tabNote set since_backup = 'taken back'")
	rows.execute("rollback to savepoint a")
	rows.execute("insert into without_transactions values ('then')")
	connection.commit()
	with bench.its_root() as cursor:
		cursor.execute(f"insert into {NEIGHBOUR}.tabNote (name, title) values ('of the neighbour', 'then')")
	moment = math.floor(time.time()) + 1
	bench.wait_for(lambda: time.time() > moment, 5)

	note(bench, acme, "after")
	rows.execute("update tabNote set since_backup = 'spoiled' where title = 'then'")
	rows.execute("delete from tabNote where title = 'before'")
	rows.execute("insert into without_transactions values ('after')")
	connection.commit()
	rows.execute("alter table tabNote add column too_late int")
	connection.close()
	later = math.floor(time.time()) + 1  # until the restore the last change has its second behind it
	bench.wait_for(lambda: time.time() > later, 5)
	yield {"backup": backup, "moment": moment}
	with bench.its_root() as cursor:
		cursor.execute(f"drop database {NEIGHBOUR}")


@pytest.fixture
def bench(module_bench):
	yield module_bench
	module_bench.frappe.db.rollback()


def note(bench, tenant, title: str) -> None:
	bench.on_site(tenant.name, "on_tenant_notes.write", title=title)


def asked(bench, tenant, question: str) -> list:
	with on_database(bench, tenant) as connection, connection.cursor() as cursor:
		cursor.execute(question)
		return [row[0] for row in cursor.fetchall()]


def is_as_then(bench, tenant) -> None:
	"""Raise AssertionError unless the site is as it was between the changes."""
	assert bench.on_site(tenant.name, "on_tenant_notes.titles") == ["before", "then"]  # with their files
	assert asked(bench, tenant, "select since_backup from tabNote where title = 'then'") == [
		"of a new column"
	]
	assert asked(bench, tenant, "select count(*) from tabNote where since_backup = 'taken back'") == [0]
	assert asked(bench, tenant, "show columns from tabNote like 'too_late'") == []
	assert asked(bench, tenant, "select title from without_transactions") == ["before", "then"]


def text(moment: int) -> str:
	return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def output(job) -> str:
	return "\n".join(step.output or "" for step in job.steps)


# -- what is promised --------------------------------------------------------------------------------------------------


def test_doctor_says_what_the_server_lacks(bench, acme, history):
	wanted = "log_bin = binlog; binlog_format = ROW; binlog_expire_logs_seconds = 172800 under [mysqld]"
	assert any(wanted in told for told in acme.flags.told_before), acme.flags.told_before
	assert any("backups of each day for 2 days" in told for told in acme.flags.told_before)
	(told,) = complaints(bench)  # that of days alone: MariaDB keeps its log for ever, unless it is told
	assert "backups of each day" in told
	with bench.root() as cursor:
		try:
			cursor.execute("set global binlog_expire_logs_seconds = 7200")
			assert any(
				"keeps its binary log for 2; write binlog_expire" in told for told in complaints(bench)
			)
		finally:
			cursor.execute("set global binlog_expire_logs_seconds = 0")


def test_a_moment_that_cannot_be_met_is_refused(bench, acme, history):
	frappe = bench.frappe
	jobs = frappe.db.count("Provisioning Job", {"tenant": acme.name})

	def refused(said: str, to: str, **more) -> None:
		with pytest.raises(frappe.ValidationError, match=said):
			acme.restore(None, acme.subdomain, to=to, **more)

	for moment in (history["moment"] + 10**6, history["moment"] - 10**5):
		refused("cannot be met. Moments that can: 20.* to 20", text(moment))
	refused("is no moment: write it like", "yesterday")
	refused("one of the three", text(history["moment"]), backup=history["backup"])
	refused("leave out", text(history["moment"]), from_tenant=acme.name)
	assert frappe.db.count("Provisioning Job", {"tenant": acme.name}) == jobs


# -- restored ----------------------------------------------------------------------------------------------------------


def test_a_site_goes_back_to_a_moment_between_two_changes(bench, acme, history, bench_command):
	from buildpro_saas.fleet import database_history, point_in_time

	frappe, first = bench.frappe, acme.database
	assert not point_in_time.wants_backup(acme.name)
	site = ("--site", frappe.local.site, "saas")
	listed = bench_command(*site, "backups", acme.name)
	assert f"Any moment from {datetime.now(UTC):%Y}" in listed.stdout, listed.stdout + listed.stderr
	restore = ("restore", acme.name, "--to", text(history["moment"]), "--confirm", acme.subdomain, "--wait")
	done = bench_command(*site, *restore)
	assert done.returncode == 0, done.stdout + done.stderr + bench.describe(acme.name)
	assert f"UTC), from {history['backup']} on" in done.stdout
	frappe.db.commit()
	acme.reload()
	assert config(bench, acme)["db_name"] == acme.database != first
	is_as_then(bench, acme)
	told = output(bench.job(acme.name))
	assert "Files are those of the backup, and 1 that came later" in told, told
	with bench.its_root() as cursor:
		cursor.execute(f"select name from {NEIGHBOUR}.tabNote")
		assert list(cursor.fetchall()) == [("of the neighbour",)]
		cursor.execute("select db, user from mysql.db where user = %s", acme.database)
		assert len(cursor.fetchall()) == 1
	# the site has another database by now, of which no backup is there yet: the next look takes one
	assert point_in_time.wants_backup(acme.name)
	# the second of the swap can still be met, by the database before it
	since = math.floor(database_history.lives(acme.name)[-2].until) + 1
	bench.wait_for(lambda: time.time() > since, 5)
	with pytest.raises(frappe.ValidationError, match=r"cannot be met\. Moments that can: "):
		acme.restore(None, acme.subdomain, to=text(since))


@pytest.mark.fault
def test_a_replay_that_was_killed_begins_anew(bench, acme, history):
	"""After its last statement, which nobody has noted: what was replayed must not be replayed twice."""
	frappe = bench.frappe
	with bench.held("replay_log", "Completed"):
		acme.restore(None, acme.subdomain, to=text(history["moment"]))
		frappe.db.commit()
		bench.wait_held(acme.name)
		bench.services.kill("provisioning")
		bench.let_go()
	bench.services.start_all("provisioning")
	bench.wait_looking(
		lambda: bench.job_status(acme.name) == "Completed",
		SECONDS,
		lambda: bench.describe(acme.name),
	)
	acme.reload()
	is_as_then(bench, acme)


def shadow_of(bench, tenant) -> str:
	"""The database of the tenant's newest shadow."""
	bench.frappe.db.commit()
	filters = {"tenant": tenant.name}
	return bench.frappe.get_all("Site Shadow", filters, pluck="database", order_by="creation desc")[0]


def is_waiting_for_table(bench) -> bool:
	with bench.its_root() as cursor:
		cursor.execute("select id from information_schema.processlist where state like 'Waiting for table%'")
		return cursor.fetchone() is not None


@pytest.mark.fault
def test_a_replay_without_room_or_killed_in_its_middle_leaves_the_site_and_begins_anew(bench, acme, history):
	frappe, titles = bench.frappe, "select title from tabNote order by title"
	before = asked(bench, acme, titles)
	kept_free = frappe.db.get_value("Bench", acme.bench, "min_free_disk_gb")
	try:
		with bench.held("replay_log", "Running"):
			made = acme.restore(None, acme.subdomain, to=text(history["moment"]))
			frappe.db.commit()
			bench.wait_held(acme.name)
			# others have taken the room meanwhile
			frappe.db.set_value("Bench", acme.bench, "min_free_disk_gb", 10**6)
			frappe.db.commit()
			bench.let_go()
			bench.wait_for_end(made["job"], status="Failed")
	finally:
		frappe.db.set_value("Bench", acme.bench, "min_free_disk_gb", kept_free)
		frappe.db.commit()
	job = bench.job(acme.name)
	assert "stopped before the disk is full" in job.error and "press Retry" in job.hint, (job.error, job.hint)
	assert config(bench, acme)["db_name"] == acme.database and asked(bench, acme, titles) == before
	# Retry, killed where a new column is there, and a row that comes later waits
	with bench.held("replay_log", "Running"), bench.its_root() as cursor:
		job.retry()
		frappe.db.commit()
		bench.wait_held(acme.name)
		shadow = shadow_of(bench, acme)
		cursor.execute(f"lock tables `{shadow}`.without_transactions read")
		bench.let_go()
		bench.wait_for(lambda: is_waiting_for_table(bench), SECONDS, lambda: bench.describe(acme.name))
		with bench.its_root() as other:
			other.execute(f"show columns from `{shadow}`.tabNote like 'since_backup'")
			assert other.fetchone()
		bench.services.kill("provisioning")
	assert config(bench, acme)["db_name"] == acme.database and asked(bench, acme, titles) == before
	bench.services.start_all("provisioning")
	bench.wait_for(
		lambda: bench.look_after() or bench.job(acme.name).status == "Completed",
		SECONDS,
		lambda: bench.describe(acme.name),
	)
	acme.reload()
	is_as_then(bench, acme)


def test_what_changed_the_database_from_outside_is_told_before_anything_is_begun(bench, acme, history):
	"""It is in the log under another database: a replay of the database's own events would miss it."""
	frappe = bench.frappe
	acme.reload()
	acme.back_up()  # of the database that the site has by now
	frappe.db.commit()
	assert bench.wait_job(acme.name).status == "Completed", bench.describe(acme.name)
	with bench.its_root() as cursor:
		cursor.execute("use mysql")
		cursor.execute(f"truncate `{acme.database}`.without_transactions")
	later = math.floor(time.time()) + 1
	bench.wait_for(lambda: time.time() > later, 5)
	made = acme.restore(None, acme.subdomain, to=text(later))
	frappe.db.commit()
	job = bench.wait_job(acme.name)
	assert job.status == "Failed" and "changed" in job.error and "from outside: truncate" in job.error, (
		job.error
	)
	assert [step.status for step in job.steps[:2]] == ["Failed", "Pending"]
	frappe.get_doc("Provisioning Job", made["job"]).cancel_job()
	frappe.db.commit()
	bench.wait_for_end(made["job"], status="Cancelled")
