"""The site under test as a tenant sees his own: it holds an entitlement, and what a test does is rolled back."""

import json
import os
import secrets
import shutil
import time
from pathlib import Path

import pytest
import redis
import werkzeug.test
import werkzeug.wrappers
from conftest_data import CATALOGUE
from engine_bench import bench_of, engine_of
from known_definitions import KnownDefinitions

from buildpro_saas.entitlements.acceptance import CLOCK_KEY

PLAN_SETTINGS = "Nexelya Plan Settings"
HOURS = 2 * 3600
HIDDEN = ".buildpro"
PASSWORD = "not-a-secret-of-anybody"
known_definitions = KnownDefinitions()


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory):
	"""pytest's own, made now: one that is made while a test plays a tenant's request is that tenant's."""
	return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session", autouse=True)
def nobody_else(bench_path, admin_site_name):
	"""The admin site's scheduler would do beside the tests what they do: move tenants whose date has come, or build images for minutes."""
	import frappe

	from dev.services import Services

	Services.from_environment().stop("scheduler")
	os.chdir(bench_path / "sites")
	frappe.init(site=admin_site_name, sites_path=".")
	frappe.connect()
	frappe.db.set_single_value("SaaS Settings", "build_images", 0)
	frappe.db.commit()
	frappe.destroy()


@pytest.fixture
def admin_site(admin_site):
	"""As in all tests; most definitions of doctypes need not be read anew."""
	known_definitions.put_back(admin_site)
	yield admin_site


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
	"""Before fixtures clear the cache."""
	if admin_site := getattr(item, "funcargs", {}).get("admin_site"):
		known_definitions.note(admin_site)


@pytest.fixture
def site(admin_site):
	"""A site that holds no entitlement yet, with the admin site's own key to sign one for it."""
	admin_site.db.delete("Singles", {"doctype": PLAN_SETTINGS})
	site = SiteUnderTest(admin_site)
	site.take_entitlement_off()
	yield site
	admin_site.db.rollback()
	site.take_entitlement_off()


@pytest.fixture
def frappe(admin_site):
	"""The admin site, at the end as Administrator again."""
	yield admin_site
	admin_site.set_user("Administrator")


@pytest.fixture
def request_of_a_tenant(frappe, monkeypatch):
	"""frappe in a web request of a tenant's site on a developer's bench, where the framework writes what it can."""
	import buildpro_saas.tenant_site  # noqa: F401  # as any request does by its hooks

	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	monkeypatch.setitem(frappe.local.conf, "developer_mode", 1)
	environ = werkzeug.test.EnvironBuilder(path="/", method="POST").get_environ()
	frappe.local.request = werkzeug.wrappers.Request(environ)
	yield frappe
	del frappe.local.request
	frappe.db.rollback()


@pytest.fixture
def sent(monkeypatch):
	"""What is sent to the tenants' sites: (tenants or None for all, why) of each call."""
	from buildpro_saas.licensing import delivery

	calls = []
	monkeypatch.setattr(
		delivery, "send", lambda tenants, why: calls.append((None if tenants is None else set(tenants), why))
	)
	return calls


@pytest.fixture
def tests_allowed(site, monkeypatch):
	"""As on a developer's site in `bench run-tests`."""
	monkeypatch.setitem(site.frappe.local.conf, "allow_tests", 1)
	monkeypatch.setitem(site.frappe.flags, "in_test", True)


@pytest.fixture
def usage(site):
	"""tenant_site.usage, with nothing counted yet; what is committed is removed."""
	from buildpro_saas.tenant_site import usage

	_forget_usage(site.frappe, usage)
	yield usage
	site.frappe.db.rollback()
	_forget_usage(site.frappe, usage)


def _forget_usage(frappe, usage):
	usage._waiting.clear()
	frappe.cache.delete(f"buildpro_usage|{frappe.local.site}".encode())
	redis.Redis.delete(frappe.cache, f"buildpro_usage|{frappe.local.site}")
	for doctype in ("Feature Usage", "Limit Level", "Tenant Usage", "Tenant Limit Level"):
		frappe.db.delete(doctype)
	frappe.db.commit()


class SiteUnderTest:
	"""frappe, our modules and the tokens that tests ask for; imported late, for Frappe must know its site first."""

	def __init__(self, frappe):
		from buildpro_saas import feature_gating
		from buildpro_saas.tenant_site import entitlement, entitlement_in_force, onboarding

		self.frappe, self.gating, self.entitlement = frappe, feature_gating, entitlement
		self.onboarding = onboarding
		self.in_force = entitlement_in_force
		self._sequence = int(time.time())
		self.catalogue = CATALOGUE  # a test may put another in its place

	def update_config(self, values: dict) -> None:
		"""As our own code writes this site's site_config.json (None removes a key)."""
		from buildpro_saas.agent import site_config

		site_config.update_own(values)

	def collect_hooks(self) -> None:
		"""Have Frappe read the apps' hooks.py anew, as a process does that begins with other ones."""
		from buildpro_saas.tenant_site import declared_limits

		declared_limits.forget()
		self.frappe.cache.delete_value("app_hooks")
		if client_cache := getattr(self.frappe, "client_cache", None):
			client_cache.delete_value("app_hooks")
		local = self.frappe.local
		local.request_cache.clear()
		if hasattr(local, "doc_events_hooks"):
			del local.doc_events_hooks

	def token(
		self, key: dict | None = None, now: float | None = None, sequence: int | None = None, **changes
	) -> str:
		"""An entitlement to the plan Growth for this site, signed by its own key or by another.

		changes: "features", "limits" and "plan" of the plan in force, any of the layers' other kinds, or other data.
		"""
		from buildpro_saas.entitlements import catalogue, layers, statement

		plan = layers.single_plan(
			changes.pop("plan", "Growth"),
			changes.pop("features", ["rfi", "daily_log"]),
			changes.pop("limits", {"max_users": {"value": 25, "is_hard": True}}),
		)
		kinds = {
			kind: changes.pop(kind)
			for kind in ("plans", "addons", "overrides", "killed", "shadow")
			if kind in changes
		}
		data = {
			"tenant": "acme",
			"site": self.frappe.local.site,
			"layers": plan | kinds,
			"contact": "support@example.com",
		}
		if sequence is None:
			self._sequence += 1
		return statement.issue(
			key or self.frappe.conf.buildpro_signing_key,
			data | changes,
			valid_days=30,
			grace_days=7,
			sequence=self._sequence if sequence is None else sequence,
			catalogue_digest=catalogue.digest(self.catalogue),
			now=now,
		)

	def apply(self, **changes) -> str:
		"""Put an entitlement into force, and return its token."""
		token = self.token(**changes)
		self.in_force.apply_entitlement(token, self.catalogue, "Acme")
		return token

	def take_entitlement_off(self) -> None:
		"""Leave the site as one that never had an entitlement."""
		self.entitlement.remove()
		entitlement = self.entitlement
		keys = (entitlement.SEQUENCE_KEY, CLOCK_KEY, entitlement.LAST_KEY)
		self.update_config(dict.fromkeys(keys))

	def settings(self):
		"""Nexelya Plan Settings as the database has it."""
		return self.frappe.get_doc(PLAN_SETTINGS)

	def foreign_key(self) -> dict:
		from buildpro_saas.entitlements import keys

		return keys.generate()


class Drifting:
	"""The bench and its records, as a test bends them; everything made here has the token in its name."""

	def __init__(self, frappe, bench_path: Path):
		from buildpro_saas.fleet import reconciliation

		self.frappe, self.sites, self.reconciliation = frappe, bench_path / "sites", reconciliation
		self.token = frappe.generate_hash(length=10).lower()
		self.bench = frappe.get_all("Bench", {"is_local": 1}, pluck="name")[0]
		self.rows: list[tuple[str, str]] = []

	# -- on the bench --------------------------------------------------------------------------------------------

	def mark(self) -> str:
		return f"{self.frappe.local.site}/{secrets.token_hex(8)}"

	def site(self, mark: str | None, place: str = "", prefix: str = "", **config) -> str:
		"""A site's folder that has not changed for two hours; returns its path under sites/."""
		path = self.sites / place / f"{prefix}{self.token}.localhost"
		(path / "public").mkdir(parents=True)
		config = {**config, "buildpro_job": mark} if mark else config
		(path / "site_config.json").write_text(json.dumps(config))
		os.utime(path, times=(time.time() - HOURS,) * 2)
		return str(path.relative_to(self.sites))

	def draft(self, mark: str, *, has_config: bool) -> str:
		"""What a removal leaves that is killed halfway."""
		path = self.sites / f".{self.token}.localhost.{mark.rpartition('/')[2]}"
		path.mkdir()
		if has_config:
			(path / "site_config.json").write_text(json.dumps({"buildpro_job": mark}))
		os.utime(path, times=(time.time() - HOURS,) * 2)
		return path.name

	def server(self):
		from buildpro_saas.agent import account
		from buildpro_saas.agent.bench import Bench
		from buildpro_saas.agent.databases import server

		return server(account.read(Bench.here()))

	def database(self, mark: str, *, has_user: bool = True, has_tables: bool = False) -> str:
		name = f"_{self.token}_{self.frappe.generate_hash(length=6).lower()}"
		with self.server() as mariadb:
			mariadb.create(name, PASSWORD, mark) if has_user else mariadb.create_database(name, mark)
			if has_tables:
				mariadb.db.sql(f"create table `{name}`.`tabSingles` (`value` text)")
		return name

	def user(self, prefix: str = "_") -> str:
		"""A database user whose database somebody dropped."""
		name = f"{prefix}{self.token}" if prefix == "_" else f"{prefix}{self.token}_db"
		with self.server() as mariadb:
			mariadb.create(name, PASSWORD, self.mark())
			mariadb.db.sql(f"drop database `{name}`")
		return name

	def has(self, subject: str) -> bool:
		"""Whether a folder, database or database user of that name is there."""
		with self.server() as mariadb:
			return (
				os.path.lexists(self.sites / subject)
				or mariadb.has_database(subject)
				or mariadb.has_user(subject)
			)

	# -- on record -----------------------------------------------------------------------------------------------

	def record(self, doctype: str, **values) -> str:
		"""A row as it is, without what inserting would start."""
		of_bench = {"bench": self.bench} if self.frappe.get_meta(doctype).has_field("bench") else {}
		doc = self.frappe.get_doc({"doctype": doctype, **of_bench, **values})
		doc.name = values.get("name") or f"{self.token}-{self.frappe.generate_hash(length=6).lower()}"
		doc.db_insert()
		self.rows.append((doctype, doc.name))
		self.frappe.db.commit()
		return doc.name

	def job(self, mark: str, status: str, state: dict | None = None, database: str | None = None) -> str:
		return self.record(
			"Provisioning Job",
			title="Test",
			playbook="test",
			status=status,
			mark=mark,
			database=database,
			state=json.dumps(state or {}),
		)

	def tenant(self, status: str, site: str, database: str | None, **values) -> str:
		"""A tenant's row; its site, where there is one that is nobody's, is set up as its own."""
		name = self._tenant(status, site, database, **values)
		path = self.sites / site / "site_config.json"
		if path.exists() and not (config := json.loads(path.read_text())).get("buildpro_tenant"):
			path.write_text(json.dumps({**config, "buildpro_tenant": name}))
		return name

	def _tenant(self, status: str, site: str, database: str | None, **values) -> str:
		return self.record(
			"Tenant",
			subdomain=self.token,
			status=status,
			site=site,
			database=database,
			company="Acme",
			owner_name="Olga",
			owner_email="olga@acme.example",
			plan="Core",
			**values,
		)

	def copies(self, mark: str, database: str) -> tuple[str, str]:
		"""A ready image and a ready standby site of it, without their folders."""
		image = self.record("Site Image", kind=self.token, status="Ready", database=database, mark=mark)
		standby = self.record(
			"Standby Site", image=image, kind=self.token, status="Ready", database=database, mark=mark
		)
		return image, standby

	# -- what is found -------------------------------------------------------------------------------------------

	def compare(self, *subjects: str) -> list:
		"""The open findings about the subjects (about everything made here without), after a comparison."""
		self.frappe.db.commit()
		found = self.reconciliation.compare(self.bench)
		return [row for row in found if (row.subject in subjects if subjects else self.token in row.subject)]

	def mend(self) -> None:
		"""What the scheduler does."""
		self.frappe.db.commit()
		self.reconciliation.compare_benches()
		self.frappe.db.commit()

	def seen_long_ago(self) -> None:
		"""All that is found now was first found two hours ago."""
		for row in self.compare():
			long_ago = self.frappe.utils.add_to_date(row.first_found, seconds=-HOURS)
			self.frappe.db.set_value("Drift Finding", row.name, "first_found", long_ago)
		self.frappe.db.commit()

	def status(self, subject: str) -> str | None:
		"""That of the newest finding about the subject."""
		self.frappe.db.commit()
		return self.frappe.db.get_value(
			"Drift Finding", {"subject": subject}, "status", order_by="creation desc, name desc"
		)

	def clean_up(self) -> None:
		self.frappe.db.rollback()
		from buildpro_saas.fleet import bench_trash

		for entry in bench_trash.entries():
			if self.token in entry.subject:
				bench_trash.remove(entry.name)
		for place in ("", f"{HIDDEN}/images", f"{HIDDEN}/standby"):
			for path in (self.sites / place).glob(f"*{self.token}*"):
				shutil.rmtree(path)
		with self.server() as mariadb:
			ours = [name for name in mariadb.names() | mariadb.users() if self.token in name]
			for name in ours:
				mariadb.db.sql(f"drop database if exists `{name}`")
				mariadb.db.sql(f"drop user if exists {mariadb._user(name)}")
		for doctype, name in self.rows:
			self.frappe.db.delete(doctype, {"name": name})
		for name in self.frappe.get_all(
			"Drift Finding", {"subject": ("like", f"%{self.token}%")}, pluck="name"
		):
			self.frappe.db.delete("Version", {"ref_doctype": "Drift Finding", "docname": name})
			self.frappe.db.delete("Drift Finding", {"name": name})
		self.frappe.db.commit()


@pytest.fixture
def engine(admin_site):
	with engine_of(admin_site) as engine:
		yield engine


@pytest.fixture
def own_bench(engine):
	with bench_of(engine.frappe) as bench:
		yield bench


@pytest.fixture
def drifting(admin_site, bench_path):
	drifting = Drifting(admin_site, bench_path)
	yield drifting
	drifting.clean_up()


@pytest.fixture
def bench_record(frappe):
	"""The name of the record of the bench that the tests run on."""
	return frappe.db.get_value("Bench", {"is_local": 1})


@pytest.fixture
def series(frappe):
	"""monitoring.series, with nothing kept; at the end as it was."""
	from buildpro_saas.monitoring import series

	frappe.db.delete(series.SERIES)
	yield series
	frappe.db.rollback()
