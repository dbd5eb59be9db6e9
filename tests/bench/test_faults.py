"""Kill the worker, Redis, MariaDB in the middle of the work; cancel it; crowd it. It ends as if nothing had been."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.fault

STEPS = (
	*("reserve_name", "make_site", "install_apps", "configure", "seed_plan_settings", "create_owner"),
	*("set_up_company", "lead_name_here", "get_own_certificate", "publish_own"),
	*("check_reachable", "check_address", "invite_owner"),
)
ENDED = ("Completed", "Failed", "Cancelled")
JOB_SECONDS = 600
# What the ways of making a site differ in; after these steps all is the same.
SITE_STEPS = ("make_site", "install_apps")
PLAN = "Core"  # the faults do not depend on the number of apps, the test's time does
QUICK = "from an image"
WAYS = ("from scratch", QUICK, "from a standby site")
STEPS_BY_WAY = {way: STEPS if way == QUICK else SITE_STEPS for way in WAYS}


@pytest.fixture(scope="module")
def undisturbed(module_bench):
	"""What a tenant's site is like when nothing went wrong, and it was made from scratch."""
	with module_bench.only("from scratch", PLAN):
		tenant = module_bench.new_tenant(plan=PLAN)
		job = module_bench.wait_job(tenant.name)
	assert (job.status, job.way) == ("Completed", "from scratch"), module_bench.describe(tenant.name)
	return module_bench.on_site(tenant.name, "on_tenant.fingerprint")


@pytest.fixture
def way(bench, request):
	"""The way in which sites are made in the test."""
	with bench.only(request.param, PLAN):
		yield request.param


quickly = pytest.mark.parametrize("way", [QUICK], indirect=True)
from_scratch = pytest.mark.parametrize("way", ["from scratch"], indirect=True)
copied = pytest.mark.parametrize("way", WAYS[1:], indirect=True)
every_step = pytest.mark.parametrize(
	("step_key", "way"),
	[(step, way) for way, steps in STEPS_BY_WAY.items() for step in steps],
	indirect=["way"],
)


@copied
def test_all_ways_lead_to_the_same_site(bench, undisturbed, way):
	before = bench.everything()
	tenant = bench.new_tenant(plan=PLAN)
	ends_as_undisturbed(bench, tenant, undisturbed, before)
	assert bench.job(tenant.name).way == way


def test_the_list_of_steps_is_whole(module_bench):
	from buildpro_saas.fleet.playbooks.new_tenants import CREATE_TENANT

	assert tuple(step.key for step in CREATE_TENANT.steps) == STEPS


@pytest.mark.usefixtures("quick_installer")
@pytest.mark.parametrize("way", WAYS, indirect=True)
def test_worker_killed_when_a_step_is_done_and_not_recorded(bench, undisturbed, way):
	"""At each step of one job, one after the other."""
	before = bench.everything()
	tenant = None
	for step_key in STEPS_BY_WAY[way]:
		with bench.held(step_key, "Completed"):
			tenant = tenant or bench.new_tenant(plan=PLAN)
			bench.services.start_all("provisioning")
			bench.wait_looking(
				lambda: bench.waiting() or bench.job_status(tenant.name) in ENDED,
				JOB_SECONDS,
				lambda: bench.describe(tenant.name),
			)
			assert bench.waiting(), bench.describe(tenant.name)
			bench.services.kill("provisioning")
		assert bench.step(tenant.name, step_key).status == "Running"
	bench.services.start_all("provisioning")
	ends_as_undisturbed(bench, tenant, undisturbed, before)
	# more than twice where a later step cannot be continued halfway, and the site was begun again
	again = {row.step_key for row in bench.job(tenant.name).steps if row.attempts > 1}
	assert again >= set(STEPS_BY_WAY[way])


@pytest.mark.parametrize(
	("step_key", "way"),
	[("make_site", "from scratch"), ("install_apps", "from scratch"), ("set_up_company", QUICK)],
	indirect=["way"],
)
def test_worker_killed_in_the_middle_of_a_step(bench, undisturbed, step_key, way):
	before = bench.everything()
	tenant = bench.new_tenant(plan=PLAN)
	bench.wait_step(tenant.name, step_key, "Running")
	# into the work: a moment that is no step's own
	bench.wait_for(lambda: cpu_seconds(bench, tenant) > 1, 60, lambda: bench.describe(tenant.name))
	bench.services.kill("provisioning")
	assert not processes_on(bench, tenant)
	bench.services.start_all("provisioning")
	ends_as_undisturbed(bench, tenant, undisturbed, before)


@quickly
def test_only_the_workers_parent_is_killed(bench, undisturbed, way):
	"""Its work horse goes on alone: the job must not be run twice at once."""
	before = bench.everything()
	with bench.held("make_site", "Completed"):
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_held(tenant.name)
		bench.services.kill("provisioning", is_whole=False)
		bench.services.start_all("provisioning")
		bench.look_after()
		assert len(bench.waiting()) == 1
		bench.let_go()
		bench.wait_for(lambda: not bench.waiting(), JOB_SECONDS)
	ends_as_undisturbed(bench, tenant, undisturbed, before)
	assert [row.attempts for row in bench.job(tenant.name).steps] == [1] * len(STEPS)


@from_scratch
def test_only_the_site_process_is_killed(bench, undisturbed, way):
	"""As the kernel does when memory runs out: the step is tried again."""
	before = bench.everything()
	tenant = bench.new_tenant(plan=PLAN)
	bench.wait_step(tenant.name, "make_site", "Running")
	bench.wait_for(lambda: processes_on(bench, tenant), 60)
	for pid in processes_on(bench, tenant):
		os.kill(pid, signal.SIGKILL)
	ends_as_undisturbed(bench, tenant, undisturbed, before)
	assert "signal 9" in bench.step(tenant.name, "make_site").output


@quickly
def test_redis_emptied_while_a_job_waits(bench, undisturbed, way):
	before = bench.everything()
	bench.services.stop("provisioning")
	tenant = bench.new_tenant(plan=PLAN)
	assert bench.job(tenant.name).status == "Queued"
	for name in ("redis_queue", "redis_cache"):
		bench.services.empty_redis(name)
		bench.services.kill(name)
	bench.services.start_all("redis_queue", "redis_cache", "worker", "web", "provisioning")
	bench.look_after()
	ends_as_undisturbed(bench, tenant, undisturbed, before)


@quickly
def test_redis_restarted_and_emptied_while_a_job_runs(bench, undisturbed, way):
	before = bench.everything()
	with bench.held("make_site", "Completed"):
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_held(tenant.name)
		for name in ("redis_queue", "redis_cache"):
			bench.services.empty_redis(name)
			bench.services.kill(name)
		# the worker goes on, and meets a Redis that is not there
		bench.let_go()
		bench.wait_step(tenant.name, "make_site", "Completed")
	bench.services.start_all("redis_queue", "redis_cache")
	ends_as_undisturbed(bench, tenant, undisturbed, before)


@quickly
def test_redis_away_when_a_tenant_is_inserted(bench, undisturbed, way):
	"""Staff's request is kept; it starts once Redis is back."""
	before = bench.everything()
	bench.services.kill("redis_queue")
	tenant = bench.new_tenant(plan=PLAN)
	assert bench.job(tenant.name).status == "Waiting"
	bench.services.start_all("redis_queue")
	bench.services.restart("provisioning")
	bench.look_after()
	ends_as_undisturbed(bench, tenant, undisturbed, before)


@pytest.mark.stops_mariadb
@pytest.mark.parametrize(
	("step_key", "way"), [("make_site", "from scratch"), ("set_up_company", QUICK)], indirect=["way"]
)
def test_mariadb_restarted_in_the_middle(bench, undisturbed, step_key, way):
	before = bench.everything()
	tenant = bench.new_tenant(plan=PLAN)
	bench.wait_step(tenant.name, step_key, "Running")
	bench.frappe.db.close()
	bench.services.kill("mariadb")
	bench.services.start_all("mariadb")
	bench.frappe.connect()
	bench.services.start_all("provisioning")
	ends_as_undisturbed(bench, tenant, undisturbed, before)


@pytest.mark.usefixtures("quick_installer")
@every_step
def test_cancelled_at_a_step_nothing_remains(bench, step_key, way):
	before = bench.everything()
	with bench.held(step_key, "Running"):
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_held(tenant.name)
		bench.job(tenant.name).cancel_job()
		bench.frappe.db.commit()
		bench.let_go()
		assert bench.wait_job(tenant.name).status == "Cancelled", bench.describe(tenant.name)
	assert bench.status(tenant.name) == "Draft"
	assert bench.everything() == without_spent_standby_sites(bench, before)


@quickly
def test_cancelled_when_all_is_done_but_not_recorded(bench, way):
	"""The last moment: the request comes while the last step is being recorded."""
	before = bench.everything()
	with bench.held(STEPS[-1], "Completed"):
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_held(tenant.name)
		bench.services.kill("provisioning")
	bench.job(tenant.name).cancel_job()
	bench.frappe.db.commit()
	bench.services.start_all("provisioning")
	assert look_until_ended(bench, tenant).status == "Cancelled", bench.describe(tenant.name)
	assert bench.everything() == before


@from_scratch
def test_cancelled_while_a_site_is_being_made(bench, way):
	"""Staff need not wait for the installer to end."""
	before = bench.everything()
	tenant = bench.new_tenant(plan=PLAN)
	bench.wait_step(tenant.name, "make_site", "Running")
	bench.wait_for(lambda: processes_on(bench, tenant), 60)
	bench.job(tenant.name).cancel_job()
	bench.frappe.db.commit()
	began = time.monotonic()
	assert bench.wait_job(tenant.name).status == "Cancelled"
	assert time.monotonic() - began < 30
	assert bench.everything() == before


@quickly
def test_cancelled_and_killed_while_undoing(bench, way):
	before = bench.everything()
	with bench.held("install_apps", "Running"):
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_held(tenant.name)
		bench.job(tenant.name).cancel_job()
		bench.frappe.db.commit()
		bench.let_go()
		bench.wait_for(lambda: not bench.waiting(), JOB_SECONDS)
	bench.wait_job(tenant.name, "Cancelling", "Cancelled")
	bench.services.kill("provisioning")
	bench.services.start_all("provisioning")
	assert look_until_ended(bench, tenant).status == "Cancelled"
	assert bench.everything() == before


@quickly
def test_ten_tenants_at_once(bench, way):
	frappe = bench.frappe
	local_bench = frappe.get_all("Bench", pluck="name")[0]
	most = frappe.db.get_value("Bench", local_bench, "max_heavy_jobs")
	bench.services.start_all("provisioning_2")
	try:
		tenants = [bench.new_tenant(plan=PLAN).name for _ in range(10)]
		peak, running = 0, 0
		while any(bench.job_status(tenant) not in ("Completed", "Failed") for tenant in tenants):
			frappe.db.commit()
			running = frappe.db.count("Provisioning Job", {"status": "Running"})
			queued = frappe.db.count(
				"Provisioning Job", {"status": ("in", ("Running", "Queued", "Cancelling"))}
			)
			assert queued <= most
			peak = max(peak, running)
			time.sleep(0.5)
	finally:
		bench.services.stop("provisioning_2")
	assert {bench.status(tenant) for tenant in tenants} == {"Active"}, [bench.describe(t) for t in tenants]
	assert peak == most  # with two workers at hand the bound is what held
	starts = [bench.job(tenant).started_at for tenant in tenants]
	assert starts == sorted(starts)


def test_a_disk_without_room_is_refused_before_anything_is_made(bench):
	"""The safety margin is what the disk cannot have."""
	frappe = bench.frappe
	local_bench = frappe.get_all("Bench", pluck="name")[0]
	free_gb = shutil.disk_usage(bench.path).free / 1024**3
	margin = frappe.db.get_value("Bench", local_bench, "min_free_disk_gb")
	before = bench.everything()
	frappe.db.set_value("Bench", local_bench, "min_free_disk_gb", free_gb + 1000)
	try:
		with pytest.raises(frappe.ValidationError, match="disk"):
			bench.new_tenant("nodisk")
		frappe.db.rollback()
		assert not frappe.db.exists("Tenant", "nodisk") and bench.everything() == before
	finally:
		frappe.db.set_value("Bench", local_bench, "min_free_disk_gb", margin)
		frappe.db.commit()


@quickly
def test_two_requests_for_one_subdomain_in_the_same_second(bench, admin_site_name, way):
	"""Real processes: exactly one wins, the other is told so, and one site is made."""
	subdomain = f"race{bench.frappe.generate_hash(length=6)}"
	script = os.path.join(os.path.dirname(__file__), "insert_tenant.py")
	at = str(time.time() + 6)
	racers = [
		subprocess.Popen(
			[sys.executable, script, admin_site_name, subdomain, at],
			cwd=bench.path / "sites",
			stdout=subprocess.PIPE,
			text=True,
		)
		for _ in range(2)
	]
	answers = sorted(racer.communicate(timeout=120)[0].strip().splitlines()[-1] for racer in racers)
	bench.tenants.append(subdomain)
	assert answers[1] == "won" and answers[0].startswith("lost: ") and "taken" in answers[0], answers
	assert bench.wait_job(subdomain).status == "Completed"
	assert bench.frappe.db.count("Provisioning Job", {"tenant": subdomain}) == 1


def test_a_site_that_is_not_ours_is_never_touched(bench):
	"""Made by hand between the request and the job's turn."""
	bench.services.stop("provisioning")
	tenant = bench.new_tenant(plan=PLAN)
	folder = bench.path / "sites" / bench.site(tenant.name)
	folder.mkdir()
	(folder / "site_config.json").write_text('{"db_name": "by_hand_db"}')
	try:
		bench.services.start_all("provisioning")
		job = bench.wait_job(tenant.name)
		assert job.status == "Failed" and "left alone" in job.error and job.hint
		assert bench.status(tenant.name) == "Failed"
		job.cancel_job()
		bench.frappe.db.commit()
		assert bench.wait_job(tenant.name, "Cancelled", "Completed").status == "Cancelled"
		assert [p.name for p in folder.iterdir()] == ["site_config.json"]
	finally:
		shutil.rmtree(folder)


@quickly
def test_the_scheduler_finds_a_lost_job_within_two_minutes(bench, way):
	"""The whole promise, with Frappe's own scheduler: nobody calls look_after here."""
	from frappe.utils.scheduler import disable_scheduler, enable_scheduler

	with bench.held("make_site", "Completed"):
		tenant = bench.new_tenant(plan=PLAN)
		bench.wait_held(tenant.name)
		bench.services.kill("provisioning")
	with others_paused(bench):
		enable_scheduler()
		bench.frappe.db.commit()
		try:
			bench.services.start_all("provisioning", "worker", "scheduler")
			bench.wait_for(lambda: bench.step(tenant.name, "make_site").attempts == 2, 120)
			assert bench.wait_job(tenant.name).status == "Completed"
		finally:
			bench.services.stop("scheduler")
			disable_scheduler()
			bench.frappe.db.commit()


# -- helpers -----------------------------------------------------------------------------------------------------


@contextmanager
def others_paused(bench):
	"""One worker serves all sites, and would be busy for minutes with what is due on those whose scheduler was off so far."""
	from buildpro_saas.agent.bench import Bench

	here = Bench(bench.path)
	others = [here.site(name) for name in here.site_names() if name != bench.frappe.local.site]
	paused = [site for site in others if not site.config.get("pause_scheduler")]
	for site in paused:
		site.update_config({"pause_scheduler": 1})
	try:
		yield
	finally:
		for site in paused:
			site.update_config({"pause_scheduler": None})


def ends_as_undisturbed(bench, tenant, undisturbed, before):
	"""Completed, the site as an undisturbed one, and nothing on the bench beside it."""
	job = look_until_ended(bench, tenant)
	assert job.status == "Completed", bench.describe(tenant.name)
	assert bench.status(tenant.name) == "Active"
	assert bench.on_site(tenant.name, "on_tenant.fingerprint") == undisturbed
	site, database = bench.frappe.db.get_value("Tenant", tenant.name, ["site", "database"])
	wanted = without_spent_standby_sites(bench, before)
	for kind, name in (("databases", database), ("users", database), ("folders", site)):
		wanted[kind].add(name)
	assert bench.everything() == wanted


def without_spent_standby_sites(bench, before) -> dict[str, set[str]]:
	"""What is to be there afterwards of what was there before: all but standby sites that were given away or discarded."""
	bench.frappe.db.commit()
	spent = bench.frappe.get_all(
		"Standby Site", {"status": ("in", ("Claimed", "Discarded"))}, ["name", "database"]
	)
	databases = {row.database for row in spent}
	return {
		"databases": before["databases"] - databases,
		"users": before["users"] - databases,
		"folders": before["folders"] - {f".buildpro/standby/{row.database}" for row in spent},
	}


def look_until_ended(bench, tenant):
	"""What the scheduler does each minute, done every few seconds until the job has ended."""
	end = time.monotonic() + 600
	while (job := bench.job(tenant.name)).status not in ("Completed", "Failed", "Cancelled"):
		assert time.monotonic() < end, bench.describe(tenant.name)
		bench.look_after()
		time.sleep(1)
	return job


def processes_on(bench, tenant) -> list[int]:
	"""Processes that work on the tenant's site."""
	wanted = f"{tenant.name}.".encode()
	found = []
	for pid in filter(str.isdigit, os.listdir("/proc")):
		try:
			line = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
		except (FileNotFoundError, ProcessLookupError):
			continue
		if b"buildpro_saas.agent.run_on_site" in line and any(part.startswith(wanted) for part in line):
			found.append(int(pid))
	return found


def cpu_seconds(bench, tenant) -> float:
	"""How long the processes that work on the tenant's site have computed (fields 14 and 15 of proc_pid_stat(5))."""
	ticks = 0
	for pid in processes_on(bench, tenant):
		try:
			fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
		except (FileNotFoundError, ProcessLookupError):
			continue
		ticks += int(fields[11]) + int(fields[12])
	return ticks / os.sysconf("SC_CLK_TCK")
