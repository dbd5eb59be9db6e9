"""Metrics of the real bench, read through the door and shown in a shell."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import replace
from datetime import timedelta

import pymysql
import pytest

SECONDS = 60


@pytest.fixture
def read(frappe):
	from buildpro_saas.agent import door

	return lambda **spec: door.here().do("read_metrics", **spec)


# -- read --------------------------------------------------------------------------------------------------------------


def test_all_parts_are_read_at_once(read, admin_site_name):
	told = read()
	assert abs(told["at"] - time.time()) < SECONDS
	assert told["mariadb"]["connections"] >= 1 and "note" not in told["mariadb"]
	assert told["machine"]["disks"]["sites"]["bytes"] > 0
	assert all("error" not in numbers for numbers in told["redis"].values()) and told["redis"]
	assert {"short", "default", "long"} <= told["queues"].keys()
	assert told["web"]["processes"] >= 1
	of_site = told["sites"][admin_site_name]
	assert "error" not in of_site
	assert of_site["database_bytes"] > 10**6 and of_site["is_scheduler_enabled"] in (0, 1)
	assert of_site["users_enabled"] >= 0 and of_site["jobs_queued"] >= 0


def test_users_sessions_mails_and_errors_are_counted_in_the_sites_own_time(frappe, read, admin_site_name):
	before = read(only=[admin_site_name])["sites"][admin_site_name]
	now = frappe.utils.now_datetime()
	people = {"metrics-now@x.example": now, "metrics-old@x.example": now - timedelta(days=2)}
	for name, at in people.items():
		frappe.get_doc(
			{
				"doctype": "User",
				"name": name,
				"email": name,
				"first_name": "M",
				"enabled": 1,
				"last_active": at,
			}
		).db_insert()
		frappe.db.sql(
			"insert into tabSessions (user, sid, lastupdate) values (%s, %s, %s)",
			(name, f"metrics {name}", at),
		)
	mails = {"Not Sent": 2, "Error": 1, "Sent": 3}
	for status, number in mails.items():
		for _n in range(number):
			frappe.get_doc(
				{"doctype": "Email Queue", "status": status, "sender": "metrics@x.example"}
			).db_insert()
	frappe.db.commit()
	try:
		after = read(only=[admin_site_name])["sites"][admin_site_name]
	finally:
		frappe.db.delete("User", {"name": ("in", list(people))})
		frappe.db.delete("Sessions", {"user": ("in", list(people))})
		frappe.db.delete("Email Queue", {"sender": "metrics@x.example"})
		frappe.db.commit()
	grown = {key: after[key] - before[key] for key in before if key in after and isinstance(before[key], int)}
	assert grown["users_enabled"] == 2 and grown["users_active_day"] == grown["sessions_hour"] == 1
	assert grown["mails_waiting"] == 2 and grown["mails_failed"] == 1
	assert abs(after["seen_at"] - time.time()) < SECONDS


def test_a_site_that_cannot_be_read_is_a_sentence_and_no_hole(frappe, read, bench_path, admin_site_name):
	"""Three sites: a damaged configuration, a database that is none, and tables of something else than Frappe."""
	lacking = {
		"metrics-damaged.localhost": "{",
		"metrics-nowhere.localhost": '{"db_name": "_metrics_nowhere"}',
	}
	for name, text in lacking.items():
		folder = bench_path / "sites" / name
		folder.mkdir()
		(folder / "site_config.json").write_text(text)
	try:
		told = read()["sites"]
	finally:
		for name in lacking:
			shutil.rmtree(bench_path / "sites" / name)
	assert "correct it" in told["metrics-damaged.localhost"]["error"]
	assert told["metrics-nowhere.localhost"]["error"]
	assert "error" not in told[admin_site_name] and told[admin_site_name]["users_enabled"] >= 0


def test_reading_one_site_leaves_what_is_counted_of_the_others(read, bench_path, admin_site_name):
	read()
	file = bench_path / "config/buildpro_metrics.json"
	before = json.loads(file.read_text())
	file.write_text(json.dumps({**before, "counted": {admin_site_name: {"requests": 5}}}))
	try:
		assert set(read(only=["metrics-nobody.localhost"])["sites"]) == {"metrics-nobody.localhost"}
		of_site = read()["sites"][admin_site_name]
		assert of_site["requests"] >= 5 and of_site["files_private_bytes"] >= 0
	finally:
		file.write_text(json.dumps(before))


def test_a_site_that_lacks_a_table_has_its_other_numbers(frappe, admin_site_name):
	from buildpro_saas.agent import account
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.databases import server
	from buildpro_saas.agent.metrics import site_rows

	bench = Bench.here()
	database = bench.site(admin_site_name).config["db_name"]
	questions = {**site_rows.COUNTS, "from_nowhere": ("tabNo Such Table", "select count(*) from {}")}
	with server(account.read(bench)) as mariadb:
		found = site_rows._asked(mariadb, database, questions, {"hour": "2020-01-01", "day": "2020-01-01"})
	assert found.keys() == site_rows.COUNTS.keys()


def test_jobs_that_wait_are_told_for_queue_and_site(frappe, read, admin_site_name):
	from frappe.utils.background_jobs import enqueue

	from dev.services import Services

	services = Services.from_environment()
	workers = [name for name in services.names() if name.startswith("worker") and services.is_running(name)]
	for name in workers:
		services.stop(name)
	try:
		before = read(only=[admin_site_name])
		job = enqueue("frappe.ping", queue="long")
		after = read(only=[admin_site_name])
		job.delete()
	finally:
		for name in workers:
			services.start(name)
	assert after["queues"]["long"]["length"] == before["queues"]["long"]["length"] + 1
	of_site = after["sites"][admin_site_name]
	assert of_site["jobs_queued"] == before["sites"][admin_site_name]["jobs_queued"] + 1
	assert of_site["jobs_oldest_seconds"] >= 0
	assert not any(worker["is_busy"] and not worker["is_dead"] for worker in after["workers"])


def test_where_redis_is_away_the_rest_is_read(frappe):
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.metrics import taken

	nowhere = "redis://127.0.0.1:1"
	conf = {**frappe.conf, "redis_cache": nowhere, "redis_queue": nowhere, "redis_socketio": nowhere}
	told = taken.take(Bench.here(), conf, [])
	assert "ConnectionError" in told["redis"]["redis_cache"]["error"]
	assert "ConnectionError" in told["queues_error"]
	assert told["mariadb"]["connections"] >= 1 and told["machine"]["cpus"] >= 1


def test_an_account_without_the_right_is_told_what_to_do(frappe, bench_record):
	from buildpro_saas.monitoring.samples import sample

	told = {"at": 1.0, "sites": {"a": {}}, "mariadb": {"connections": 1, "note": "Run saas setup."}}
	found = sample(bench_record, told, {})
	assert found.faults == {"mariadb sizes": "Run saas setup."}
	assert found.of_bench["mariadb_is_up"] == 1 and found.of_bench["sites"] == 1


@pytest.fixture
def root(frappe):
	"""Root's cursor on the bench's MariaDB."""
	conf = frappe.conf
	connection = pymysql.connect(
		host=conf.db_host or "127.0.0.1",
		port=int(conf.db_port or 3306),
		user="root",
		password=os.environ["BUILDPRO_DB_ROOT_PASSWORD"],
		autocommit=True,
	)
	with connection, connection.cursor() as cursor:
		yield cursor


def test_without_the_right_process_there_are_no_sizes_and_no_error(frappe, root):
	from buildpro_saas.agent import account
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.agent.databases import server
	from buildpro_saas.agent.metrics import mariadb
	from buildpro_saas.agent.metrics.kept import Kept

	poor = replace(account.read(Bench.here()), user="metrics_poor", password="metrics-poor")
	root.execute("create or replace user metrics_poor@`%` identified by 'metrics-poor'")
	try:
		with server(poor) as connected:
			assert mariadb.sizes(connected, Kept()) == mariadb.use_by_user(connected) == {}
			assert mariadb.take(connected)["connections"] >= 1
	finally:
		root.execute("drop user metrics_poor@`%`")


@pytest.mark.stops_mariadb
def test_who_uses_the_server_is_told_where_it_counts_that(frappe, read, root, admin_site_name):
	root.execute("set global userstat = 1")
	try:
		frappe.db.close()
		frappe.connect()
		frappe.db.sql("select count(*) from tabDocType")
		frappe.db.close()
		found = read(only=[admin_site_name])
	finally:
		root.execute("set global userstat = 0")
		frappe.connect()
	of_site = found["sites"][admin_site_name]
	assert found["mariadb"]["counts_users"] == 1
	assert of_site["database_rows_read"] >= 1 and of_site["database_seconds"] > 0


def test_every_number_that_is_read_is_on_the_list(frappe, bench_record):
	"""But those that say what is no metric: where a log's numbers came from, folders, names."""
	from buildpro_saas.agent import door
	from buildpro_saas.monitoring.metric_names import metric_of

	told = door.here().do("read_metrics")
	of_sites = {key for numbers in told["sites"].values() for key in numbers} - {"error"}
	assert not {key for key in of_sites if metric_of(key) is None}
	named = {f"mariadb_{key}" for key in told["mariadb"]} | {f"web_{key}" for key in told["web"]}
	named |= {key for key in told["machine"] if key != "disks"}
	named |= {f"redis_{key}.x" for numbers in told["redis"].values() for key in numbers}
	named |= {f"queue_{key}.x" for numbers in told["queues"].values() for key in numbers}
	assert not {key for key in named if metric_of(key) is None}


# -- in a shell --------------------------------------------------------------------------------------------------------


@pytest.fixture
def cli(bench_path, admin_site_name):
	def run(*arguments: str, seconds: float = 300) -> subprocess.CompletedProcess:
		words = [str(bench_path / "env/bin/python"), "-m", "frappe.utils.bench_helper", "frappe"]
		return subprocess.run(
			[*words, "--site", admin_site_name, "saas", *arguments],
			cwd=bench_path / "sites",
			stdin=subprocess.DEVNULL,
			capture_output=True,
			text=True,
			timeout=seconds,
		)

	return run


def test_metrics_in_a_shell(cli, bench_record):
	done = cli("metrics", "--json", "--bench", bench_record)
	assert done.returncode == 0, done.stderr
	(found,) = json.loads(done.stdout)
	assert found["bench"] == bench_record and found["numbers"]["cpus"] >= 1 and found["faults"] == {}
	shown = cli("metrics", "--bench", bench_record)
	assert shown.returncode == 0, shown.stderr
	for words in (
		f"Bench {bench_record}",
		"Disk of sites",
		"MariaDB",
		"redis_cache",
		"Queue short",
		"Tenants:",
	):
		assert words in shown.stdout, words


def test_disk_space_in_a_shell(cli, bench_record, admin_site_name):
	done = cli("disk-space", "--json", "--bench", bench_record)
	assert done.returncode == 0, done.stderr
	(found,) = json.loads(done.stdout)
	(own,) = [row for row in found["sites"] if row["site"] == admin_site_name]
	assert own["tenant"] == "" and own["total_bytes"] >= own["database_bytes"] > 0
	assert found["disks"][0]["free_bytes"] > 0
	shown = cli("disk-space")
	assert shown.returncode == 0 and admin_site_name in shown.stdout


def test_a_bench_that_does_not_answer_exits_with_1_and_json_is_not_watched(cli):
	done = cli("metrics", "--bench", "no-such-bench")
	assert done.returncode == 1 and "cannot be reached" in done.stderr
	done = cli("metrics", "--json", "--watch", "1")
	assert done.returncode == 1 and "do not go together" in done.stderr
