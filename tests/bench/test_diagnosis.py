"""Faults caused for real on one tenant's site, its bench and its servers: diagnosis names each, and each is put back."""

import json
import os
import signal
import socket
import tarfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
import redis
from site_of_tenant import config, folder, on_database

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.monitoring.diagnosis import faults, layers

SECONDS = 60
LIMIT = 30.0  # seconds for a diagnosis, whatever is dead, on a machine that is busy with other tests; five on one that is not
ROW = "doctype = 'System Settings' and field = 'enable_scheduler'"
KEEPS_ROW = "frappe.utils.scheduler.enable_scheduler"  # writes that row


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module."""
	return module_bench.active_tenant()


@pytest.fixture
def bench(module_bench, acme):
	"""The bench; its files of the tenant's site are as before when a test ends."""
	module_bench.frappe.connect()
	names = ("site_config.json", "entitlement.json")
	before = {name: (folder(module_bench, acme) / name).read_bytes() for name in names}
	yield module_bench
	module_bench.frappe.db.rollback()
	for name, content in before.items():
		(folder(module_bench, acme) / name).write_bytes(content)


def diagnosed(bench, acme, **otherwise):
	"""A diagnosis of the tenant; otherwise: fields of its target that are to be others."""
	from buildpro_saas.monitoring.diagnosis import diagnosing, records

	bench.frappe.db.rollback()
	if not otherwise:
		return diagnosing.diagnose(acme.name)
	return diagnosing.of_target(replace(records.target(acme.name), **otherwise), records.read(acme.name))


def names(found, layer: str) -> list[str]:
	"""The faults of a layer."""
	return [each.fault for each in found.seen if each.layer == layer and each.fault]


def diagnosed_as(bench, acme, fault, layer: str, *, is_first: bool = True, **otherwise):
	"""The diagnosis that names the fault in that layer; is_first: as the first of those that stop the site.

	It is asked again where the machine is so busy that something else did not answer in its time. A full disk of the machine that the tests
	run on is not what they are about.
	"""
	seen = []

	def is_named() -> bool:
		seen.append(diagnosed(bench, acme, **otherwise))
		if not is_first:
			return fault.name in names(seen[-1], layer)
		causes = [
			each for each in seen[-1].seen if each.stops and not each.behind and each.layer != layers.DISK
		]
		return bool(causes) and (causes[0].fault, causes[0].layer) == (fault.name, layer)

	bench.wait_for(is_named, SECONDS, lambda: json.dumps(seen[-1].as_dict(), indent=1))
	assert seen[-1].seconds <= LIMIT
	return seen[-1]


@contextmanager
def configured(bench, acme, **values):
	"""The site's configuration with other values within the block."""
	path = folder(bench, acme) / "site_config.json"
	before = path.read_text()
	path.write_text(json.dumps({**json.loads(before), **values}))
	try:
		yield
	finally:
		path.write_text(before)


@contextmanager
def as_root(bench, acme, do: str, undo: str):
	"""A statement of MariaDB's root on the tenant's database, and the one that takes it back."""
	with bench.root() as cursor:
		cursor.execute(f"use `{config(bench, acme)['db_name']}`")
		cursor.execute(do)
		try:
			yield
		finally:
			cursor.execute(undo)


def saas(bench_command, admin_site_name, *words: str, exits: int = 0):
	done = bench_command("--site", admin_site_name, "saas", *words)
	assert done.returncode == exits, done.stdout + done.stderr
	return done


def in_a_shell(bench_command, admin_site_name, acme) -> dict:
	"""What `saas diagnose --json` prints of a site with which something is wrong."""
	return json.loads(saas(bench_command, admin_site_name, "diagnose", acme.name, "--json", exits=1).stdout)


def told(found: dict) -> set[tuple[str, str]]:
	return {(each["layer"], each["fault"]) for each in found["seen"] if each["fault"]}


# -- all is well -----------------------------------------------------------------------------------------------------


def test_a_site_that_works_is_said_to_work(bench, acme, bench_command, admin_site_name):
	servers = {
		layers.WEB,
		layers.MARIADB,
		layers.REDIS_CACHE,
		layers.REDIS_QUEUE,
		layers.WORKERS,
		layers.MAIL,
	}
	terms = {layers.ENTITLEMENT, layers.LIMITS, layers.JOBS, layers.CLOCK}
	seen = []

	def is_well() -> bool:
		"""A site's first answer takes its time, and this machine is busy."""
		seen.append(diagnosed(bench, acme))
		sound = {each.layer for each in seen[-1].seen if each.state == "ok"}
		stopped = [each for each in seen[-1].seen if each.stops and each.layer != layers.DISK]
		return sound >= {*servers, *terms, layers.ANSWER} and not stopped

	bench.wait_for(is_well, SECONDS, lambda: json.dumps(seen[-1].as_dict(), indent=1))
	found = seen[-1]
	# its image was built quickly, so a migrate may have something to do
	assert set(names(found, layers.SITE)) <= {faults.MIGRATE_PENDING.name}
	# no scheduler runs while tests do, and that is all that is seen of it
	assert names(found, layers.SCHEDULER) == [faults.SCHEDULER_DOWN.name]
	printed = bench_command("--site", admin_site_name, "saas", "diagnose", acme.name, "--all")
	assert acme.site in printed.stdout and "The statement counts: plan Core" in printed.stdout, printed.stderr
	assert "db_password" not in printed.stdout and config(bench, acme)["db_password"] not in printed.stdout


def test_a_tenant_without_a_site_is_refused_in_a_sentence(bench, bench_command, admin_site_name):
	done = saas(bench_command, admin_site_name, "diagnose", "nobody", exits=1)
	assert "There is no tenant nobody" in done.stderr and len(done.stderr.strip().splitlines()) == 1


# -- the way, the web workers, the site's folder -----------------------------------------------------------------------


def test_a_name_that_is_not_resolved(bench, acme):
	conf = bench.frappe.conf
	before = conf.get("buildpro_dns_servers")
	with socket.socket(
		socket.AF_INET, socket.SOCK_DGRAM
	) as nobody:  # it has the port, and never answers there
		nobody.bind(("127.0.0.1", 0))
		conf["buildpro_dns_servers"] = [f"127.0.0.1:{nobody.getsockname()[1]}"]
		try:
			found = diagnosed_as(
				bench, acme, faults.NAME_NOT_RESOLVED, layers.DNS, host="gone.example.test", is_asked=True
			)
		finally:
			conf["buildpro_dns_servers"] = before
	assert {each.state for each in found.seen if each.layer in (layers.TCP, layers.TLS)} == {"unknown"}


def test_a_folder_that_is_gone(bench, acme):
	place = folder(bench, acme)
	aside = place.with_name(f".{acme.site}.aside")
	place.rename(aside)
	try:
		found = diagnosed_as(bench, acme, faults.FOLDER_MISSING, layers.SITE)
	finally:
		aside.rename(place)
	assert layers.ANSWER in found.behind_it


def test_a_configuration_that_is_broken(bench, acme):
	path = folder(bench, acme) / "site_config.json"
	before = path.read_text()
	path.write_text(before[:40])
	try:
		found = diagnosed_as(bench, acme, faults.CONFIG_BROKEN, layers.SITE)
	finally:
		path.write_text(before)
	assert json.loads(before)["db_password"] not in json.dumps(found.as_dict())


def test_a_site_that_was_left_in_maintenance(bench, acme):
	with configured(bench, acme, maintenance_mode=1):
		found = diagnosed_as(bench, acme, faults.IN_MAINTENANCE, layers.SITE)
	assert layers.ANSWER in found.behind_it and layers.SCHEDULER in [
		each.layer for each in found.seen if each.fault
	]


def test_a_migrate_that_is_pending(bench, acme):
	def patches() -> list[str]:
		found = diagnosed(bench, acme)
		pending = [each for each in found.seen if each.fault == faults.MIGRATE_PENDING.name]
		return [line for each in pending for line in each.evidence if line.startswith("patches: ")]

	before = patches()
	change = "update `tabPatch Log` set skipped = {} order by name limit 1"
	with as_root(bench, acme, change.format(1), change.format(0)):
		bench.wait_for(lambda: patches() not in ([], before), SECONDS)
	bench.wait_for(lambda: patches() == before, SECONDS)


# -- MariaDB ---------------------------------------------------------------------------------------------------------


def test_a_password_that_is_wrong(bench, acme):
	with configured(bench, acme, db_password="wrong-one"):
		found = diagnosed_as(bench, acme, faults.PASSWORD_WRONG, layers.MARIADB)
	assert "wrong-one" not in json.dumps(found.as_dict())


def test_a_database_that_is_gone(bench, acme):
	account = "`_diagnosis_gone`@`127.0.0.1`"
	made = f"create or replace user {account} identified by 'x'"
	with (
		as_root(bench, acme, made, f"drop user {account}"),
		as_root(bench, acme, f"grant all on `_diagnosis_gone`.* to {account}", "do 1"),
		configured(bench, acme, db_name="_diagnosis_gone", db_password="x"),
	):
		diagnosed_as(bench, acme, faults.DATABASE_MISSING, layers.MARIADB)


def test_a_server_that_is_read_only(bench, acme):
	with as_root(bench, acme, "set global read_only = 1", "set global read_only = 0"):
		diagnosed_as(bench, acme, faults.READ_ONLY, layers.MARIADB)


def in_queue(bench, acme, queue: str) -> dict:
	"""What is seen of a queue now."""
	from buildpro_saas.jobs.bench_door import door_of

	asked = {"site": acme.site, "web_port": bench.services.port("web"), "has_proxy": False, "seconds": 20.0}
	return door_of(bench.place()).do("look_at_site", **asked)["queues"]["queues"][queue]


def enqueue(bench, acme, method: str) -> None:
	"""Put a job of the tenant's site into the queue `long`."""
	from buildpro_saas.agent.bench import Bench

	arguments = {"method": method, "queue": "long", "enqueue_after_commit": True}
	Bench(bench.path).site(acme.site).call("frappe.utils.background_jobs.enqueue", **arguments)


def waits_for_minutes(bench, job: str) -> None:
	"""Have RQ believe that a job came to its queue long ago."""
	client = redis.Redis(port=bench.services.port("redis_queue"))
	at = datetime.now(timezone.utc) - timedelta(minutes=9)
	client.hset(f"rq:job:{job}", "enqueued_at", f"{at:%Y-%m-%dT%H:%M:%S.%fZ}")


def test_a_lock_a_job_that_waits_for_it_and_a_queue_that_waits_for_the_job(bench, acme):
	"""Whoever holds the lock is named, and can be ended; then all goes on. A job that waits can be taken out."""
	from buildpro_saas.monitoring.diagnosis import slowness

	frappe = bench.frappe
	with on_database(bench, acme) as holder, holder.cursor() as cursor:
		cursor.execute(f"select value from tabSingles where {ROW} for update")
		enqueue(bench, acme, KEEPS_ROW)
		bench.wait_for(lambda: in_queue(bench, acme, "long")["busy"], SECONDS)
		enqueue(bench, acme, "frappe.ping")
		waiting = in_queue(bench, acme, "long")["next"]
		assert waiting["what"] == "frappe.ping" and waiting["site"] == acme.site
		waits_for_minutes(bench, waiting["id"])
		found = diagnosed_as(bench, acme, faults.LOCK_HELD, layers.MARIADB)
		(lock,) = [each for each in found.seen if each.fault == faults.LOCK_HELD.name]
		assert f"connection {holder.thread_id()} " in lock.sentence
		found = diagnosed_as(bench, acme, faults.QUEUE_STUCK, layers.WORKERS, is_first=False)
		(queue,) = [each for each in found.seen if each.fault == faults.QUEUE_STUCK.name]
		assert queue.behind == layers.MARIADB and KEEPS_ROW in queue.evidence[0]

		assert slowness.end_job(acme.name, waiting["id"], "a test", "Olga") == "frappe.ping"
		assert in_queue(bench, acme, "long")["waiting"] == 0
		with pytest.raises(AgentError, match="may have ended"):
			slowness.end_job(acme.name, waiting["id"], "a test", "Olga")
		slowness.end_statement(acme.name, holder.thread_id(), True, "a test", "Olga")
		frappe.db.commit()
	bench.wait_for(lambda: not in_queue(bench, acme, "long")["busy"], SECONDS)
	notes = frappe.get_all("Comment", {"reference_name": acme.name, "comment_type": "Info"}, pluck="content")
	assert any("Olga ended the connection" in note and note.endswith(": a test") for note in notes)
	assert any("Olga ended the background job" in note for note in notes)


def test_a_job_that_runs_is_stopped_and_another_sites_is_not(bench, acme):
	from buildpro_saas.monitoring.diagnosis import slowness

	with on_database(bench, acme) as holder, holder.cursor() as cursor:
		cursor.execute(f"select value from tabSingles where {ROW} for update")
		enqueue(bench, acme, KEEPS_ROW)
		bench.wait_for(lambda: in_queue(bench, acme, "long")["busy"], SECONDS)
		(job,) = in_queue(bench, acme, "long")["busy"]
		other = replace_site(job["id"], "other.localhost")
		with pytest.raises(AgentError, match="has no job"):
			slowness.end_job(acme.name, other, "a test", "Olga")
		assert slowness.end_job(acme.name, job["id"], "a test", "Olga") == KEEPS_ROW
		bench.wait_for(lambda: not in_queue(bench, acme, "long")["busy"], SECONDS)
	bench.frappe.db.rollback()


def replace_site(job: str, site: str) -> str:
	return f"{site}::{job.partition('::')[2]}"


def test_a_statement_is_told_and_ended_without_its_literals(bench, acme):
	from buildpro_saas.monitoring.diagnosis import slowness

	met = []
	with on_database(bench, acme) as busy:

		def work() -> None:
			with busy.cursor() as cursor:
				try:
					cursor.execute("select sleep(100), 'Quentin Quagmire'")
				except Exception as error:
					met.append(error)

		thread = threading.Thread(target=work)
		thread.start()
		try:
			bench.wait_for(lambda: slowness.look(acme.name)["now"]["statements"], SECONDS)
			found = slowness.look(acme.name)
			(statement,) = found["now"]["statements"]
			assert statement["statement"] == "select sleep ( ? ) , ?" and statement["id"] == busy.thread_id()
			assert "Quagmire" not in json.dumps(found)
			assert {"table", "bytes", "rows"} <= found["tables"]["tables"][0].keys()
			assert "userstat" in found["neighbours"]["says"] and "monitor" in found["requests"]["says"]
			with pytest.raises(AgentError, match="has no connection"):
				slowness.end_statement(acme.name, 1, False, "a test", "Olga")
		finally:
			slowness.end_statement(acme.name, busy.thread_id(), False, "a test", "Olga")
			thread.join(SECONDS)
	assert not thread.is_alive()
	bench.frappe.db.rollback()


# -- Redis, scheduler, workers, mail ----------------------------------------------------------------------------------


@contextmanager
def hung(bench, *services: str):
	"""Services that take connections and do nothing within the block, as when a machine swaps."""
	pids = [pid for name in services for pid in (bench.services.pid(name), *bench.services.children(name))]
	for pid in pids:
		os.kill(pid, signal.SIGSTOP)
	try:
		yield
	finally:
		for pid in reversed(pids):
			os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
	("service", "layer"), [("redis_cache", layers.REDIS_CACHE), ("redis_queue", layers.REDIS_QUEUE)]
)
def test_a_redis_that_hangs(bench, acme, bench_command, admin_site_name, service, layer):
	with hung(bench, service):
		found = in_a_shell(bench_command, admin_site_name, acme)
	assert (layer, faults.REDIS_DOWN.name) in told(found) and found["seconds"] <= LIMIT, found


@pytest.mark.stops_mariadb
def test_everything_hangs_and_it_is_told_in_time(bench, acme, bench_command, admin_site_name):
	"""The admin site's own records are on the same servers: what the disk and the sockets tell is told all the same."""
	with hung(bench, "mariadb", "redis_cache", "redis_queue", "web"):
		began = time.monotonic()
		found = in_a_shell(bench_command, admin_site_name, acme)
		took = time.monotonic() - began
	assert told(found) >= {
		(layers.WEB, faults.WEB_BUSY.name),
		(layers.MARIADB, faults.DATABASE_DOWN.name),
		(layers.REDIS_CACHE, faults.REDIS_DOWN.name),
		(layers.REDIS_QUEUE, faults.REDIS_DOWN.name),
	}, found
	assert found["site"] == acme.site and found["seconds"] <= LIMIT
	print(f"diagnosis {found['seconds']:.2f} s, the whole command {took:.2f} s")


def test_web_workers_that_are_dead(bench, acme):
	bench.services.kill("web")
	try:
		diagnosed_as(bench, acme, faults.WEB_DOWN, layers.WEB)
	finally:
		bench.services.start_all("web")


def test_a_queue_without_a_worker(bench, acme):
	bench.services.stop("worker")
	try:
		found = diagnosed_as(bench, acme, faults.NO_WORKER, layers.WORKERS, is_first=False)
	finally:
		bench.services.start_all("worker")
	said = " ".join(each.sentence for each in found.seen if each.fault == faults.NO_WORKER.name)
	assert all(f"The queue {name} has no worker." in said for name in ("short", "default", "long"))


def test_a_scheduler_that_is_switched_off_or_paused(bench, acme):
	row = f"update tabSingles set value = '{{}}' where {ROW}"
	with as_root(bench, acme, row.format(0), row.format(1)):
		diagnosed_as(bench, acme, faults.SCHEDULER_OFF, layers.SCHEDULER, is_first=False)
	with configured(bench, acme, pause_scheduler=1):
		diagnosed_as(bench, acme, faults.SCHEDULER_PAUSED, layers.SCHEDULER, is_first=False)


def test_a_mail_account_whose_server_is_not_there(bench, acme):
	with socket.socket() as nobody:
		nobody.bind(("127.0.0.1", 0))  # and does not listen
		port = nobody.getsockname()[1]
		made = (
			"insert into `tabEmail Account` (name, email_id, enable_outgoing, default_outgoing, smtp_server, smtp_port)"
			f" values ('diagnosis', 'quentin@quagmire.example', 1, 1, '127.0.0.1', '{port}')"
		)
		with as_root(bench, acme, made, "delete from `tabEmail Account` where name = 'diagnosis'"):
			found = diagnosed_as(bench, acme, faults.MAIL_BROKEN, layers.MAIL, is_first=False)
	assert "quagmire" not in json.dumps(found.as_dict())


# -- clock, entitlement, limits ---------------------------------------------------------------------------------------


def test_a_clock_that_is_behind_a_time_that_has_been(bench, acme):
	with configured(bench, acme, buildpro_clock=int(time.time()) + 3 * 86400):
		diagnosed_as(bench, acme, faults.CLOCK_OFF, layers.CLOCK, is_first=False)


def test_an_entitlement_that_expired_was_not_delivered_or_has_a_limit_reached(bench, acme):
	from buildpro_saas.entitlements.layers import single_plan

	frappe = bench.frappe
	known = frappe.db.get_value("Tenant", acme.name, "entitlement_sequence")
	plan = single_plan("Core", [], {"max_users": {"value": 1, "is_hard": True}})
	try:
		bench.entitle(acme.name, plan)
		bench.on_site(acme.name, "buildpro_saas.tenant_site.limits.measure_limits")
		diagnosed_as(bench, acme, faults.LIMIT_REACHED, layers.LIMITS, is_first=False)
		frappe.db.set_value("Tenant", acme.name, "entitlement_sequence", "1", update_modified=False)
		frappe.db.commit()
		diagnosed_as(bench, acme, faults.NOT_DELIVERED, layers.ENTITLEMENT, is_first=False)
		bench.entitle(acme.name, plan, now=time.time() - 100 * 86400)
		diagnosed_as(bench, acme, faults.ENTITLEMENT_EXPIRED, layers.ENTITLEMENT)
	finally:
		frappe.db.set_value("Tenant", acme.name, "entitlement_sequence", known, update_modified=False)
		frappe.db.commit()


def test_a_tenant_that_is_suspended(module_bench, acme):
	"""Its files are not put back: suspending and resuming bring newer statements, as the records know."""
	frappe, bench = module_bench.frappe, module_bench
	frappe.connect()
	frappe.get_doc("Tenant", acme.name).suspend("not paid since May")
	frappe.db.commit()
	try:
		found = diagnosed_as(bench, acme, faults.SUSPENDED, layers.ENTITLEMENT)
	finally:
		frappe.get_doc("Tenant", acme.name).resume("paid")
		frappe.db.commit()
	assert any(
		"not paid since May" in each.sentence for each in found.seen if each.layer == layers.ENTITLEMENT
	)


# -- full disks, support ----------------------------------------------------------------------------------------------


def test_what_takes_the_disk_is_told_by_site_and_kind(bench, acme, bench_command, admin_site_name):
	left = folder(bench, acme) / "private/backups"
	left.mkdir(exist_ok=True)
	(left / "by-hand.sql").write_bytes(b"x" * 3_000_000)
	try:
		found = json.loads(saas(bench_command, admin_site_name, "disk-usage", "--json").stdout)
	finally:
		(left / "by-hand.sql").unlink()
	told_of = found[bench.place()]
	(site,) = [each for each in told_of["sites"] if each["site"] == acme.site]
	assert site["tenant"] == acme.name and site["database"] > 10**6 and site["backups"] >= 3_000_000
	assert told_of["bench"]["images"] > 10**6 and told_of["disks"]["sites"]["bytes"] > 0
	(may_go,) = [each for each in told_of["may_go"] if acme.site in each["what"]]
	assert may_go["bytes"] >= 3_000_000
	assert "May go" in saas(bench_command, admin_site_name, "disk-usage").stdout


PLANTED = (
	"Quentin",
	"Quagmire",
	"quentin@quagmire.example",
	"198.51.100.77",
	"hunter22hunter22",
	"+49 30 5550199",
)


def test_a_support_bundle_has_no_secret_and_nobodys_name(
	bench, acme, bench_command, admin_site_name, tmp_path
):
	conf = config(bench, acme)
	log = folder(bench, acme) / "logs/frappe.log"
	before = log.read_bytes() if log.exists() else None
	user = (
		"insert into tabUser (name, email, first_name, last_name, full_name, mobile_no)"
		" values ('quentin@quagmire.example', 'quentin@quagmire.example', 'Quentin', 'Quagmire', 'Quentin Quagmire', '')"
	)
	lines = [
		f"2026-11-27 ERROR Quentin Quagmire <quentin@quagmire.example> from 198.51.100.77 called {PLANTED[5]}",
		f"Authorization: token {PLANTED[4]}:x password={PLANTED[4]}",
		f"connected with {conf['db_password']} and {conf['encryption_key']} for {acme.company} ({acme.owner_email})",
		"ValidationError in apps/frappe/frappe/app.py:12",
	]
	file = tmp_path / "bundle.tar.gz"
	with as_root(bench, acme, user, "delete from tabUser where name = 'quentin@quagmire.example'"):
		log.write_text("\n".join(lines))
		try:
			saas(bench_command, admin_site_name, "support-bundle", acme.name, "--to", str(file))
		finally:
			log.unlink() if before is None else log.write_bytes(before)
	with tarfile.open(file) as archive:
		texts = {entry.name: archive.extractfile(entry).read().decode() for entry in archive.getmembers()}
	whole = "\n".join(texts.values())
	secrets = [
		value
		for key, value in conf.items()
		if isinstance(value, str) and ("password" in key or "secret" in key)
	]
	assert secrets
	people = [acme.company, acme.owner_name, acme.owner_email, conf["encryption_key"]]
	assert [each for each in (*PLANTED, *secrets, *people) if each in whole] == []
	assert json.loads(texts["diagnosis.json"])["site"] == acme.site
	assert "ValidationError in apps/frappe/frappe/app.py:12" in texts["logs/site/frappe.log"]
	assert json.loads(texts["config/site_config.json"])["db_password"] == "[secret]"
	assert json.loads(texts["versions.json"])["frappe_version"] and json.loads(texts["jobs.json"])[0]["steps"]


def test_all_that_is_known_of_a_site_is_told(bench, acme, bench_command, admin_site_name):
	found = json.loads(saas(bench_command, admin_site_name, "site-info", acme.site, "--json").stdout)
	assert (
		found["tenant"] == acme.name
		and found["users"]["enabled"] >= 1
		and found["entitlement"]["plan"] == "Core"
	)
	printed = saas(bench_command, admin_site_name, "site-info", acme.site).stdout
	assert "Users:" in printed and "Entitlement:" in printed and "Last backup:" in printed


def test_support_may_look_and_not_end_anything(bench, acme):
	from buildpro_saas.api import diagnosis

	frappe = bench.frappe
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": "diagnosis@staff.example",
			"first_name": "Sue",
			"send_welcome_email": 0,
			"roles": [{"role": "SaaS Support"}],
		}
	).insert()
	try:
		frappe.set_user(user.name)
		assert diagnosis.diagnose(acme.name)["site"] == acme.site
		for refused in (
			lambda: diagnosis.end_statement(acme.name, 1, "why"),
			lambda: diagnosis.end_job(acme.name, "x", "why"),
		):
			with pytest.raises(frappe.PermissionError):
				refused()
		frappe.set_user("Guest")
		for refused in (lambda: diagnosis.diagnose(acme.name), lambda: diagnosis.disk_usage(bench.place())):
			with pytest.raises(frappe.PermissionError):
				refused()
	finally:
		frappe.set_user("Administrator")
		frappe.db.rollback()
