"""A second bench on this machine, with its own code, Python, MariaDB and Redis: the one admin site does there all that it does on its own."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest
import requests
from conftest import BenchUnderTest, Installer, give_plans_their_apps
from small_disk import for_root, full_disk

pytestmark = pytest.mark.second_bench

PLAN = "Core"
WAYS = ("from scratch", "from an image", "from a standby site")
ANSWER_SECONDS = 60
MINUTES = 60


class SecondBenchUnderTest(BenchUnderTest):
	"""Tenants on the second bench; jobs, records and their faults are the first one's, where the admin site is."""

	def __init__(self, frappe, path: Path, services, second, name: str):
		super().__init__(frappe, path, services)
		self.first_path, self.path = path, second.path
		self.second, self.name = second, name

	def new_tenant(self, subdomain: str | None = None, **fields):
		return super().new_tenant(subdomain, **{"bench": self.name, "plan": PLAN, **fields})

	def place(self) -> str:
		return self.name

	def door(self):
		from buildpro_saas.jobs.bench_door import door_of

		return door_of(self.name)

	def on_site(self, tenant: str, method: str, **arguments):
		return self.door().site(self.site(tenant)).call(method, **arguments)

	@contextmanager
	def its_root(self):
		"""Root of the second bench's MariaDB."""
		connection = pymysql.connect(
			host="127.0.0.1",
			port=self.second.home.ports()["mariadb"],
			user="root",
			password=self.second.db_root_password(),
			autocommit=True,
		)
		with connection, connection.cursor() as cursor:
			yield cursor

	def config(self, tenant: str) -> dict:
		return json.loads((self.path / "sites" / self.site(tenant) / "site_config.json").read_text())

	def get(self, tenant: str, path: str) -> requests.Response:
		"""A request to the tenant's site, answered by the second bench's web server."""
		url = f"http://127.0.0.1:{self.second.services().port('web')}{path}"
		return requests.get(
			url, headers={"Host": self.site(tenant)}, timeout=ANSWER_SECONDS, allow_redirects=False
		)

	def wait_completed(self, tenant: str):
		"""What the scheduler does each minute, done again and again until the tenant's job has completed."""
		ended = ("Completed", "Failed", "Cancelled")
		self.wait_looking(
			lambda: self.job_status(tenant) in ended,
			10 * MINUTES,
			lambda: self.describe(tenant),
		)
		job = self.job(tenant)
		assert job.status == "Completed", self.describe(tenant)
		return job


@pytest.fixture(scope="module")
def second_bench(module_bench, bench_command, admin_site_name, is_private):
	"""The second bench, registered on the tests' admin site, and its services."""
	if not is_private:
		pytest.skip("a second bench is made of our own only")
	from dev.bench import PrivateBench
	from dev.second_bench import SecondBench

	second = SecondBench(PrivateBench(module_bench.services.home))
	second.build()
	Installer(second.path).put_back()
	second.wait_for_disk(False)
	services = second.start("redis_cache", "redis_queue", "mariadb", "web")
	added = bench_command(
		*("--site", admin_site_name, "saas", "add-bench", str(second.path)),
		*("--name", "second", "--root-password-stdin"),
		text=second.db_root_password() + "\n",
	)
	assert added.returncode == 0, added.stdout + added.stderr
	assert second.db_root_password() not in added.stdout + added.stderr
	frappe = module_bench.frappe
	frappe.db.commit()
	bench = SecondBenchUnderTest(frappe, module_bench.path, module_bench.services, second, "second")
	give_plans_their_apps(frappe, bench.path)
	yield bench
	bench.release()
	services.start_all("redis_cache", "redis_queue", "mariadb", "web")
	bench.clean_up()
	bench.discard_standby_sites({"status": "Ready", "bench": "second"})
	remove_images(bench)
	frappe.db.delete("Drift Finding", {"bench": "second"})
	frappe.delete_doc("Bench", "second", force=True)
	frappe.db.commit()
	services.stop_all()


def remove_images(bench):
	from buildpro_saas.fleet import images

	frappe = bench.frappe
	for image in frappe.get_all("Site Image", {"bench": "second"}, pluck="name"):
		job = images.prune(image).name
		frappe.db.commit()
		bench.wait_for_end(job)
	frappe.db.delete("Standby Site", {"bench": "second"})
	frappe.db.commit()


@pytest.fixture
def second(second_bench, bench):
	"""For a test: tenants that it makes are removed, and both benches' services are up again."""
	own = SecondBenchUnderTest(
		bench.frappe, second_bench.first_path, bench.services, second_bench.second, second_bench.name
	)
	yield own
	own.release()
	own.second.services().start_all("redis_cache", "redis_queue", "mariadb", "web")
	own.services.start_all("provisioning")
	own.clean_up()


@pytest.fixture(scope="module")
def acme(second_bench):
	"""A tenant on the second bench, whose site was made from scratch there."""
	with second_bench.only("from scratch", PLAN):
		tenant = second_bench.new_tenant()
		second_bench.wait_completed(tenant.name)
	return second_bench.frappe.get_doc("Tenant", tenant.name)


# -- what it is --------------------------------------------------------------------------------------------------------


def test_its_record_says_what_it_owns(second_bench, bench_account):
	frappe = second_bench.frappe
	record = frappe.get_doc("Bench", "second")
	ports = second_bench.second.home.ports()
	assert (record.is_local, record.is_reachable, record.web_port) == (0, 1, ports["web"])
	assert record.database_server == f"mariadb at 127.0.0.1:{ports['mariadb']}"
	account = json.loads((second_bench.path / "config/buildpro_database.json").read_text())
	assert record.database_user == account["user"] != bench_account()["user"]
	assert str(ports["redis_cache"]) in record.redis_servers
	assert record.python == str(second_bench.path / "env/bin/python")
	(local,) = frappe.get_all("Bench", {"is_local": 1}, pluck="name")
	commits = {
		bench: {row.app: row.commit for row in frappe.get_doc("Bench", bench).apps}
		for bench in ("second", local)
	}
	assert commits["second"]["buildpro_saas"] != commits[local]["buildpro_saas"]
	assert commits["second"]["frappe"] == commits[local]["frappe"]


def test_only_a_shell_may_name_the_folder_of_a_bench(second_bench, tmp_path):
	"""Its Python runs with our rights: whoever may write a Bench record is not given that."""
	frappe = second_bench.frappe
	record = frappe.get_doc("Bench", "second")
	record.path = str(tmp_path)
	record.is_reachable = 1
	record.save()
	assert not record.is_reachable and not frappe.db.get_value("Bench", "second", "is_reachable")
	with pytest.raises(frappe.ValidationError, match="cannot be reached"):
		second_bench.new_tenant("nowhere")
	frappe.db.rollback()
	new = frappe.get_doc(
		{"doctype": "Bench", "bench_name": "third", "path": str(second_bench.path), "is_reachable": 1}
	)
	assert new.insert().is_reachable == 0
	frappe.db.rollback()


# -- tenants there -----------------------------------------------------------------------------------------------------


def test_a_site_made_from_scratch_is_there_and_nowhere_else(second_bench, acme):
	job = second_bench.job(acme.name)
	assert (job.way, second_bench.status(acme.name)) == ("from scratch", "Active")
	assert not (second_bench.first_path / "sites" / acme.site).exists()
	assert acme.database in second_bench.everything()["databases"]
	with second_bench.root() as cursor:
		cursor.execute("show databases like %s", (acme.database,))
		assert not cursor.fetchall()
	assert second_bench.get(acme.name, "/api/method/ping").json() == {"message": "pong"}
	assert {row.app for row in acme.apps} == {"frappe", "buildpro_saas", "construction_demo"}
	# what was done there was done by that bench's own code
	(commit,) = [row.commit for row in acme.apps if row.app == "buildpro_saas"]
	head = ["git", "-C", str(second_bench.path / "apps/buildpro_saas"), "rev-parse", "HEAD"]
	assert commit == subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()


def test_its_numbers_are_read_and_kept(second_bench, acme):
	from buildpro_saas.monitoring import collecting, series

	sample = collecting.collect(second_bench.name)
	site = second_bench.site(acme.name)
	assert sample.tenants[acme.name] == site and sample.faults == {}
	assert sample.of_sites[site]["database_bytes"] > 10**6 and sample.of_bench["mariadb_is_up"] == 1
	series.keep(sample)
	assert series.latest(tenant=acme.name)["users_enabled"] >= 1
	assert series.latest(bench=second_bench.name)["sites"] >= 1
	second_bench.frappe.db.rollback()


@pytest.mark.parametrize("way", WAYS[1:])
def test_a_site_is_copied_there(second, acme, way):
	before = second.everything()
	with second.only(way, PLAN):
		tenant = second.new_tenant()
		job = second.wait_completed(tenant.name)
	assert job.way == way
	assert second.get(tenant.name, "/api/method/ping").status_code == 200
	wanted = second.on_site(acme.name, "buildpro_saas.agent.installer.installed_apps")
	assert second.on_site(tenant.name, "buildpro_saas.agent.installer.installed_apps") == wanted
	assert before["databases"] <= second.everything()["databases"] | {
		row.database for row in second.frappe.get_all("Standby Site", {"status": "Claimed"}, ["database"])
	}


def test_a_change_of_plan_reaches_its_site(second_bench, acme):
	frappe = second_bench.frappe
	plan = frappe.get_doc(
		{
			"doctype": "Plan",
			"plan_name": "Second Core",
			"apps": [{"app": "construction_demo"}],
			"is_active": 1,
		}
	)
	plan.flags.ignore_mandatory = True
	plan.insert()
	frappe.db.commit()
	try:
		tenant = frappe.get_doc("Tenant", acme.name)
		tenant.set_plan(plan.name)
		frappe.db.commit()
		status = "buildpro_saas.tenant_site.entitlement.stored"
		second_bench.wait_for(
			lambda: (
				str(second_bench.config(acme.name)["buildpro_sequence"])
				== frappe.db.get_value("Tenant", acme.name, "entitlement_sequence", cache=False)
			),
			MINUTES,
		)
		assert second_bench.on_site(acme.name, status)[0]
	finally:
		tenant = frappe.get_doc("Tenant", acme.name)
		tenant.set_plan(PLAN)
		frappe.db.commit()
		frappe.db.delete("Plan Version", {"plan": plan.name})
		frappe.delete_doc("Plan", plan.name, force=True)
		frappe.db.commit()


def test_suspending_closes_its_site_and_resuming_opens_it(second_bench, acme):
	path = "/api/method/frappe.auth.get_logged_user"

	def answers(status: int) -> None:
		second_bench.wait_for(lambda: second_bench.get(acme.name, path).status_code == status, MINUTES)

	frappe = second_bench.frappe
	frappe.get_doc("Tenant", acme.name).suspend("has not paid")
	frappe.db.commit()
	answers(402)
	frappe.get_doc("Tenant", acme.name).resume("has paid")
	frappe.db.commit()
	answers(403)


def test_its_owner_is_let_in(second_bench, acme):
	from buildpro_saas.fleet import owner_link

	link = owner_link.login_link(acme.name)
	assert link.startswith(f"http://{acme.site}:{second_bench.second.home.ports()['web']}/")


def test_drift_is_found_and_mended_there(second, acme):
	from buildpro_saas.fleet import bench_trash, reconciliation

	frappe, mark = second.frappe, f"{second.frappe.local.site}/0123456789abcdef"
	folder = second.path / "sites/orphan.localhost"
	(folder / "public").mkdir(parents=True)
	(folder / "site_config.json").write_text(json.dumps({"buildpro_job": mark}))
	two_hours_ago = time.time() - 7200
	os.utime(folder, (two_hours_ago, two_hours_ago))
	job = frappe.get_doc(
		{
			"doctype": "Provisioning Job",
			"title": "Test",
			"playbook": "test",
			"status": "Cancelled",
			"bench": "second",
			"mark": mark,
		}
	)
	job.name = "second-bench-orphan"
	job.db_insert()
	frappe.db.commit()
	try:
		found = {row.subject: row for row in reconciliation.compare("second")}
		assert found.keys() == {"orphan.localhost"}
		long_ago = frappe.utils.add_to_date(found["orphan.localhost"].first_found, seconds=-7200)
		frappe.db.set_value("Drift Finding", found["orphan.localhost"].name, "first_found", long_ago)
		frappe.db.commit()
		reconciliation.compare("second", is_mending=True)
		assert not folder.exists()
		(entry,) = [each for each in bench_trash.entries() if each.subject == "orphan.localhost"]
		reconciliation.put_back(entry.name)
		assert folder.exists()
		# a tenant's site that is gone is told, and nothing else of this bench is taken for its drift
		site = second.path / "sites" / acme.site
		aside = site.rename(site.with_name(f".aside-{site.name}"))
		try:
			missing = [row for row in reconciliation.compare("second") if row.subject == acme.name]
			assert "lacks" in missing[0].what
		finally:
			aside.rename(site)
		assert not [row for row in reconciliation.compare("second") if row.subject == acme.name]
	finally:
		frappe.db.rollback()
		shutil.rmtree(folder, ignore_errors=True)
		frappe.db.delete("Provisioning Job", {"name": job.name})
		frappe.db.commit()


def test_cancelled_nothing_remains_there(second):
	with second.only("from an image", PLAN):
		before = second.everything()
		with second.held("install_apps", "Running"):
			tenant = second.new_tenant()
			second.wait_held(tenant.name)
			assert second.everything() != before
			second.job(tenant.name).cancel_job()
			second.frappe.db.commit()
			second.let_go()
			assert second.wait_job(tenant.name).status == "Cancelled", second.describe(tenant.name)
		assert second.everything() == before


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.fault
def test_a_worker_that_is_killed_takes_its_helper_along_and_the_job_goes_on(second):
	with second.only("from an image", PLAN):
		tenant = second.new_tenant()
		second.wait_step(tenant.name, "set_up_company", "Running")
		second.wait_for(lambda: len(processes_of(second)) > 1, MINUTES, lambda: second.describe(tenant.name))
		second.services.kill("provisioning")
		second.wait_for(lambda: not processes_of(second), MINUTES)
		second.services.start_all("provisioning")
		second.wait_completed(tenant.name)
	assert second.get(tenant.name, "/api/method/ping").status_code == 200


@pytest.mark.fault
def test_only_its_helper_is_killed(second):
	"""As the kernel does when memory runs out: the step is tried again, by another helper."""
	with second.only("from an image", PLAN):
		with second.held("configure", "Running"):
			tenant = second.new_tenant()
			second.wait_held(tenant.name)
			(helper,) = processes_of(second, "buildpro_saas.agent.serve")
			os.kill(helper, signal.SIGKILL)
			second.let_go()
			second.wait_for(lambda: not second.waiting(), MINUTES)
		second.wait_completed(tenant.name)


@pytest.mark.fault
@pytest.mark.stops_mariadb
@pytest.mark.parametrize("server", ["mariadb", "redis_cache"])
def test_a_server_of_that_bench_is_away_for_a_while(second, server):
	servers = second.second.services()
	with second.only("from an image", PLAN):
		with second.held("make_site", "Completed"):
			tenant = second.new_tenant()
			second.wait_held(tenant.name)
			servers.kill(server)
			second.let_go()
			second.wait_for(lambda: not second.waiting(), MINUTES)
		step = "seed_plan_settings" if server == "mariadb" else "make_site"
		if server == "mariadb":
			second.wait_for(
				lambda: second.step(tenant.name, step).attempts > 1,
				MINUTES,
				lambda: second.describe(tenant.name),
			)
		servers.start_all(server)
		second.wait_completed(tenant.name)
	assert second.get(tenant.name, "/api/method/ping").status_code == 200


@pytest.mark.fault
@pytest.mark.stops_mariadb
def test_other_benches_are_looked_after_while_one_is_away(second, acme):
	from buildpro_saas.fleet import reconciliation

	second.second.services().kill("mariadb")
	logged = second.frappe.db.count("Error Log")
	reconciliation.compare_benches()
	second.frappe.db.commit()
	assert second.frappe.db.count("Error Log") > logged
	second.second.services().start_all("mariadb")


@pytest.mark.fault
@for_root
def test_a_full_disk_of_that_bench_is_told_and_retry_goes_on(second):
	from buildpro_saas.fleet import standby

	frappe, image = second.frappe, second.image(PLAN)
	second.discard_standby_sites({"image": image, "status": "Ready"})
	folder = second.path / "sites/.buildpro/standby"
	folder.mkdir(parents=True, exist_ok=True)
	kind = frappe.db.get_value("Site Image", image, "kind")
	with full_disk(folder):
		job = standby.start_filling(image, "second", kind)
		frappe.db.commit()
		second.wait_for_end(job, status="Failed")
	error, hint = frappe.db.get_value("Provisioning Job", job, ["error", "hint"])
	assert "No space left on device" in error
	assert hint == "Free disk space on the bench's machine, then press Retry."
	frappe.get_doc("Provisioning Job", job).retry()
	frappe.db.commit()
	second.wait_for_end(job)
	assert frappe.db.get_value("Standby Site", {"image": image, "status": "Ready"})


@pytest.mark.fault
@for_root
def test_a_full_disk_under_a_tenants_site_is_told_and_a_delivery_goes_on(second, acme, tmp_path):
	from buildpro_saas.licensing import delivery

	frappe, sequence = second.frappe, "buildpro_sequence"
	before = second.config(acme.name)[sequence]

	def send():
		delivery.send([acme.name], "a full disk")
		frappe.db.commit()
		batch = frappe.get_last_doc("Batch")
		second.wait_for(
			lambda: frappe.db.commit() or frappe.db.get_value("Batch", batch.name, "status") == "Completed",
			MINUTES,
		)
		return frappe.get_doc("Batch Row", {"batch": batch.name})

	with full_disk_under(second.path / "sites" / second.site(acme.name), tmp_path):
		row = send()
		assert row.status == "Failed" and "No space left on device" in row.message
		assert "Free disk space on the bench's machine" in row.message
		assert second.config(acme.name)[sequence] == before  # whole, and as it was
	assert send().status == "Completed"
	assert second.config(acme.name)[sequence] > before
	assert second.get(acme.name, "/api/method/ping").status_code == 200


@contextmanager
def full_disk_under(folder: Path, small: Path):
	"""What is in the folder is on a disk of its own within the block, on which there is no more room. It is mounted at `small` first."""
	size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) + 1024 * 1024
	subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], check=True)
	try:
		shutil.copytree(folder, small, symlinks=True, dirs_exist_ok=True)
		with (
			pytest.raises(OSError, match="No space left"),
			(small / ".filler").open("wb", buffering=0) as file,
		):
			while True:
				file.write(b"x" * 4096)
		subprocess.run(["mount", "--bind", small, folder], check=True)
		try:
			yield
		finally:
			subprocess.run(["umount", folder], check=True)
	finally:
		subprocess.run(["umount", small], check=True)


def processes_of(second, module: str = "buildpro_saas.agent") -> list[int]:
	"""Processes of the second bench's Python that run the agent, but for the one that the tests themselves have started."""
	python, found = str(second.path / "env/bin/python").encode(), []
	for pid in filter(str.isdigit, os.listdir("/proc")):
		try:
			line = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
			parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
		except (FileNotFoundError, ProcessLookupError):
			continue
		if (
			line[0] == python
			and any(part.startswith(module.encode()) for part in line)
			and parent != os.getpid()
		):
			found.append(int(pid))
	return found
