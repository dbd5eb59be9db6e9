"""A whole bench: services that can be killed one by one, tenants made through the real queue, and what they leave."""

import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

ENDED = ("Completed", "Failed", "Cancelled")
HOLD = "buildpro-test-hold"
HIDDEN = ".buildpro"  # images and standby sites, under sites/
MINUTE = 60  # seconds between two looks of the scheduler's
JOB_SECONDS = 600  # the slowest: ERPNext, HRMS and the company's set-up on a busy machine


class BenchUnderTest:
	"""The bench as an operator sees it: Desk's documents, the shell's services, MariaDB's root."""

	quickly_built: set[str] = set()  # images whose framework is not of the installer's own SQL

	def __init__(self, frappe, bench_path: Path, services):
		self.frappe, self.path, self.services = frappe, bench_path, services
		self.tenants: list[str] = []

	# -- tenants -------------------------------------------------------------------------------------------------

	def new_tenant(self, subdomain: str | None = None, **fields):
		"""Insert a Tenant and commit, which is all that staff do; returns the document."""
		subdomain = subdomain or f"t{self.frappe.generate_hash(length=9)}"
		tenant = self.frappe.get_doc(
			{
				"doctype": "Tenant",
				"subdomain": subdomain,
				"company": f"{subdomain.title()} Construction",
				"owner_name": "Olga Owner",
				"owner_email": f"owner@{subdomain}.example",
				"plan": "Growth",
				"country": "Germany",
				"currency": "EUR",
				"time_zone": "Europe/Berlin",
				"language": "en",
				**fields,
			}
		).insert()
		self.tenants.append(tenant.name)
		self.frappe.db.commit()
		return tenant

	def active_tenant(self, plan: str = "Core", **fields):
		"""A new tenant that is Active, its site a copy of the plan's image; returns the document."""
		with self.only("from an image", plan):
			tenant = self.new_tenant(plan=plan, **fields)
			assert self.wait_job(tenant.name).status == "Completed", self.describe(tenant.name)
		return self.frappe.get_doc("Tenant", tenant.name)

	@contextmanager
	def edited(self, doctype: str, name: str):
		"""The record as it is now, to be changed within the block; then it is saved and committed.

		It is locked meanwhile, as workers write tenants and benches too: what was read earlier could not be saved.
		"""
		self.frappe.db.rollback()
		doc = self.frappe.get_doc(doctype, name, for_update=True)
		yield doc
		doc.save()
		self.frappe.db.commit()

	def job(self, tenant: str):
		"""The newest job of a tenant, read afresh."""
		return self.frappe.get_doc("Provisioning Job", self.job_name(tenant))

	def job_name(self, tenant: str) -> str:
		"""The name of the newest job of a tenant."""
		self.frappe.db.commit()
		of_tenant = {"tenant": tenant}
		name = self.frappe.db.get_value("Provisioning Job", of_tenant, "name", order_by="creation desc")
		assert name, f"{tenant} has no job"
		return name

	def job_status(self, tenant: str) -> str:
		"""Of the newest job of a tenant; for a question that is asked ten times a second, job() takes too much."""
		self.frappe.db.commit()
		of_tenant = {"tenant": tenant}
		return self.frappe.db.get_value("Provisioning Job", of_tenant, "status", order_by="creation desc")

	def step_status(self, tenant: str, step_key: str) -> str:
		"""Of a step of the newest job of a tenant; as job_status()."""
		step = {"parent": self.job_name(tenant), "step_key": step_key}
		return self.frappe.db.get_value("Provisioning Job Step", step, "status")

	def status(self, tenant: str) -> str:
		self.frappe.db.commit()
		return self.frappe.db.get_value("Tenant", tenant, "status")

	def wait_job(self, tenant: str, *statuses: str, seconds: float = JOB_SECONDS):
		"""Wait until the tenant's job has one of the statuses (any ended one by default), and return it."""
		wanted = statuses or ENDED
		self.wait_for(
			self.looked_after(lambda: self.job_status(tenant) in wanted),
			seconds,
			lambda: self.describe(tenant),
		)
		return self.job(tenant)

	def wait_step(self, tenant: str, step_key: str, *statuses: str, seconds: float = JOB_SECONDS):
		"""Wait until a step of the tenant's job has one of the statuses."""
		self.wait_for(
			lambda: self.step_status(tenant, step_key) in statuses, seconds, lambda: self.describe(tenant)
		)

	def step(self, tenant: str, step_key: str):
		return next(row for row in self.job(tenant).steps if row.step_key == step_key)

	def describe(self, tenant: str) -> str:
		job = self.job(tenant)
		steps = "\n".join(f"  {row.step_key}: {row.status} ({row.attempts})" for row in job.steps)
		return f"{job.name} {job.status} {job.error or ''}\n{steps}"

	def wait_for(self, is_met, seconds: float, describe=lambda: ""):
		end = time.monotonic() + seconds
		while not is_met():
			assert time.monotonic() < end, f"not within {seconds} s. {describe()}"
			time.sleep(0.1)

	def look_after(self):
		"""What the scheduler does each minute."""
		from buildpro_saas.jobs import batches, lifecycle

		self.frappe.db.commit()
		lifecycle.recover_lost_jobs()
		batches.recover_batches()
		self.frappe.db.commit()

	def wait_looking(self, is_met, seconds: float, describe=lambda: ""):
		"""wait_for, for what goes on only as the scheduler looks after it: a minute of its is half a second."""
		self.look_after()
		self.wait_for(self.looked_after(is_met, every=0.5), seconds, describe)

	def looked_after(self, is_met, every: float = MINUTE):
		"""The same question, asked while the scheduler's minutes go on: a job that found its site taken waits for the next one."""
		looked = time.monotonic()

		def ask():
			nonlocal looked
			if time.monotonic() > looked + every:
				self.look_after()
				looked = time.monotonic()
			return is_met()

		return ask

	# -- ways of making a site -----------------------------------------------------------------------------------

	def ready_image(self, plan: str, *company: str) -> str | None:
		"""The name of the ready image for a plan, with a company of (country, currency, language)."""
		from buildpro_saas.fleet import images
		from buildpro_saas.jobs.playbook import WayClosedError

		self.frappe.db.commit()
		try:
			return images.ready(self.place(), self.kind(plan, *company)).name
		except WayClosedError:
			return None

	def image(self, plan: str, *company: str) -> str:
		"""The same, built first, quickly, where there is none."""
		if found := self.ready_image(plan, *company):
			return found
		with self.quick():
			return self._build_image(plan, *company)

	def _build_image(self, plan: str, *company: str) -> str:
		from buildpro_saas.fleet import images

		image = images.build(self.place(), self.kind(plan, *company))
		self.frappe.db.commit()
		self.wait_for_end(image.job)
		assert self.frappe.db.get_value("Site Image", image.name, "status") == "Ready"
		return image.name

	def whole_image(self, plan: str) -> str:
		"""The same, made by the installer with its own SQL."""
		from buildpro_saas.fleet import images

		found = self.ready_image(plan)
		if found and found not in self.quickly_built:
			return found
		if found:
			self.discard_standby_sites({"image": found, "status": "Ready"})
			images.set_stale(found, "Quickly built")
		return self._build_image(plan)

	def ready_images(self) -> set[str]:
		"""The names of those on this bench."""
		self.frappe.db.commit()
		return set(
			self.frappe.get_all("Site Image", {"status": "Ready", "bench": self.place()}, pluck="name")
		)

	@contextmanager
	def quick(self):
		"""Within the block Frappe's installer finds the framework installed as soon as it has loaded its SQL: 2 s for a site, not 18.

		It is the real installer in its real process, and the site is what it makes of any other: the SQL is that of a site
		which it made (dev/sites.py). On a bench that was there before us it keeps its own SQL and takes its time.
		"""
		installer, finished = Installer(self.path), self.services.home.framework_sql
		if not finished.exists() or installer.is_quick():
			yield
			return
		before = self.ready_images()
		installer.begin_with(finished)
		try:
			self._keep_images_fresh()
			yield
		finally:
			installer.put_back()
			self._keep_images_fresh()
		self.quickly_built.update(self.ready_images() - before)

	def _keep_images_fresh(self):
		"""The installer's SQL is another, but what it makes is the same: images are taken for what would be made now.

		Otherwise they would be built anew after each change, which takes longer than what it saves.
		"""
		from buildpro_saas.jobs.bench_door import door_of

		(now,) = door_of(self.place()).do("app_fingerprints", apps=["frappe"])
		for image in self.ready_images():
			framework = {"parent": image, "app": "frappe"}
			self.frappe.db.set_value("Site Image App", framework, "schema_digest", now["schema"])
		self.frappe.db.commit()

	def place(self) -> str:
		"""The name of the bench's record."""
		return self.frappe.get_all("Bench", {"is_local": 1}, pluck="name")[0]

	def kind(self, plan: str, *company: str):
		"""The kind of image that the plan needs, perhaps with a company of (country, currency, language)."""
		from buildpro_saas.fleet.image_spec import ImageKind

		return ImageKind(ImageKind.of_plan(plan).apps, *company)

	def standby_site(self, plan: str) -> str:
		"""The name of a ready standby site for a plan; copied first where there is none."""
		from buildpro_saas.fleet import standby

		image = self.image(plan)
		if found := self.frappe.db.get_value("Standby Site", {"image": image, "status": "Ready"}):
			return found
		kind, bench = self.frappe.db.get_value("Site Image", image, ["kind", "bench"])
		job = standby.start_filling(image, bench, kind)
		self.frappe.db.commit()
		self.wait_for_end(job)
		return self.frappe.db.get_value("Standby Site", {"image": image, "status": "Ready"})

	def has_ended(self, job: str) -> bool:
		self.frappe.db.commit()
		return self.frappe.db.get_value("Provisioning Job", job, "status") in ENDED

	def wait_for_end(self, job: str, seconds: float = JOB_SECONDS, status: str = "Completed"):
		"""Wait until a job that is no tenant's has ended, and see that it has done so with this status."""

		self.wait_for(self.looked_after(lambda: self.has_ended(job)), seconds, lambda: job)
		ended, error = self.frappe.db.get_value("Provisioning Job", job, ["status", "error"])
		assert ended == status, error

	@contextmanager
	def only(self, way: str, plan: str):
		"""Sites of the plan are made this way within the block."""
		image = self.ready_image(plan) if way == "from scratch" else self.image(plan)
		if way == "from a standby site":
			self.standby_site(plan)
		elif way == "from an image":
			self.discard_standby_sites({"image": image, "status": "Ready"})
		elif image:
			self.frappe.db.set_value("Site Image", image, "status", "Stale")
		self.frappe.db.commit()
		try:
			yield
		finally:
			self.frappe.db.rollback()
			if image:
				self.frappe.db.set_value("Site Image", image, "status", "Ready")
			self.frappe.db.commit()

	def discard_standby_sites(self, filters: dict):
		from buildpro_saas.fleet import standby
		from buildpro_saas.jobs.bench_door import door_of

		for row in self.frappe.get_all("Standby Site", filters, ["name", "bench"]):
			assert standby.take(row.name, "Ready")
			standby.discard(standby.row(row.name), door_of(row.bench))

	def remove_images(self, keep: str | None = None):
		"""All images but `keep`, and all standby sites, through the product's own ways."""
		from buildpro_saas.fleet import images

		self.frappe.db.rollback()
		self.discard_standby_sites({"status": "Ready"})
		for image in self.frappe.get_all("Site Image", {"name": ("!=", keep or "")}, ["name", "job"]):
			job = self.frappe.get_doc("Provisioning Job", image.job)
			if job.status not in ("Completed", "Cancelled"):
				job.cancel_job()
				self.frappe.db.commit()
				# the worker that was at it may be gone, too
				self.wait_looking(lambda job=job.name: self.has_ended(job), JOB_SECONDS)
			pruning = images.prune(image.name).name
			self.frappe.db.commit()
			self.wait_for_end(pruning)
		self.frappe.db.delete("Standby Site")
		self.frappe.db.commit()

	# -- MariaDB's root ------------------------------------------------------------------------------------------

	@contextmanager
	def root(self):
		conf = self.frappe.conf
		connection = pymysql.connect(
			host=conf.db_host,
			port=int(conf.db_port),
			user=os.environ.get("BUILDPRO_DB_ROOT_USER", "root"),
			password=os.environ["BUILDPRO_DB_ROOT_PASSWORD"],
			autocommit=True,
		)
		try:
			with connection.cursor() as cursor:
				yield cursor
		finally:
			connection.close()

	def its_root(self):
		"""Root of the MariaDB that has the tenants' databases: the admin site's, where they are on one bench."""
		return self.root()

	def everything(self) -> dict[str, set[str]]:
		"""All that provisioning could leave: databases, database users, folders and files under sites/ (hidden too)."""
		with self.its_root() as cursor:
			cursor.execute("show databases")
			databases = {row[0] for row in cursor.fetchall()}
			cursor.execute("select User from mysql.user")
			users = {row[0] for row in cursor.fetchall()}
		sites = self.path / "sites"
		files = {p.name for p in sites.iterdir() if not p.name.endswith(".lock") and p.name != HIDDEN}
		files |= {str(p.relative_to(sites)) for p in sites.glob(f"{HIDDEN}/*/*")}
		return {"databases": databases, "users": users, "folders": files}

	@contextmanager
	def held(self, step_key: str, status: str):
		"""Hold the worker where it writes that status of a step: the database waits there until let_go() or the end.

		With "Completed" the step's work is done and not recorded; with "Running" it is about to begin.
		"""
		self.frappe.db.commit()  # an open snapshot of ours would keep the trigger from being made
		with self.root() as cursor:
			cursor.execute(f"use `{self.frappe.conf.db_name}`")
			cursor.execute("drop trigger if exists hold_step")
			# the server may not have noticed yet that the connection of the hold before is closed
			cursor.execute(f"select get_lock('{HOLD}', 30)")
			assert cursor.fetchone() == (1,), "another test holds the worker"
			cursor.execute(
				"create trigger hold_step before update on `tabProvisioning Job Step` for each row"
				f" if new.step_key = '{step_key}' and new.status = '{status}' and old.status <> '{status}'"
				f" then do get_lock('{HOLD}', 600); do release_lock('{HOLD}'); end if"
			)
			self._holder = cursor
			try:
				yield
			finally:
				self.release()

	def wait_held(self, tenant: str):
		"""Wait until the worker is held; fail at once when the job ended instead."""
		self.wait_for(
			lambda: self.waiting() or self.job_status(tenant) in ENDED,
			JOB_SECONDS,
			lambda: self.describe(tenant),
		)
		assert self.waiting(), self.describe(tenant)

	def kill_after(self, tenant: str, step_key: str, begin) -> None:
		"""Kill the worker when the step's work is done and not recorded, start it again, and wait until the job went on to its end.

		begin: starts the job; called while the worker is held there.
		"""
		with self.held(step_key, "Completed"):
			begin()
			self.frappe.db.commit()
			self.wait_held(tenant)
			self.services.kill("provisioning")
		self.services.start_all("provisioning")
		self.wait_looking(
			lambda: self.job_status(tenant) == "Completed",
			JOB_SECONDS,
			lambda: self.describe(tenant),
		)

	def let_go(self):
		"""Let the held worker go on."""
		self._holder.execute(f"select release_lock('{HOLD}')")

	def release(self):
		"""Take the hold away, and end the connections that wait in it, as the server does once it sees them gone."""
		self.frappe.db.rollback()
		with self.root() as cursor:
			for connection in self.waiting():
				cursor.execute(f"kill {connection}")
			cursor.execute(f"drop trigger if exists `{self.frappe.conf.db_name}`.hold_step")
		self.wait_for(
			lambda: not self.waiting(), 30
		)  # a killed connection is listed until it has rolled back

	def waiting(self) -> list[int]:
		"""Connections that are held."""
		with self.root() as cursor:
			cursor.execute(
				"select id from information_schema.processlist where state = 'User lock' and info like %s",
				(f"%{HOLD}%",),
			)
			return [row[0] for row in cursor.fetchall()]

	# -- a tenant's site -----------------------------------------------------------------------------------------

	def site(self, tenant: str) -> str:
		return self.frappe.db.get_value("Tenant", tenant, "site")

	def entitle(
		self, tenant: str, layers: dict, catalogue: dict | None = None, now: float | None = None, **data
	) -> None:
		"""Put a statement of the test's own into force on the tenant's site.

		On record as the newest, so that the admin site, which looks after what its tenants have, does not bring its own.
		"""
		from buildpro_saas.entitlements import catalogue as catalogues
		from buildpro_saas.entitlements import statement

		config = json.loads((self.path / "sites" / self.site(tenant) / "site_config.json").read_text())
		sequence = config["buildpro_sequence"] + 1
		token = statement.issue(
			self.frappe.conf.buildpro_signing_key,
			{"tenant": tenant, "site": self.site(tenant), "layers": layers, **data},
			valid_days=30,
			grace_days=7,
			sequence=sequence,
			catalogue_digest=catalogues.digest(catalogue),
			now=now,
		)
		apply = "buildpro_saas.tenant_site.entitlement_in_force.apply_entitlement"
		self.on_site(tenant, apply, token=token, catalogue=catalogue)
		self.frappe.db.set_value("Tenant", tenant, "entitlement_sequence", sequence, update_modified=False)
		self.frappe.db.commit()

	def on_site(self, tenant: str, method: str, **arguments):
		"""Call a function by its dotted name on the tenant's site."""
		from buildpro_saas.agent.bench import Bench

		return Bench(self.path).site(self.site(tenant)).call(method, **arguments)

	def clean_up(self):
		"""Remove the tenants that were made here; no worker may be at one that is being removed."""
		self.frappe.db.rollback()
		for tenant in self.tenants:
			if not self.frappe.db.exists("Tenant", tenant):
				continue  # refused, or rolled back
			if (job := self.job(tenant)).status not in ENDED:
				self.frappe.db.set_value("Provisioning Job", job.name, "cancel_requested", 1)
				self.frappe.db.commit()
				self.wait_looking(lambda: self.job_status(tenant) in ENDED, JOB_SECONDS)
			self.remove(tenant)

	def remove(self, tenant: str):
		"""What a test made: site, database, user, rows."""
		site, database = self.frappe.db.get_value("Tenant", tenant, ["site", "database"])
		if site:
			shutil.rmtree(self.path / "sites" / site, ignore_errors=True)
		if database:
			with self.its_root() as cursor:
				cursor.execute("select Host from mysql.user where User = %s", (database,))
				for (host,) in cursor.fetchall():
					cursor.execute(f"drop user `{database}`@`{host}`")
				cursor.execute(f"drop database if exists `{database}`")
		for job in self.frappe.get_all("Provisioning Job", {"tenant": tenant}, pluck="name"):
			self.frappe.db.delete("Provisioning Job Step", {"parent": job})
			self.frappe.db.delete("Provisioning Job", {"name": job})
		for table in self.frappe.get_meta("Tenant").get_table_fields():
			self.frappe.db.delete(table.options, {"parent": tenant})
		self.frappe.db.delete("Tenant", {"name": tenant})
		self.frappe.db.commit()


# What each plan installs, of the apps that the bench has. Core stays small: most faults do not depend on the apps.
PLAN_APPS = {
	"Core": ("construction_demo",),
	"Growth": ("erpnext", "crm", "hrms"),
	"Enterprise": (),
}


def give_plans_their_apps(frappe, bench_path):
	"""As staff would, in the Plan documents."""
	there = (bench_path / "sites/apps.txt").read_text().split()
	for plan, apps in PLAN_APPS.items():
		doc = frappe.get_doc("Plan", plan)
		doc.set("apps", [{"app": app} for app in apps if app in there])
		doc.save()
	frappe.db.commit()


def regular(services) -> list[str]:
	"""The services that run throughout: the scheduler and the spare worker are for the tests that ask for them."""
	return [
		name for name, service in services.services.items() if not service.is_spare and name != "scheduler"
	]


class Installer:
	"""The SQL with which Frappe's installer begins a site: its own file, from which it goes on, or a finished site's."""

	def __init__(self, bench_path: Path):
		self.sql = bench_path / "apps/frappe/frappe/database/mariadb/framework_mariadb.sql"
		self.kept = self.sql.with_name(f"{self.sql.name}.kept")

	def is_quick(self) -> bool:
		return self.kept.exists()

	def begin_with(self, finished: Path) -> None:
		os.replace(self.sql, self.kept)
		shutil.copy(finished, self.sql)

	def put_back(self) -> None:
		"""Also after a run of the tests that was interrupted."""
		if self.kept.exists():
			os.replace(self.kept, self.sql)


@pytest.fixture
def quick_installer(module_bench):
	"""All sites of the test are made quickly, see BenchUnderTest.quick()."""
	module_bench.frappe.connect()  # whatever the test before did to MariaDB
	with module_bench.quick():
		yield


@pytest.fixture(scope="session")
def services():
	"""The bench's services, all up; the scheduler is started by the one test that is about it."""
	from dev.services import Services

	services = Services.from_environment()
	services.start_all(*regular(services))
	services.stop("scheduler")
	Installer(services.bench).put_back()
	return services


@pytest.fixture(scope="session")
def bench_command(bench_path, services):
	"""Run a `bench` command as in a shell: command(*arguments, text=None) → CompletedProcess."""
	from dev.service_list import bench_environment, frappe_command

	def run(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess:
		return subprocess.run(
			[*frappe_command(bench_path), *arguments],
			cwd=bench_path / "sites",
			env=bench_environment(services.home, bench_path),
			input=text,
			capture_output=True,
			text=True,
			check=False,
		)

	return run


@pytest.fixture
def bench(module_bench):
	"""A bench whose tenants of this test are removed afterwards, and whose services are up again."""
	bench = BenchUnderTest(module_bench.frappe, module_bench.path, module_bench.services)
	bench.frappe.connect()  # a connection of its own, whatever the test before did to MariaDB
	yield bench
	bench.release()
	down = [name for name in regular(bench.services) if not bench.services.is_running(name)]
	if down:
		bench.services.start_all(*down)
	bench.clean_up()
	# now that no job runs: a worker whose Redis was emptied is in no list of workers any more, and is started anew
	bench.services.start_all(*regular(bench.services))


def connected(bench_path, admin_site_name, services) -> BenchUnderTest:
	"""The bench, with frappe connected to the admin site."""
	import frappe

	os.chdir(bench_path / "sites")
	frappe.init(site=admin_site_name, sites_path=".")
	frappe.connect()
	frappe.flags.mute_messages = True
	return BenchUnderTest(frappe, bench_path, services)


@pytest.fixture(scope="session")
def kept_images(bench_path, admin_site_name, services):
	"""Images are built once for all modules, which is the slowest of what tests need, and removed at the end of all."""

	def remove_images():
		bench = connected(bench_path, admin_site_name, services)
		services.start_all(*regular(services))
		bench.remove_images()
		bench.frappe.destroy()

	remove_images()  # those of a run that was interrupted
	yield
	remove_images()


@pytest.fixture(scope="module")
def module_bench(bench_path, admin_site_name, services, kept_images):
	"""The same for a whole module: tenants are shared by its tests."""
	bench = connected(bench_path, admin_site_name, services)
	frappe = bench.frappe
	give_plans_their_apps(frappe, bench_path)
	bench.release()  # a hold that an interrupted run of the tests left
	bench.look_after()  # and its jobs, whose worker was stopped
	# what tests need of images they make themselves
	frappe.db.set_single_value("SaaS Settings", "build_images", 0)
	frappe.db.commit()
	yield bench
	bench.clean_up()
	bench.discard_standby_sites({"status": "Ready"})
	frappe.db.commit()
	frappe.destroy()
