"""Alerts of a real bench: what breaks is told once, with its cause, and closes by itself; what our own jobs do is no alarm."""

import json
import os
import time
from contextlib import contextmanager

import pytest
from receiver import receiving

LOOK = "buildpro_saas.monitoring.watching.look_each_minute"
SECONDS = 90
QUIET = 5  # seconds: several ticks of the scheduler as the test sets it


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, long after its job."""
	tenant = module_bench.active_tenant()
	frappe = module_bench.frappe
	job = module_bench.job_name(tenant.name)
	frappe.db.set_value("Provisioning Job", job, "ended_at", frappe.utils.add_to_date(None, hours=-1))
	frappe.db.commit()
	return tenant


@pytest.fixture
def looks(bench, acme):
	"""A function that looks twice, and returns the alerts that stand then: {(check, subject): row}."""
	frappe = bench.frappe
	frappe.db.delete("Monitoring Alert")
	frappe.db.commit()

	def look(times: int = 2) -> dict[tuple[str, str], dict]:
		from buildpro_saas.monitoring import alert_records, watching

		for _time in range(times):
			watching.look()
		return {(row.check_key, row.subject): row for row in alert_records.overview()}

	yield look
	frappe.db.rollback()
	frappe.db.delete("Monitoring Alert")
	frappe.db.commit()


def of(found: dict, *checks: str) -> list[tuple[str, str]]:
	return sorted(key for key in found if key[0] in checks)


ABOUT_SITES = ("site.down", "site.unreadable", "site.scheduler", "web.down", "mariadb.down", "site.closed")


def test_nothing_is_told_of_a_site_that_is_well(looks, acme):
	found = looks()
	assert (
		of(
			found,
			*ABOUT_SITES,
			"workers.missing",
			"redis.down",
			"bench.unseen",
			"bench.blind",
			"check.broken",
		)
		== []
	)


@contextmanager
def away(bench, tenant):
	"""The folder of the tenant's site is somewhere else."""
	path = bench.path / "sites" / tenant.site
	elsewhere = bench.path / f"{tenant.site}.away"
	os.rename(path, elsewhere)
	try:
		yield
	finally:
		os.rename(elsewhere, path)


def test_a_site_whose_folder_is_missing(bench, looks, acme):
	with away(bench, acme):
		assert of(looks(times=1), *ABOUT_SITES) == []  # once is not enough
		found = looks(times=1)
	assert of(found, *ABOUT_SITES) == [("site.down", acme.name)]
	row = found["site.down", acme.name]
	assert (row.severity, row.tenant, row.status) == ("Critical", acme.name, "Open")
	assert "There is no site" in row.sentence and "restore" in row.advice
	assert of(looks(), *ABOUT_SITES) == []
	assert bench.frappe.db.get_value("Monitoring Alert", row.name, "status") == "Closed"


@contextmanager
def other_database(bench, tenant):
	"""The bench and its site look for MariaDB at a port where nobody listens."""
	account = bench.path / "config/buildpro_database.json"
	site = bench.path / "sites" / tenant.site / "site_config.json"
	before = {path: path.read_text() for path in (account, site)}
	kept = json.loads(before[account])
	account.write_text(json.dumps({**kept, "where": {**kept.get("where", {}), "db_port": 1}}))
	site.write_text(json.dumps({**json.loads(before[site]), "db_port": 1}))
	try:
		yield
	finally:
		for path, text in before.items():
			path.write_text(text)


def test_a_mariadb_that_is_away_is_one_alert_and_closes_by_itself(bench, looks, acme):
	with other_database(bench, acme):
		found = looks()
		assert of(found, *ABOUT_SITES, "bench.blind") == [("mariadb.down", f"MariaDB of {acme.bench}")]
		(row,) = (each for each in found.values() if each.check_key == "mariadb.down")
		assert acme.name in row.behind.splitlines()
	assert of(looks(), *ABOUT_SITES) == []
	assert bench.frappe.db.get_value("Monitoring Alert", row.name, "status") == "Closed"


def test_a_web_server_that_is_killed(bench, looks, acme):
	bench.services.kill("web")
	found = looks()
	assert of(found, *ABOUT_SITES) == [("web.down", f"Web server of {acme.bench}")]
	bench.services.start_all("web")
	assert of(looks(), *ABOUT_SITES) == []


def test_a_worker_that_is_killed(bench, looks, acme):
	bench.services.kill("worker")
	found = looks()
	queues = [f"Queue {name} of {acme.bench}" for name in ("default", "long", "short")]
	assert of(found, "workers.missing") == [("workers.missing", queue) for queue in queues]
	bench.services.start_all("worker")
	assert of(looks(), "workers.missing") == []


def test_our_own_job_on_a_site_is_no_alarm_nor_a_tenant_who_is_suspended(bench, looks, acme):
	frappe = bench.frappe
	job = frappe.get_doc(
		{
			"doctype": "Provisioning Job",
			**{"title": "Migrate", "playbook": "migrate_site", "status": "Running", "holds": 1},
			**{"tenant": acme.name, "bench": acme.bench, "inputs": "{}", "state": "{}"},
		}
	)
	job.name = f"PJ-{frappe.generate_hash(length=8)}"
	job.db_insert()
	frappe.db.commit()
	try:
		with away(bench, acme):
			assert of(looks(), *ABOUT_SITES) == []
			ended = {"status": "Completed", "ended_at": frappe.utils.now_datetime()}
			frappe.db.set_value("Provisioning Job", job.name, ended)
			frappe.db.commit()
			assert of(looks(), *ABOUT_SITES) == []  # its last touch may still be felt
			ended["ended_at"] = frappe.utils.add_to_date(None, hours=-1)
			frappe.db.set_value("Provisioning Job", job.name, ended)
			frappe.db.set_value("Tenant", acme.name, "status", "Suspended")
			frappe.db.commit()
			assert of(looks(), *ABOUT_SITES) == []
			frappe.db.set_value("Tenant", acme.name, "status", "Active")
			frappe.db.commit()
			assert of(looks(), *ABOUT_SITES) == [("site.down", acme.name)]
	finally:
		frappe.db.rollback()
		frappe.db.set_value("Tenant", acme.name, "status", "Active")
		frappe.db.delete("Provisioning Job", {"name": job.name})
		frappe.db.commit()


def test_health_from_the_shell(bench, looks, acme, bench_command, admin_site_name):
	done = bench_command("--site", admin_site_name, "saas", "health", "--json")
	rows = {row["check"]: row for row in json.loads(done.stdout)}
	assert rows["site.down"]["state"] == "Fine" and rows["security"]["state"] == "Not Seen"
	with away(bench, acme):
		done = bench_command("--site", admin_site_name, "saas", "health")
		assert done.returncode == 2, done.stderr
		assert "There is no site" in " ".join(done.stdout.split()).replace("│", "")
		looks()
	listed = bench_command("--site", admin_site_name, "saas", "alerts", "--json")
	(row,) = (each for each in json.loads(listed.stdout) if each["check_key"] == "site.down")
	words = ("alert", row["name"], "--silence", "1", "--reason", "We know", "--acknowledge", "--json")
	told = json.loads(bench_command("--site", admin_site_name, "saas", *words).stdout)
	assert (told["status"], told["silence_reason"]) == ("Acknowledged", "We know")
	refused = bench_command("--site", admin_site_name, "saas", "alert", row["name"], "--silence", "1")
	assert refused.returncode == 1 and "Say why" in refused.stderr


# -- the watchdog --------------------------------------------------------------------------------------------------------


@contextmanager
def ticking(bench):
	"""Frappe's own scheduler looks each second, and only for our look at the admin site."""
	from frappe.utils.scheduler import disable_scheduler, enable_scheduler

	from buildpro_saas.agent.bench import Bench

	frappe = bench.frappe
	config = bench.path / "sites/common_site_config.json"
	before = config.read_text()
	here = Bench(bench.path)
	others = [here.site(name) for name in here.site_names() if name != frappe.local.site]
	paused = [site for site in others if not site.config.get("pause_scheduler")]
	stopped = frappe.get_all("Scheduled Job Type", {"stopped": 0, "method": ("!=", LOOK)}, pluck="name")
	for site in paused:
		site.update_config({"pause_scheduler": 1})
	config.write_text(json.dumps({**json.loads(before), "scheduler_tick_interval": 1}))
	frappe.db.set_value("Scheduled Job Type", {"name": ("in", stopped)}, "stopped", 1)
	enable_scheduler()
	frappe.db.commit()
	try:
		yield
	finally:
		bench.services.stop("scheduler")
		frappe.db.rollback()
		config.write_text(before)
		frappe.db.set_value("Scheduled Job Type", {"name": ("in", stopped)}, "stopped", 0)
		disable_scheduler()
		frappe.db.commit()
		for site in paused:
			site.update_config({"pause_scheduler": None})


def test_a_scheduler_that_stands_still_is_noticed_outside(bench, looks, acme):
	"""The whole chain: scheduler, queue, worker, checks, ping. When one of them stops, the pings stop."""
	frappe = bench.frappe

	def is_due_again() -> None:
		frappe.db.rollback()
		of_look = {"method": LOOK}
		frappe.db.set_value(
			"Scheduled Job Type", of_look, "last_execution", frappe.utils.add_to_date(None, minutes=-5)
		)
		frappe.db.commit()

	with receiving() as watchdog, ticking(bench):
		settings = frappe.get_doc("SaaS Settings")
		settings.watchdog_url = watchdog.url
		settings.save()
		frappe.db.commit()
		is_due_again()
		bench.services.start_all("worker", "scheduler")
		bench.wait_for(lambda: watchdog.got, SECONDS)
		bench.services.stop("scheduler")
		bench.wait_for(lambda: not waiting(frappe), SECONDS)
		number = len(watchdog.got)
		is_due_again()
		time.sleep(QUIET)  # what is waited for is that nothing comes
		assert len(watchdog.got) == number
		bench.services.start_all("scheduler")
		bench.wait_for(lambda: len(watchdog.got) > number, SECONDS)
	frappe.db.set_single_value("SaaS Settings", "watchdog_url", "")
	frappe.db.commit()


def waiting(frappe) -> bool:
	"""Whether a look waits in its queue, or is under way."""
	from frappe.utils.background_jobs import is_job_enqueued

	frappe.db.rollback()
	name = frappe.db.get_value("Scheduled Job Type", {"method": LOOK})
	return is_job_enqueued(frappe.get_doc("Scheduled Job Type", name).rq_job_id)
