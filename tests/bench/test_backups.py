"""Backups of tenants' sites: what is in them, how they fail, what is kept of them, and that nobody reads them without the key."""

import json
import os
import shutil
import subprocess
import threading
import time

import pytest
from site_of_tenant import config, folder, is_waiting, on_database
from small_disk import for_root, small_disk

SECONDS = 120


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, and a recovery key."""
	from buildpro_saas.fleet import backup_keys

	recipient, secret = backup_keys.make_recovery_key()
	before = backup_keys.recipient()
	backup_keys.set_recipient(recipient)
	module_bench.frappe.db.commit()
	tenant = module_bench.active_tenant()
	tenant.flags.recovery_key = secret
	yield tenant
	module_bench.frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	module_bench.frappe.db.commit()


@pytest.fixture
def bench(module_bench, acme):
	"""The bench; no store and no record of a backup is left when a test ends."""
	yield module_bench
	frappe = module_bench.frappe
	frappe.db.rollback()
	for store in frappe.get_all("Backup Store", {"tenant": acme.name}, "*"):
		shutil.rmtree(module_bench.path / "backups" / store.store_id, ignore_errors=True)
		for path in (module_bench.path / "backups").glob(f"{store.store_id}.*"):
			path.unlink()
	for doctype in ("Backup", "Backup Store"):
		frappe.db.delete(doctype, {"tenant": acme.name})
	frappe.db.set_value("Tenant", acme.name, dict.fromkeys(("keep_daily", "keep_weekly", "keep_monthly"), 0))
	frappe.db.set_value("Tenant", acme.name, {"backups_per_day": 0, "backup_at": None})
	frappe.db.commit()
	assert not (module_bench.path / "sites/.buildpro/backups" / acme.site).exists()


@pytest.fixture
def frappe(bench):
	return bench.frappe


def back_up(bench, tenant, status: str = "Completed", **asked):
	"""The record of a backup whose job has ended so."""
	made = tenant.back_up(**asked)
	bench.frappe.db.commit()
	assert bench.wait_job(tenant.name).status == status, bench.describe(tenant.name)
	bench.frappe.db.commit()
	return bench.frappe.get_doc("Backup", made["backup"])


def operation(bench, name: str, **spec):
	"""What a job has the agent do."""
	from buildpro_saas.agent import door

	id = f"test/{time.monotonic_ns()}"
	return door.here().run(name, id=id, timeout=SECONDS, log=print, checkpoint=lambda: None, **spec)


def fetched(bench, backup, tmp_path):
	from buildpro_saas.fleet import backups

	operation(bench, "fetch_backup", to=str(tmp_path / "fetched"), **backups.spec(backup.name))
	return tmp_path / "fetched"


def in_store(bench, backup) -> set[str]:
	from buildpro_saas.fleet import backups

	return {each.backup for each in operation(bench, "list_backups", **backups.store_spec(backup.store))}


def files_of(bench, backup) -> set[str]:
	"""All files of the store, and beside it."""
	folder = bench.path / "backups"
	store = bench.frappe.db.get_value("Backup Store", backup.store, "store_id")
	found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
	return {
		name
		for name in found
		if name.startswith(store) and not name.endswith(".lock") and "/locks/" not in name
	}


def loaded_differences(bench, place) -> list[str]:
	"""What differs from the manifest in a database that anybody's client has loaded, with tables, rows and checksums."""
	from buildpro_saas.agent import account, manifest
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.databases import server
	from buildpro_saas.agent.facts import Manifest

	conf, database = bench.frappe.conf, "_test_backup_loaded"
	command = ["mysql", f"--host={conf.db_host}", f"--port={conf.db_port}", "--user=root", database]
	environment = {**os.environ, "MYSQL_PWD": os.environ["BUILDPRO_DB_ROOT_PASSWORD"]}
	told = Manifest(**json.loads((place / "manifest.json").read_text()))
	with bench.its_root() as cursor:
		cursor.execute(f"create database `{database}`")
		try:
			with (place / "database.sql").open("rb") as file:
				subprocess.run(command, stdin=file, env=environment, check=True)
			with server(account.read(Bench(bench.path))) as mariadb:
				return manifest.differences(told, manifest.take(mariadb, database))
		finally:
			cursor.execute(f"drop database `{database}`")


def write(bench, tenant, title: str) -> None:
	bench.on_site(tenant.name, "on_tenant_notes.write", title=title)


# -- taken, and read again ---------------------------------------------------------------------------------------------


def test_a_backup_has_what_the_site_had(bench, acme, frappe, tmp_path):
	write(bench, acme, "before the backup")
	backup = back_up(bench, acme, why="before the import")
	assert (backup.status, backup.kind, backup.place) == ("Kept", "By Hand", "Local")
	assert backup.verified_how == "Read Again" and backup.verified_at and backup.expires_on
	assert backup.size > 1 and backup.added > 0.1 and backup.tables > 200 and "frappe" in backup.apps
	write(bench, acme, "after the backup")

	place = fetched(bench, backup, tmp_path)
	assert json.loads((place / "site_config.json").read_text()) == {
		"encryption_key": config(bench, acme)["encryption_key"]
	}
	told = json.loads((place / "manifest.json").read_text())
	assert told == json.loads(backup.manifest)
	names = {path.name for path in (place / "private/files").iterdir()}
	assert any(name.startswith("before the backup") for name in names)
	assert not any(name.startswith("after the backup") for name in names)
	for path in place.rglob("*"):
		assert path.stat().st_uid == os.geteuid()
	assert place.stat().st_mode & 0o077 == 0
	assert loaded_differences(bench, place) == []


def test_a_second_backup_adds_little(bench, acme):
	(folder(bench, acme) / "private/files/drawing.pdf").write_bytes(os.urandom(2 * 10**6))
	try:
		first, second = back_up(bench, acme), back_up(bench, acme)
	finally:
		(folder(bench, acme) / "private/files/drawing.pdf").unlink()
	assert first.added > 2 and second.added < first.added / 10
	assert in_store(bench, second) == {first.backup_id, second.backup_id}


def test_a_backup_is_of_one_moment_although_people_write(bench, acme, tmp_path):
	"""Two tables whose rows are written together, in two statements of a transaction; of one with an engine without transactions."""
	stop, written = threading.Event(), []
	connection = on_database(bench, acme)
	with connection.cursor() as cursor:
		for table, engine in (("a_first", "InnoDB"), ("m_old", "MyISAM"), ("z_last", "InnoDB")):
			cursor.execute(f"create table {table} (number int primary key) engine={engine}")

	def work() -> None:
		with connection.cursor() as cursor:
			while not stop.is_set():
				for table in ("a_first", "z_last", "m_old"):
					cursor.execute(f"insert into {table} values (%s)", (len(written),))
				connection.commit()
				written.append(time.monotonic())

	writer = threading.Thread(target=work)
	writer.start()
	try:
		backup = back_up(bench, acme)
	finally:
		stop.set()
		writer.join()
		with connection.cursor() as cursor:
			cursor.execute("drop tables a_first, m_old, z_last")
		connection.close()
	told = json.loads(backup.manifest)["tables"]
	assert 0 < told["a_first"][0] == told["z_last"][0] < len(written)
	assert loaded_differences(bench, fetched(bench, backup, tmp_path)) == []


def test_who_writes_into_a_table_without_transactions_waits_for_no_backup(bench, acme, tmp_path, monkeypatch):
	"""MyISAM lets who waits to write go before who wants to read. The backup has the rows of its moment all the same."""
	from buildpro_saas.agent import database_dump

	connection = on_database(bench, acme)
	with connection.cursor() as cursor:
		cursor.execute("create table m_old (number int primary key) engine=MyISAM")
		cursor.execute("insert into m_old values (1), (2)")
	deleting = threading.Thread(target=lambda: delete(connection), daemon=True)
	begin = database_dump._begin

	def begun(running):
		"""The tables are locked, and those of MyISAM are set aside."""
		deleting.start()
		bench.wait_for(lambda: is_waiting(bench, connection), 60)
		return begin(running)

	with monkeypatch.context() as patch:
		patch.setattr(database_dump, "_begin", begun)
		store = backup_keys_of(acme)
		bench.frappe.db.commit()
		operation(bench, "take_backup", site=acme.site, wrapped_key="", **store)
	deleting.join(60)
	assert not deleting.is_alive()
	with connection.cursor() as cursor:
		cursor.execute("drop table m_old")
	connection.close()
	operation(bench, "fetch_backup", to=str(tmp_path / "fetched"), **store)
	told = json.loads((tmp_path / "fetched/manifest.json").read_text())["tables"]
	assert told["m_old"][0] == 2
	assert loaded_differences(bench, tmp_path / "fetched") == []
	with bench.root() as cursor:
		cursor.execute("show databases like %s", (database_dump.aside_of(config(bench, acme)["db_name"]),))
		assert not cursor.fetchall()


def backup_keys_of(tenant) -> dict:
	from buildpro_saas.fleet import backup_keys, backups

	return {**backups.store_spec(backup_keys.store_of(tenant.name, tenant.bench)), "backup": "ce" * 8}


def delete(connection) -> None:
	with connection.cursor() as cursor:
		cursor.execute("delete from m_old where number = 1")


def test_a_file_that_is_deleted_meanwhile_is_in_the_backup(bench, acme, tmp_path, monkeypatch):
	"""Its record is in the database of that moment."""
	from buildpro_saas.agent import database_dump as dump
	from buildpro_saas.fleet import backup_keys, backups

	path = folder(bench, acme) / "private/files/deleted.txt"
	path.write_text("was there")
	begin = dump._begin

	def begun(running):
		path.unlink()
		return begin(running)

	store = backup_keys.store_of(acme.name, acme.bench)
	bench.frappe.db.commit()
	monkeypatch.setattr(dump, "_begin", begun)
	spec = {**backups.store_spec(store), "backup": "ab" * 8}
	operation(bench, "take_backup", site=acme.site, wrapped_key="", **spec)
	operation(bench, "fetch_backup", to=str(tmp_path / "fetched"), **spec)
	assert (tmp_path / "fetched/private/files/deleted.txt").read_text() == "was there"


def test_bench_restore_takes_what_is_exported(bench, acme, bench_command, tmp_path):
	"""The customer can leave: on a bench without this app's control plane, Frappe's own command makes the site of it."""
	write(bench, acme, "to take along")
	back_up(bench, acme)
	answer = bench_command(
		"--site", bench.frappe.local.site, "saas", "backup-export", acme.name, "--to", str(tmp_path / "out")
	)
	assert answer.returncode == 0, answer.stdout + answer.stderr
	database, public, private, its_config = answer.stdout.split()
	name, site = "_test_backup_export", bench.path / "sites/exported.localhost"
	site.mkdir()
	try:
		values = {"db_name": name, "db_password": "secret-of-a-test", **json.loads(open(its_config).read())}
		(site / "site_config.json").write_text(json.dumps(values))
		for part in ("logs", "locks", "public/files", "private/files"):
			(site / part).mkdir(parents=True)
		options = ["--with-public-files", public, "--with-private-files", private, "--force"]
		root = ["--db-root-username", "root", "--db-root-password", os.environ["BUILDPRO_DB_ROOT_PASSWORD"]]
		done = bench_command("--site", site.name, "restore", *options, *root, database)
		assert done.returncode == 0, done.stdout + done.stderr
		with bench.its_root() as cursor:
			cursor.execute(f"select title from `{name}`.tabNote where title = 'to take along'")
			assert cursor.fetchall()
		assert list((site / "private/files").glob("to take along*"))
	finally:
		shutil.rmtree(site, ignore_errors=True)
		with bench.its_root() as cursor:
			cursor.execute(f"drop database if exists `{name}`")
			cursor.execute("select User, Host from mysql.user where User = %s", (name,))
			for user, host in cursor.fetchall():
				cursor.execute(f"drop user `{user}`@`{host}`")


# -- what fails leaves nothing -----------------------------------------------------------------------------------------


def ends_as_before(bench, tenant, first, reason: str) -> None:
	"""One more backup fails with that reason; the store and the backups in it are as they were."""
	before = files_of(bench, first)
	failed = back_up(bench, tenant, "Failed")
	assert failed.status == "Failed" and reason in failed.error, failed.error
	assert files_of(bench, first) == before
	assert in_store(bench, first) == {first.backup_id}
	assert bench.frappe.db.get_value("Backup", first.name, "status") == "Kept"


def test_a_crashed_table_is_named(bench, acme):
	connection = on_database(bench, acme)
	first = back_up(bench, acme)
	with connection.cursor() as cursor, bench.its_root() as root:
		cursor.execute("create table m_crashed (number int primary key) engine=MyISAM")
		cursor.execute("insert into m_crashed values (1), (2), (3)")
		root.execute(f"flush tables `{config(bench, acme)['db_name']}`.m_crashed")
		root.execute("select @@datadir")
		place = root.fetchone()[0]
		data = os.path.join(place, config(bench, acme)["db_name"], "m_crashed.MYI")
		with open(data, "r+b") as file:
			file.truncate(200)
	try:
		ends_as_before(bench, acme, first, "m_crashed")
	finally:
		with connection.cursor() as cursor:
			cursor.execute("drop table m_crashed")
		connection.close()


def test_a_view_that_cannot_be_read_is_named(bench, acme):
	"""Its table is gone."""
	connection = on_database(bench, acme)
	first = back_up(bench, acme)
	with connection.cursor() as cursor:
		cursor.execute("create table shown (number int primary key)")
		cursor.execute("create view broken as select number from shown")
		cursor.execute("drop table shown")
	try:
		ends_as_before(bench, acme, first, "broken")
	finally:
		with connection.cursor() as cursor:
			cursor.execute("drop view broken")
		connection.close()


def test_a_right_that_the_account_lacks_is_named(bench, acme, bench_account):
	first, user = back_up(bench, acme), bench_account()["user"]
	with bench.its_root() as root:
		root.execute("select Host from mysql.user where User = %s", (user,))
		((host,),) = root.fetchall()
		root.execute(f"revoke lock tables on `\\_%`.* from `{user}`@`{host}`")
	try:
		ends_as_before(bench, acme, first, "denied")
	finally:
		with bench.its_root() as root:
			root.execute(f"grant all privileges on `\\_%`.* to `{user}`@`{host}` with grant option")


def killed_when_begun(monkeypatch, module, name: str):
	"""Kill the program that the function begins to use."""
	original = getattr(module, name)

	def kill(running, *rest):
		result = original(running, *rest)
		running.process.kill()
		running.process.wait()
		return result

	monkeypatch.setattr(module, name, kill)


@pytest.mark.parametrize("which", ["dump", "store"])
def test_a_program_that_is_killed_leaves_nothing(bench, acme, monkeypatch, which):
	from buildpro_saas.agent import backup
	from buildpro_saas.agent import database_dump as dump
	from buildpro_saas.agent.errors import AgentError
	from buildpro_saas.fleet import backups

	first = back_up(bench, acme)
	before = files_of(bench, first)
	killed_when_begun(monkeypatch, *((dump, "_begin") if which == "dump" else (backup, "_give")))
	spec = {**backups.spec(first.name), "backup": "cd" * 8}
	with pytest.raises(AgentError, match=r"killed by signal 9|ended before its end"):
		operation(bench, "take_backup", site=acme.site, wrapped_key="", **spec)
	assert files_of(bench, first) == before and in_store(bench, first) == {first.backup_id}


def test_who_alters_a_table_waits_for_no_backup(bench, acme, monkeypatch):
	"""Else all who use the table would wait for him, and the backup among them, which he waits for: for ever."""
	from buildpro_saas.agent import backup
	from buildpro_saas.agent import database_dump as dump
	from buildpro_saas.agent.errors import TransientError
	from buildpro_saas.fleet import backup_keys, backups

	connection, counted, altered = on_database(bench, acme), threading.Event(), threading.Event()
	take, give = dump.manifest.take, backup._give

	def counting(*asked, **options):
		try:
			return take(*asked, **options)
		finally:
			counted.set()

	def giving(stream, block):
		if not altered.is_set():
			assert counted.wait(SECONDS)
			with connection.cursor() as cursor:
				cursor.execute("set session lock_wait_timeout = 10")
				cursor.execute("alter table tabWorkspace add column m_new int")  # the dump is not there yet
			altered.set()
		return give(stream, block)

	store = backup_keys.store_of(acme.name, acme.bench)
	bench.frappe.db.commit()
	monkeypatch.setattr(dump.manifest, "take", counting)
	monkeypatch.setattr(backup, "_give", giving)
	try:
		with pytest.raises(TransientError, match="changed as they were dumped"):
			operation(
				bench,
				"take_backup",
				site=acme.site,
				wrapped_key="",
				**{**backups.store_spec(store), "backup": "ac" * 8},
			)
		assert altered.is_set()
	finally:
		with connection.cursor() as cursor:
			cursor.execute("alter table tabWorkspace drop column if exists m_new")
		connection.close()


def test_what_a_killed_process_left_goes_with_the_next_look(bench, acme):
	"""As a worker is killed in the middle: half a backup is in the store, and a note of what was there before."""
	from buildpro_saas.agent import backup_store
	from buildpro_saas.fleet import backups

	first = back_up(bench, acme)
	before, spec = files_of(bench, first), backups.store_spec(first.store)
	path = bench.path / "backups" / spec["store"]
	child = os.fork()
	if not child:
		try:
			with backup_store.Store(path, spec["key"]) as store, store.writing(lambda: None):
				with store.files("ef" * 8, folder(bench, acme) / "public") as running:
					running.finish(lambda: None)
				os.kill(os.getpid(), 9)
		finally:
			os._exit(3)
	os.waitpid(child, 0)
	assert files_of(bench, first) - before
	assert in_store(bench, first) == {first.backup_id}
	assert files_of(bench, first) == before


@pytest.mark.fault
@pytest.mark.parametrize("size", ["4k", "600k"])
@for_root
def test_a_full_disk_is_told_and_leaves_nothing(bench, acme, size):
	"""Full from the beginning, and full as restic writes what it has packed: others have taken the room meanwhile."""
	from buildpro_saas.agent.errors import AgentError

	place, drawing = bench.path / "backups-small", folder(bench, acme) / "private/files/drawing.pdf"
	place.mkdir(exist_ok=True)
	drawing.write_bytes(os.urandom(2 * 10**6))
	spec = {**backup_keys_of(acme), "folder": str(place), "site": acme.site, "wrapped_key": ""}
	bench.frappe.db.commit()
	try:
		with small_disk(place, size):
			with pytest.raises(AgentError, match="space"):
				operation(bench, "take_backup", **spec)
			left = {path.name for path in place.rglob("*") if path.is_file()}
			assert all(name.endswith((".lock", ".key.age")) for name in left), left
	finally:
		drawing.unlink()
		place.rmdir()


def test_a_store_that_was_tampered_with_is_found(bench, acme, tmp_path):
	from buildpro_saas.agent.errors import AgentError
	from buildpro_saas.fleet import backups

	first = back_up(bench, acme)
	path = bench.path / "backups" / frappe_value(bench, first.store, "store_id") / "data"
	pack = max((each for each in path.rglob("*") if each.is_file()), key=lambda each: each.stat().st_size)
	content = bytearray(pack.read_bytes())
	content[len(content) // 3] ^= 1
	pack.chmod(0o600)
	pack.write_bytes(bytes(content))
	with pytest.raises(AgentError):
		operation(bench, "check_store", share="100%", **backups.store_spec(first.store))
	with pytest.raises(AgentError):
		fetched(bench, first, tmp_path)
	assert not (tmp_path / "fetched").exists()


def frappe_value(bench, store: str, field: str):
	return bench.frappe.db.get_value("Backup Store", store, field)


# -- keys --------------------------------------------------------------------------------------------------------------


def test_nobody_reads_a_backup_without_its_key(bench, acme, frappe):
	from buildpro_saas.agent.errors import AgentError
	from buildpro_saas.fleet import backup_keys, backups

	write(bench, acme, "quite secret words")
	backup = back_up(bench, acme)
	spec = backups.store_spec(backup.store)
	with pytest.raises(AgentError, match="wrong password"):
		operation(bench, "list_backups", **{**spec, "key": "another"})
	store = bench.path / "backups" / spec["store"]
	assert not any(b"quite secret words" in path.read_bytes() for path in store.rglob("*") if path.is_file())
	# the key is in no record but its own, where it is encrypted
	for doctype in (
		"Provisioning Job",
		"Provisioning Job Step",
		"Backup",
		"Backup Store",
		"Error Log",
		"Version",
	):
		rows = frappe.get_all(doctype, fields="*", limit=100, order_by="creation desc")
		assert spec["key"] not in str(rows), doctype
	# what lies beside the store opens with the recovery key, and with no other
	import base64

	wrapped = base64.b64encode((store.parent / f"{spec['store']}.key.age").read_bytes()).decode()
	assert backup_keys.unwrapped(wrapped, acme.flags.recovery_key) == spec["key"]
	with pytest.raises(frappe.ValidationError, match="does not open"):
		backup_keys.unwrapped(wrapped, backup_keys.make_recovery_key()[1])


def test_without_a_recovery_key_no_backup_is_begun(bench, acme, frappe):
	before = frappe.db.get_single_value("SaaS Settings", "recovery_recipient")
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", None)
	try:
		with pytest.raises(frappe.ValidationError, match="saas recovery-key"):
			acme.back_up()
		assert not frappe.get_all("Backup", {"tenant": acme.name})
	finally:
		frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before)
		frappe.db.commit()


def test_a_removed_tenants_key_is_destroyed_and_its_store_removed(bench, acme, frappe):
	from buildpro_saas.fleet import backup_keys, backup_schedule, backups

	backup = back_up(bench, acme)
	store = bench.path / "backups" / frappe_value(bench, backup.store, "store_id")
	assert store.exists()
	assert backup_keys.destroy(acme.name) == [backup.store]
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError, match="destroyed"):
		backups.spec(backup.name)
	assert not frappe.db.sql(
		"select 1 from __Auth where doctype = 'Backup Store' and name = %s", backup.store
	)
	backup_schedule.remove_destroyed_stores()
	assert not store.exists() and not list(store.parent.glob(f"{store.name}*"))
	assert frappe.db.get_value("Backup", backup.name, "status") == "Forgotten"
	again = back_up(bench, acme)
	assert again.status == "Kept" and again.store != backup.store


# -- asked for, scheduled, forgotten -----------------------------------------------------------------------------------


def test_one_at_a_time_and_only_of_a_site(bench, acme, frappe):
	with bench.held("take_backup", "Completed"):
		acme.back_up()
		frappe.db.commit()
		bench.wait_held(acme.name)
		with pytest.raises(frappe.ValidationError, match=r"takes a backup of .* already"):
			acme.back_up()
	bench.wait_looking(lambda: bench.job_status(acme.name) == "Completed", SECONDS)
	frappe.db.set_value("Tenant", acme.name, "status", "Draft")
	try:
		with pytest.raises(frappe.ValidationError, match="has no site to back up"):
			acme.back_up()
	finally:
		frappe.db.rollback()
		acme.reload()


def test_what_the_plan_does_not_keep_is_forgotten(bench, acme, frappe):
	frappe.db.set_value("Tenant", acme.name, {"keep_daily": 1, "keep_weekly": -1, "keep_monthly": -1})
	frappe.db.commit()
	first = back_up(bench, acme)
	frappe.db.set_value("Backup", first.name, "taken_at", frappe.utils.add_days(first.taken_at, -3))
	frappe.db.commit()
	second = back_up(bench, acme)
	assert frappe.db.get_value("Backup", first.name, "status") == "Forgotten"
	assert in_store(bench, second) == {second.backup_id}
	with pytest.raises(frappe.ValidationError, match="Forgotten"):
		from buildpro_saas.fleet import backup_requests

		backup_requests.of_tenant(acme.name, first.name)


def test_the_schedule_takes_each_turn_once_and_rests_after_a_failure(bench, acme, frappe):
	from buildpro_saas.fleet import backup_schedule

	others = frappe.get_all("Tenant", {"name": ("!=", acme.name)}, pluck="name")
	for other in others:
		frappe.db.set_value("Tenant", other, "backups_per_day", -1)
	frappe.db.set_value("Tenant", acme.name, {"backups_per_day": 1, "backup_at": "00:00:00"})
	frappe.db.commit()
	of_turn = {"tenant": acme.name, "kind": "Scheduled"}
	try:
		backup_schedule.take_due_backups()
		assert bench.wait_job(acme.name).status == "Completed", bench.describe(acme.name)
		frappe.db.commit()
		(name,) = frappe.get_all("Backup", of_turn, pluck="name")
		backup_schedule.take_due_backups()
		assert frappe.db.count("Backup", of_turn) == 1
		# as if it had failed: it rests, and has its turn again after an hour
		frappe.db.set_value("Backup", name, "status", "Failed")
		frappe.db.commit()
		backup_schedule.take_due_backups()
		assert frappe.db.count("Backup", of_turn) == 1
		earlier = frappe.utils.add_to_date(None, hours=-1, minutes=-5)
		frappe.db.set_value("Backup", name, "modified", earlier, update_modified=False)
		frappe.db.commit()
		backup_schedule.take_due_backups()
		assert frappe.db.count("Backup", of_turn) == 2
		assert bench.wait_job(acme.name).status == "Completed", bench.describe(acme.name)
	finally:
		for other in others:
			frappe.db.set_value("Tenant", other, "backups_per_day", 0)
		frappe.db.commit()


def test_the_shell_takes_and_lists_them(bench, acme, bench_command):
	saas = ("--site", bench.frappe.local.site, "saas")
	bench.frappe.db.commit()
	taken = bench_command(*saas, "backup", acme.name, "--why", "by shell", "--wait")
	assert taken.returncode == 0, taken.stdout + taken.stderr
	listed = bench_command(*saas, "backups", acme.name, "--json")
	(row,) = json.loads(listed.stdout)
	assert (row["status"], row["why"], row["verified_how"]) == ("Kept", "by shell", "Read Again")
	unknown = bench_command(*saas, "backup-export", acme.name, "--to", "/tmp/none", "--backup", "backup-none")
	assert unknown.returncode == 1 and "There is no backup backup-none" in unknown.stdout + unknown.stderr
