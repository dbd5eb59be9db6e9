"""Shadows of tenants' sites: a copy of one moment, the swap, its way back; and each of them interrupted anywhere."""

import os
import shutil
import signal
import threading
import time

import pymysql
import pytest
import requests
from site_of_tenant import config, drop, folder, get, is_waiting, on_database
from small_disk import for_root, full_disk

SECONDS = 60
JOB_SECONDS = 240  # of a copy or a swap, both with ERPNext and on a busy machine
PINGS = 0.01  # seconds between two requests


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, on a bench without the shadows of a run that was interrupted."""
	shutil.rmtree(module_bench.path / "sites/.buildpro/shadows", ignore_errors=True)
	module_bench.frappe.db.delete("Site Shadow")
	return module_bench.active_tenant()


@pytest.fixture
def bench(module_bench, acme):
	"""The bench; no shadow is left when a test ends."""
	frappe, place = module_bench.frappe, module_bench.path / "sites/.buildpro/shadows"
	before = set(place.glob("*"))
	yield module_bench
	frappe.db.rollback()
	for name in frappe.get_all("Site Shadow", {"tenant": acme.name}, pluck="name"):
		drop(frappe, name)
	assert drift(module_bench, acme) == []
	assert set(place.glob("*")) == before
	frappe.db.delete("Site Shadow", {"tenant": acme.name})
	frappe.db.commit()


@pytest.fixture
def frappe(bench):
	return bench.frappe


def drift(bench, tenant) -> list:
	"""What of the tenant, and of shadows, is not as the records say."""
	from buildpro_saas.fleet import reconciliation

	found = [(row.kind, row.subject, row.what) for row in reconciliation.compare(tenant.bench)]
	return [row for row in found if tenant.name in row[2] or row[0] == "Site Shadow"]


def copied(bench, tenant, **asked) -> str:
	"""A shadow of the tenant's site that is Ready."""
	made = tenant.copy_site(**asked)
	bench.frappe.db.commit()
	assert bench.wait_job(tenant.name, seconds=JOB_SECONDS).status == "Completed", bench.describe(tenant.name)
	return made["shadow"]


def swapped(bench, tenant, shadow: str | None = None):
	"""Put the shadow in, and return the tenant's document as it is then."""
	tenant.swap_back(tenant.subdomain, shadow)
	bench.frappe.db.commit()
	assert bench.wait_job(tenant.name, seconds=JOB_SECONDS).status == "Completed", bench.describe(tenant.name)
	return tenant.reload()


def titles(bench, tenant) -> list[str]:
	return bench.on_site(tenant.name, "on_tenant_notes.titles")


def write(bench, tenant, title: str) -> None:
	bench.on_site(tenant.name, "on_tenant_notes.write", title=title)


# -- there and back ----------------------------------------------------------------------------------------------------


def test_a_site_goes_back_to_its_copy_and_forth_again(bench, acme, frappe):
	write(bench, acme, "before")
	secret = bench.on_site(acme.name, "on_tenant_notes.secret")
	shadow, first = copied(bench, acme, why="before the import"), acme.database
	write(bench, acme, "after")
	sequence = config(bench, acme)["buildpro_sequence"]

	swapped(bench, acme)
	assert titles(bench, acme) == ["before"]
	assert get(bench, acme).status_code == 200
	assert bench.on_site(acme.name, "on_tenant_notes.known_secret") == secret
	now = config(bench, acme)
	assert acme.database == now["db_name"] == bench.on_site(acme.name, "on_tenant_notes.database") != first
	assert (
		now["buildpro_sequence"] == sequence and "buildpro_held" not in now and "maintenance_mode" not in now
	)
	kept = frappe.get_doc("Site Shadow", shadow)
	assert (kept.status, kept.database, kept.tenant) == ("Ready", first, acme.name)
	assert kept.size > 1 and kept.unreachable < 1 and "before the swap" in kept.why
	assert drift(bench, acme) == []

	# what only the newest statement says reaches the site in its new place
	frappe.get_doc("Tenant", acme.name).suspend("a test")
	frappe.db.commit()
	bench.wait_for(lambda: get(bench, acme, "/app").status_code == 402, SECONDS)
	frappe.get_doc("Tenant", acme.name).resume()
	frappe.db.commit()
	bench.wait_for(lambda: get(bench, acme, "/login").status_code == 200, SECONDS)

	swapped(bench, acme)
	assert titles(bench, acme) == ["after", "before"] and acme.database == first
	assert frappe.db.get_value("Site Shadow", shadow, "database") == now["db_name"]


def test_logs_and_backups_go_on_in_the_new_place(bench, acme):
	log = folder(bench, acme) / "logs/kept.log"
	backup = folder(bench, acme) / "private/backups/20270101-database.sql.gz"
	for path in (log, backup):
		path.parent.mkdir(exist_ok=True)
		path.write_text("before")
	copied(bench, acme)
	with log.open("a") as opened:
		swapped(bench, acme)
		opened.write(" and after")
	assert log.read_text() == "before and after" and backup.read_text() == "before"
	for path in (log, backup):
		path.unlink()


def test_nobody_writes_into_what_was_the_site(bench, acme):
	copied(bench, acme)
	old = config(bench, acme)
	swapped(bench, acme)
	conf = bench.frappe.conf
	account = {"user": old["db_name"], "password": old["db_password"]}
	with pytest.raises(pymysql.err.OperationalError, match="locked"):
		pymysql.connect(host=conf.db_host, port=int(conf.db_port), **account)
	swapped(bench, acme)  # and back: it is let in again
	assert get(bench, acme).status_code == 200


def test_a_copy_is_of_one_moment_although_people_write(bench, acme):
	"""Two tables whose rows are written together, in two statements of a transaction: a copy has both or none."""
	stop, written = threading.Event(), []
	connection = on_database(bench, acme)
	with connection.cursor() as cursor:
		for table in ("a_first", "z_last"):
			cursor.execute(f"create table {table} (number int primary key)")

	def work() -> None:
		with connection.cursor() as cursor:
			while not stop.is_set():
				for table in ("a_first", "z_last"):
					cursor.execute(f"insert into {table} values (%s)", (len(written),))
				connection.commit()
				written.append(time.monotonic())

	writer = threading.Thread(target=work)
	writer.start()
	try:
		shadow = copied(bench, acme)
	finally:
		stop.set()
		writer.join()
	database = bench.frappe.db.get_value("Site Shadow", shadow, "database")
	with bench.its_root() as cursor:
		counts = []
		for table in ("a_first", "z_last"):
			cursor.execute(f"select count(*) from `{database}`.{table}")
			counts.append(cursor.fetchone()[0])
	with connection.cursor() as cursor:
		cursor.execute("drop tables a_first, z_last")
	connection.close()
	assert counts[0] == counts[1] and 0 < counts[0] < len(written)


def test_a_request_that_comes_during_a_swap_is_told_to_come_again(bench, acme):
	copied(bench, acme)
	found, stop = [], threading.Event()

	def ask() -> None:
		while not stop.is_set():
			answer = get(bench, acme, "/api/method/frappe.auth.get_logged_user")
			found.append((time.monotonic(), answer.status_code, answer.headers.get("Retry-After")))
			time.sleep(PINGS)

	people = [threading.Thread(target=ask) for _n in range(4)]
	for each in people:
		each.start()
	try:
		swapped(bench, acme)
	finally:
		stop.set()
		for each in people:
			each.join()
	statuses = {status for _at, status, _retry in found}
	assert statuses <= {401, 403, 503}, statuses
	refused = [(at, retry) for at, status, retry in found if status == 503]
	assert all(retry == "1" for _at, retry in refused)
	if refused:
		assert refused[-1][0] - refused[0][0] < 1


def test_a_request_that_signs_in_just_after_a_swap_is_told_to_come_again(bench, acme):
	copied(bench, acme)
	old = config(bench, acme)
	read = {key: old[key] for key in ("db_name", "db_password")}
	swapped(bench, acme)
	told = bench.on_site(acme.name, "on_tenant_notes.sign_in_as", old=read)
	assert told == ["SiteSwappedError", 503]


def test_a_request_that_takes_longer_than_a_swap_waits_is_told_to_come_again(bench, acme):
	copied(bench, acme)
	answers = []
	with bench.its_root() as cursor:
		cursor.execute(f"lock tables `{acme.database}`.tabUser write")
		login = {"usr": acme.owner_email, "pwd": "unknown"}
		url = f"http://127.0.0.1:{bench.services.port('web')}/api/method/login"
		asking = threading.Thread(
			target=lambda: answers.append(
				requests.post(url, data=login, headers={"Host": acme.site}, timeout=SECONDS)
			)
		)
		asking.start()
		bench.wait_for(lambda: waits_for_lock(cursor, acme.database), SECONDS)
		swapped(bench, acme)
		asking.join(SECONDS)
	assert [(each.status_code, each.headers.get("Retry-After")) for each in answers] == [(503, "1")]
	assert answers[0].json()["exc_type"] == "SiteSwappedError"


def waits_for_lock(cursor, user: str) -> bool:
	cursor.execute(
		"select count(*) from information_schema.processlist where user = %s and state like '%%lock%%'",
		(user,),
	)
	return bool(cursor.fetchone()[0])


# -- interrupted -------------------------------------------------------------------------------------------------------


def swap_spec(bench, acme, shadow: str) -> dict:
	"""What a job has the agent do."""
	from buildpro_saas.fleet import shadows

	row, old = shadows.row(shadow), config(bench, acme)
	bench.frappe.db.commit()
	return {
		"site": acme.site,
		"database": row.database,
		"mark": row.mark,
		"old_database": old["db_name"],
		"old_mark": old["buildpro_job"],
	}


def swap_and_die(spec: dict, where: str) -> None:
	"""Begin the swap in a process that is killed there, as a worker may be at any moment."""
	from buildpro_saas.agent import shadow as agent

	child = os.fork()
	if not child:
		try:
			die = lambda *_args, **_kwargs: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
			owner, name = where.rsplit(".", 1)
			setattr(agent if owner == "module" else getattr(agent, owner), name, die)
			from buildpro_saas.agent import door

			door.here().do("swap_shadow", **spec)
		finally:
			os._exit(3)
	_pid, status = os.waitpid(child, 0)
	assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.parametrize(
	("where", "has_site"),
	[
		("Swap._prepare", "old"),
		("module.end_others", "old"),
		("Swap._take_along", "old"),
		("module.exchange", "old"),
		("Swap._set_aside", "new"),
		("DatabaseServer.shut_out", "new"),
	],
)
def test_a_swap_that_is_killed_anywhere_is_gone_on_with(bench, acme, where, has_site):
	from buildpro_saas.agent import door
	from buildpro_saas.agent.errors import NotOursError
	from buildpro_saas.fleet import shadows

	write(bench, acme, title := f"new {where}")
	shadow = copied(bench, acme)
	spec = swap_spec(bench, acme, shadow)
	swap_and_die(spec, where)
	is_new = config(bench, acme)["db_name"] != spec["old_database"]
	assert is_new is (has_site == "new")  # the whole old site, or the whole new one
	assert title in titles(bench, acme)
	if is_new:  # a job that knew nothing of it would take the site for the shadow
		with pytest.raises(NotOursError, match="already"):
			door.here().do("swap_shadow", **{**spec, "old_database": spec["database"]})
	door.here().do("swap_shadow", **spec)
	old = {"database": spec["old_database"], "mark": spec["old_mark"]}
	shadows.set_swapped(shadow, **old, size=0, unreachable=0)
	acme.record_facts({"database": spec["database"]})
	bench.frappe.db.commit()
	assert title in titles(bench, acme) and get(bench, acme).status_code == 200
	assert "buildpro_held" not in config(bench, acme) and drift(bench, acme) == []
	swapped(bench, acme)


def test_the_worker_is_killed_when_the_swap_is_done_and_not_recorded(bench, acme, frappe):
	shadow = copied(bench, acme)
	bench.kill_after(acme.name, "swap_in", lambda: acme.swap_back(acme.subdomain, shadow))
	acme.reload()
	assert acme.database == config(bench, acme)["db_name"] and get(bench, acme).status_code == 200
	assert drift(bench, acme) == []


@pytest.mark.fault
@pytest.mark.stops_mariadb
def test_mariadb_goes_away_in_the_middle_of_a_swap(bench, acme, monkeypatch):
	"""Just after the folders were exchanged: it is the new site, as a whole, and the old one is set aside later."""
	from buildpro_saas.agent import door
	from buildpro_saas.agent import shadow as agent
	from buildpro_saas.fleet import shadows

	write(bench, acme, "before MariaDB went away")
	shadow = copied(bench, acme)
	spec, exchange = swap_spec(bench, acme, shadow), agent.exchange

	def exchanged(*folders) -> None:
		exchange(*folders)
		bench.services.kill("mariadb")

	with monkeypatch.context() as patch:
		patch.setattr(agent, "exchange", exchanged)
		with pytest.raises(Exception, match=r"MySQL|[Cc]onnect"):
			door.here().do("swap_shadow", **spec)
	bench.services.start("mariadb")
	bench.frappe.connect()
	assert config(bench, acme)["db_name"] == spec["database"]
	bench.wait_for(lambda: get(bench, acme).status_code == 200, SECONDS)
	door.here().do("swap_shadow", **spec)
	shadows.set_swapped(shadow, database=spec["old_database"], mark=spec["old_mark"], size=0, unreachable=0)
	acme.record_facts({"database": spec["database"]})
	bench.frappe.db.commit()
	assert drift(bench, acme) == [] and "before MariaDB went away" in titles(bench, acme)


@pytest.mark.fault
@for_root
def test_a_copy_that_fills_the_disk_says_so_and_leaves_nothing(bench, acme, frappe):
	before = bench.everything()
	place = bench.path / "sites/.buildpro/shadows"
	place.mkdir(parents=True, exist_ok=True)
	(folder(bench, acme) / "private/files/large.bin").write_bytes(os.urandom(10**6))
	try:
		with full_disk(place):
			made = acme.copy_site()
			frappe.db.commit()
			job = bench.wait_job(acme.name)
			assert job.status == "Failed" and "No space left" in job.error, job.error
			frappe.get_doc("Provisioning Job", made["job"]).cancel_job()
			frappe.db.commit()
			bench.wait_job(acme.name, "Cancelled")
	finally:
		(folder(bench, acme) / "private/files/large.bin").unlink()
	assert bench.everything() == before and get(bench, acme).status_code == 200


def test_a_copy_whose_worker_is_killed_is_made_anew(bench, acme, frappe):
	bench.kill_after(acme.name, "copy_into_shadow", acme.copy_site)
	assert frappe.get_all("Site Shadow", {"status": "Ready"})


def test_a_copy_that_is_cancelled_leaves_nothing(bench, acme, frappe):
	before = bench.everything()
	with bench.held("copy_into_shadow", "Completed"):
		made = acme.copy_site()
		frappe.db.commit()
		bench.wait_held(acme.name)
		frappe.get_doc("Provisioning Job", made["job"]).cancel_job()
		frappe.db.commit()
		bench.let_go()
		assert bench.wait_job(acme.name).status == "Cancelled"
	assert frappe.db.get_value("Site Shadow", made["shadow"], "status") == "Dropped"
	assert bench.everything() == before


def test_a_transaction_that_does_not_end_keeps_no_copy_from_being_tried_again(bench, acme, frappe):
	"""A write that is open for long on the site: the copy waits for a while, says so, and leaves the site alone."""
	from buildpro_saas.agent.errors import TransientError
	from buildpro_saas.agent.table_locks import locked

	conf = config(bench, acme)
	connection = on_database(bench, acme)
	with connection.cursor() as cursor:
		cursor.execute("update tabUser set language = 'en' where name = 'Administrator'")
		with (
			bench_server(bench) as mariadb,
			pytest.raises(TransientError, match="did not end within 1 seconds"),
		):
			with locked(mariadb, conf["db_name"], ["tabUser"], 1):
				pass
	connection.rollback()
	connection.close()
	assert get(bench, acme).status_code == 200


@pytest.fixture
def meanwhile(bench, acme, monkeypatch):
	"""Copy the site while somebody's statement waits for the tables that the copy has locked: meanwhile(statement) → manifest."""
	from buildpro_saas.agent import database_connection, door, shadow
	from buildpro_saas.fleet import shadows

	spec = {"site": acme.site, "database": f"{shadows.DATABASE}meanwhile", "mark": "a test/meanwhile"}
	connection, contents_of = on_database(bench, acme), shadow.contents_of

	def copy(statement: str):
		waiting = threading.Thread(target=lambda: connection.cursor().execute(statement), daemon=True)
		looks = []

		def look(mariadb, database):
			looks.append(database)
			if len(looks) == 2:  # the first one is before the tables are locked
				waiting.start()
				bench.wait_for(lambda: is_waiting(bench, connection), SECONDS)
			return contents_of(mariadb, database)

		monkeypatch.setattr(database_connection, "LOCK_WAIT", 2)
		monkeypatch.setattr(shadow, "contents_of", look)
		how = {"id": statement, "timeout": SECONDS, "log": print, "checkpoint": lambda: None}
		try:
			return door.here().run("copy_into_shadow", **how, **spec)
		finally:
			waiting.join(SECONDS)
			assert not waiting.is_alive()  # the site has had its way
			connection.commit()

	yield copy
	connection.close()
	door.here().do("drop_shadow", database=spec["database"], mark=spec["mark"])


def test_a_table_that_is_altered_meanwhile_keeps_no_copy_waiting(meanwhile):
	"""`alter table` on the site waits for the copy, and the copy's reading for it: the copy gives up, to be tried again."""
	with pytest.raises(Exception, match="Lock wait timeout"):
		meanwhile("alter table tabUser comment = 'altered'")


def test_who_writes_into_a_table_without_transactions_keeps_no_copy_waiting(bench, acme, meanwhile):
	"""MyISAM lets who waits to write go before who wants to read."""
	connection = on_database(bench, acme)
	with connection.cursor() as cursor:
		cursor.execute("create table a_myisam (number int) engine = MyISAM")
		cursor.execute("insert into a_myisam values (1), (2)")
	try:
		held = meanwhile("delete from a_myisam where number = 1")
		with connection.cursor() as cursor:
			cursor.execute("select count(*) from a_myisam")
			assert (held.tables["a_myisam"][0], cursor.fetchone()[0]) == (2, 1)
	finally:
		with connection.cursor() as cursor:
			cursor.execute("drop table a_myisam")
		connection.close()


def bench_server(bench):
	from buildpro_saas.agent import account
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.databases import server

	return server(account.read(Bench(bench.path)))


# -- refused -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_swapped_is_refused_and_nothing_is_begun(bench, acme, frappe):
	from buildpro_saas.fleet import shadows

	with pytest.raises(frappe.ValidationError, match="has no shadow"):
		acme.swap_back(acme.subdomain)
	shadow = copied(bench, acme)
	with pytest.raises(frappe.ValidationError, match=f"Type {acme.subdomain}"):
		acme.swap_back("somebody-else")
	frappe.db.set_value("Site Shadow", shadow, "status", "Dropping")
	with pytest.raises(frappe.ValidationError, match="only a Ready one"):
		acme.swap_back(acme.subdomain, shadow)
	frappe.db.rollback()
	with pytest.raises(frappe.ValidationError, match="more than 0 hours"):
		acme.copy_site(hours=-1)
	with pytest.raises(frappe.DoesNotExistError):
		acme.swap_back(acme.subdomain, "shadow-none")
	frappe.db.rollback()
	with pytest.raises(frappe.ValidationError, match="drop it first"):
		frappe.delete_doc("Site Shadow", shadow)
	frappe.db.rollback()
	assert frappe.db.get_value("Site Shadow", shadow, "status") == shadows.READY


def test_a_copy_for_which_there_is_no_room_is_not_begun(bench, acme, frappe):
	local = frappe.get_doc("Bench", acme.bench)
	before = local.min_free_disk_gb
	local.db_set("min_free_disk_gb", 10**6)
	frappe.db.commit()
	try:
		made = acme.copy_site()
		frappe.db.commit()
		job = bench.wait_job(acme.name)
		assert job.status == "Failed" and "GB are free" in job.error
		job.cancel_job()
		frappe.db.commit()
		assert bench.wait_job(acme.name, "Cancelled").status == "Cancelled"
		assert frappe.db.get_value("Site Shadow", made["shadow"], "status") != "Ready"
	finally:
		local.db_set("min_free_disk_gb", before)
		frappe.db.commit()


def test_what_is_the_site_by_now_is_never_dropped(bench, acme, frappe):
	"""As after the admin site was restored from a backup that was made before the swap."""
	shadow = copied(bench, acme)
	before = frappe.db.get_value("Site Shadow", shadow, ["database", "mark", "as_of"], as_dict=True)
	old = acme.database
	swapped(bench, acme, shadow)
	after = frappe.db.get_value("Site Shadow", shadow, ["database", "mark", "as_of"], as_dict=True)
	frappe.db.set_value("Site Shadow", shadow, dict(before))
	frappe.db.set_value("Tenant", acme.name, "database", old, update_modified=False)
	frappe.db.commit()
	try:
		with pytest.raises(frappe.ValidationError, match="is that of the site"):
			frappe.get_doc("Site Shadow", shadow).drop()
		assert get(bench, acme).status_code == 200
		assert drift(bench, acme)  # and it is told
	finally:
		frappe.db.rollback()
		frappe.db.set_value("Site Shadow", shadow, {**after, "status": "Ready"})
		frappe.db.set_value("Tenant", acme.name, "database", before.database, update_modified=False)
		frappe.db.commit()


def test_it_is_dropped_when_its_time_is_over(bench, acme, frappe):
	from buildpro_saas.fleet import shadows

	shadow = copied(bench, acme, hours=5)
	kept_until = frappe.db.get_value("Site Shadow", shadow, "kept_until")
	assert 4.9 < (kept_until - frappe.utils.now_datetime()).total_seconds() / 3600 <= 5
	shadows.drop_old_shadows()
	assert frappe.db.get_value("Site Shadow", shadow, "status") == "Ready"
	frappe.get_doc("Site Shadow", shadow).keep_longer(48)
	frappe.db.set_value("Site Shadow", shadow, "kept_until", "2020-01-01")
	frappe.db.commit()
	shadows.drop_old_shadows()
	assert frappe.db.get_value("Site Shadow", shadow, "status") == "Dropped"
	assert get(bench, acme).status_code == 200
