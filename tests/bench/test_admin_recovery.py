"""The admin site is gone: docs/admin-site-gone.md brings it back, line by line, and nothing else of the bench is harmed."""

import json
import os
import re
import secrets
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import requests
from s3_server import ACCESS, SECRET, S3Server

from dev.service_list import bench_environment, frappe_command

PAGE = Path(__file__).parents[2] / "docs/admin-site-gone.md"
KEY_FILE, SITE_OF_TENANT = "/media/usb/recovery-key.txt", "acme.example.com"
SECONDS = 300
ON_BENCH = ("Tenant", "Site Folder", "Database", "Database User")


class Runbook:
	"""The page's lines, run in a shell in the bench's folder as they are printed; only its examples get the test's names."""

	def __init__(self, bench, admin: str, folder: Path, section: str = "What to do"):
		self.bench, self.names = bench, {"ADMIN": admin, KEY_FILE: str(folder / "recovery-key.txt")}
		steps = PAGE.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
		whole = re.sub(r"\\\n\s*", "", steps)  # a line that goes on in the next one
		self.lines = [line.strip() for line in re.findall(r"^ {7}(\S.*)$", whole, re.MULTILINE)]
		self.folder = folder / "bin"
		self.folder.mkdir()
		shim = self.folder / "bench"
		# what the bench command itself executes
		command = " ".join(frappe_command(bench.path))
		shim.write_text(f'#!/bin/sh\ncd "{bench.path}/sites" && exec {command} "$@"\n')
		shim.chmod(shim.stat().st_mode | stat.S_IXUSR)

	def next(self, begins: str) -> str:
		"""Run the next line, which begins so; returns what it printed."""
		line = self.lines.pop(0)
		assert line.startswith(begins), f"the page says {line!r}, and the test expects {begins!r}"
		ran = self.run(line)
		assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
		return ran.stdout

	def run(self, line: str, **more: str) -> subprocess.CompletedProcess:
		with self.started(line, **more) as process:
			out, error = process.communicate(timeout=SECONDS)
		return subprocess.CompletedProcess(line, process.returncode, out, error)

	def started(self, line: str, **more: str) -> subprocess.Popen:
		"""The line as it runs. more: added to its environment."""
		for name, own in self.names.items():
			line = line.replace(name, own)
		environment = bench_environment(self.bench.services.home, self.bench.path)
		return subprocess.Popen(
			["bash", "-c", line],
			cwd=self.bench.path,
			env={**environment, "PATH": f"{self.folder}:{environment['PATH']}", **more},
			stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE,
			stderr=subprocess.PIPE,
			text=True,
			start_new_session=True,
		)


class AdminSite:
	"""The admin site of the bench, which is taken away, and put back as it was when the test ends."""

	def __init__(self, bench, aside: Path):
		self.bench, self.frappe = bench, bench.frappe
		self.name = bench.frappe.local.site
		self.folder, self.aside = bench.path / "sites" / self.name, aside
		self.database = bench.frappe.conf.db_name

	def config(self) -> dict:
		return json.loads((self.folder / "site_config.json").read_text())

	def connect(self) -> None:
		self._init()
		self.frappe.connect()
		self.frappe.flags.mute_messages = True

	def _init(self) -> None:
		self.frappe.destroy()
		self.frappe.init(site=self.name, sites_path=".")

	def destroy(self) -> None:
		"""Nobody reaches its database any more. Its folder is left for the runbook's first step, without its configuration."""
		self.frappe.db.rollback()
		self._lock("lock")
		self.frappe.destroy()
		shutil.copytree(self.folder, self.aside, symlinks=True)
		(self.folder / "site_config.json").unlink()

	def put_back(self) -> None:
		if self.aside.exists():
			shutil.rmtree(self.folder, ignore_errors=True)
			os.rename(self.aside, self.folder)
		shutil.rmtree(self.bench.path / "gone", ignore_errors=True)
		self._init()
		self._lock("unlock")
		self.connect()

	def _lock(self, how: str) -> None:
		with self.bench.root() as cursor:
			for host in hosts(self.bench, self.database):
				cursor.execute(f"alter user `{self.database}`@`{host}` account {how}")


def hosts(bench, user: str) -> list[str]:
	with bench.root() as cursor:
		cursor.execute("select Host from mysql.user where User = %s", (user,))
		return [host for (host,) in cursor.fetchall()]


def drop(bench, database: str) -> None:
	with bench.root() as cursor:
		for host in hosts(bench, database):
			cursor.execute(f"drop user `{database}`@`{host}`")
		cursor.execute(f"drop database if exists `{database}`")


@pytest.fixture
def s3(module_bench):
	"""A server to which backups are copied. Asked for before `admin`, so that the settings of the site that is put back are as before."""
	frappe, server = module_bench.frappe, S3Server()

	def save(**values) -> None:
		frappe.get_doc("SaaS Settings").update(values).save(ignore_permissions=True)
		frappe.db.commit()

	save(**server.settings(prefix=secrets.token_hex(4)))
	yield server
	save(offsite_kind="")
	server.close()


@pytest.fixture
def admin(module_bench, tmp_path):
	"""The admin site, with a recovery key in the runbook's file."""
	from buildpro_saas.fleet import backup_keys

	frappe = module_bench.frappe
	before = backup_keys.recipient()
	recipient, secret = backup_keys.make_recovery_key()
	backup_keys.set_recipient(recipient)
	frappe.db.commit()
	(tmp_path / "recovery-key.txt").write_text(f"# public key: {recipient}\n{secret}\n")
	site = AdminSite(module_bench, tmp_path / "aside")
	yield site
	made = site.config().get("db_name") if (site.folder / "site_config.json").exists() else None
	site.put_back()
	if made and made != site.database:
		drop(module_bench, made)
	for store in frappe.get_all("Backup Store", {"tenant": ("is", "not set")}, pluck="store_id"):
		shutil.rmtree(module_bench.path / "backups" / store, ignore_errors=True)
		for path in (module_bench.path / "backups").glob(f"{store}.*"):
			path.unlink()
	for doctype in ("Backup", "Backup Store"):
		frappe.db.delete(doctype, {"tenant": ("is", "not set")})
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()


def own(admin: AdminSite) -> list:
	"""Its own backups, by their records; the oldest first."""
	admin.frappe.db.commit()
	return admin.frappe.get_all("Backup", {"kind": "Admin Site"}, "*", order_by="creation")


def config_of(bench, site: str) -> dict:
	return json.loads((bench.path / "sites" / site / "site_config.json").read_text())


def killed_in_the_middle(runbook: Runbook, bench) -> None:
	"""The recovery is killed as it loads: the site is not there, and the next try begins anew."""
	shadows = bench.path / "sites/.buildpro/shadows"
	before = set(shadows.glob("*"))
	line = next(line for line in runbook.lines if "recover-admin-site" in line)
	with runbook.started(line) as process:
		bench.wait_for(lambda: set(shadows.glob("*")) - before or process.poll() is not None, SECONDS)
		assert process.poll() is None, process.communicate()
		os.killpg(process.pid, 9)


def refused(runbook: Runbook, line: str, why: str, **more: str) -> None:
	ran = runbook.run(line, **more)
	assert ran.returncode == 1 and why in ran.stderr, ran.stdout + ran.stderr


def settled(bench) -> None:
	"""Wait until no job is under way; the scheduler looks after those that were lost."""

	def is_settled() -> bool:
		bench.look_after()
		unfinished = {"status": ("in", ("Waiting", "Queued", "Running"))}
		return not bench.frappe.get_all("Provisioning Job", unfinished)

	bench.wait_for(is_settled, SECONDS)


def test_the_runbook_line_by_line(module_bench, admin, tmp_path):
	bench, frappe, runbook = module_bench, admin.frappe, Runbook(module_bench, admin.name, tmp_path)
	early = bench.active_tenant()
	taken = runbook.run("bench --site ADMIN saas backup-admin --why 'before it' --wait")
	assert taken.returncode == 0, taken.stdout + taken.stderr
	(first,) = own(admin)
	assert (first.status, first.tenant, first.verified_how) == ("Kept", None, "Read Again")
	late = bench.active_tenant()
	runbook.names[SITE_OF_TENANT] = late.site
	frappe.get_doc("Tenant", early.name).mark_past_due("an invoice")
	frappe.db.commit()
	settled(bench)
	standby = frappe.db.get_value("Standby Site", bench.standby_site("Core"), "database")
	kept, secret = admin.config(), frappe.get_doc("Backup Store", first.store).get_password("key")
	numbers = {each.site: config_of(bench, each.site)["buildpro_sequence"] for each in (early, late)}
	before = bench.everything()

	admin.destroy()
	assert "sites/ADMIN" in runbook.lines[1]
	runbook.next("mkdir")
	runbook.next("test")
	assert not admin.folder.exists()
	(tmp_path / "another.txt").write_text("AGE-SECRET-KEY-1QQQQ")
	recover = "bench saas recover-admin-site --recovery-key-file"
	refused(runbook, f"{recover} {tmp_path}/another.txt", "does not open it")
	killed_in_the_middle(runbook, bench)
	told = runbook.next("bench saas recover-admin-site")
	assert admin.name in told
	admin.connect()

	# its own configuration is back, and nothing else has come or gone
	now = admin.config()
	moved = {"db_name", "db_password", "maintenance_mode", "pause_scheduler"}
	assert {key: now[key] for key in now if key not in moved | {"db_type"}} == {
		key: kept[key] for key in kept if key not in moved | {"db_type", "db_host", "db_port"}
	}
	after = bench.everything()
	assert {each: after[each] - before[each] for each in after} == {
		"databases": {now["db_name"]},
		"users": {now["db_name"]},
		"folders": set(),
	}
	assert not any(before[each] - after[each] for each in before)
	refused(runbook, f"{recover} {KEY_FILE}", "has the admin site")
	assert frappe.get_doc("Backup Store", first.store).get_password("key") == secret

	# the records are those of the backup; its own says what became of it, and is not taken anew
	assert early.name in runbook.next("bench --site ADMIN saas tenants")
	assert first.name in runbook.next("bench --site ADMIN saas admin-backups")
	settled(bench)
	(again,) = own(admin)
	assert (again.status, again.backup_id) == ("Kept", first.backup_id)
	assert abs((again.taken_at - first.taken_at).total_seconds()) < 60
	assert not frappe.db.exists("Tenant", late.name)

	assert late.site in runbook.next("bench --site ADMIN saas drift")
	runbook.next("bench --site ADMIN saas adopt")
	assert bench.wait_job(late.name).status == "Completed", bench.describe(late.name)
	runbook.next("bench --site ADMIN execute")
	settled(bench)

	# entitlements go on: each site has taken a newer statement than it ever had, and asks with its token
	for tenant in (early, late):
		number = config_of(bench, tenant.site)["buildpro_sequence"]
		assert (
			number > numbers[tenant.site] and frappe.get_doc("Tenant", tenant.name).is_entitlement_current()
		)
		pulled = runbook.run(f"bench --site {tenant.site} saas pull")
		assert pulled.returncode == 0 and "Nothing new" in pulled.stdout, pulled.stdout + pulled.stderr
	# drift is clean, but for the standby site that no record knows, and which is still there, and what was the site's database
	from buildpro_saas.fleet import reconciliation

	found = reconciliation.compare(frappe.db.get_value("Bench", {"is_local": 1}))
	left = {row.subject: row.what for row in found if standby not in row.subject}
	assert left.keys() <= {admin.database}, left
	assert (bench.path / "sites/.buildpro/standby" / standby).exists()

	runbook.next("bench --site ADMIN saas check-backups ADMIN --wait")
	assert "No check has found unknown" in runbook.next(
		"bench --site ADMIN saas check-backups ADMIN --take-in"
	)
	runbook.next("bench --site ADMIN saas backup-admin")
	assert not runbook.lines, "the page says more than the test does"
	assert [(row.status, row.store) for row in own(admin)] == [("Kept", first.store)] * 2


@pytest.fixture
def acme(module_bench, s3):
	"""A tenant that is lost and made anew meanwhile. Asked for before `admin`: the site that is put back does not know what was made."""
	from buildpro_saas.agent import door

	bench, frappe = module_bench, module_bench.frappe
	tenant = bench.active_tenant()
	yield tenant
	site = bench.path / "sites" / tenant.site / "site_config.json"
	made = json.loads(site.read_text())["db_name"] if site.exists() else tenant.database
	drop(bench, made)
	for store in frappe.get_all("Backup Store", {"tenant": tenant.name}, pluck="store_id"):
		door.here().do("remove_store", folder="", store=store)
	for doctype in ("Backup", "Backup Store", "Site Shadow"):
		frappe.db.delete(doctype, {"tenant": tenant.name})
	frappe.db.commit()


def back_up(bench, tenant, title: str) -> None:
	"""A backup of the tenant with one more note in it."""
	bench.on_site(tenant.name, "on_tenant_notes.write", title=title)
	bench.frappe.get_doc("Tenant", tenant.name).back_up()
	bench.frappe.db.commit()
	assert bench.wait_job(tenant.name).status == "Completed", bench.describe(tenant.name)


def lose_all(bench, admin, tenant) -> None:
	"""The machine: the admin site, all stores, the tenant's folder and database."""
	for store in admin.frappe.get_all("Backup Store", pluck="store_id"):
		for path in (bench.path / "backups").glob(f"{store}*"):
			shutil.rmtree(path) if path.is_dir() else path.unlink()
	drop(bench, tenant.database)
	shutil.rmtree(bench.path / "sites" / tenant.site)
	admin.destroy()
	shutil.rmtree(admin.folder)


def number_of_newest_job(frappe) -> int:
	frappe.db.commit()
	return max(int(name.rpartition("-")[2]) for name in frappe.get_all("Provisioning Job", pluck="name"))


def check_drills(runbook: Runbook, admin: AdminSite) -> None:
	"""A drill that would compare nothing fails, and bars pruning; one of the whole backup proves it, and leaves nothing."""
	from buildpro_saas.fleet import admin_drill, backups

	frappe, bench = admin.frappe, admin.bench
	(backup,) = own(admin)
	before = bench.everything()

	def drill():
		frappe.db.commit()
		done = runbook.run("bench --site ADMIN saas drill-admin --wait")
		frappe.db.commit()
		return done

	frappe.db.set_value("Backup", backup.name, "manifest", "")
	failed = drill()
	assert failed.returncode == 1 and "has no manifest" in failed.stderr, failed.stdout + failed.stderr
	assert "has no manifest" in admin_drill.complaint() and backups.is_kept_by_drill(None)
	frappe.db.set_value("Backup", backup.name, "manifest", backup.manifest)
	passed = drill()
	assert passed.returncode == 0, passed.stdout + passed.stderr
	assert f"{backup.name} is good" in passed.stdout and "as in its manifest" in passed.stdout
	assert admin_drill.complaint() is None and not backups.is_kept_by_drill(None)
	assert admin_drill.last_passed() and bench.everything() == before


def test_the_machine_is_lost(module_bench, s3, acme, admin, tmp_path):
	"""The bucket alone brings the admin site back, then the tenant, with what is newer there than the admin site's own backup."""
	bench, frappe = module_bench, admin.frappe
	runbook = Runbook(bench, admin.name, tmp_path, "From the bucket alone")
	prefix = frappe.db.get_single_value("SaaS Settings", "offsite_prefix")
	runbook.names |= {
		"https://s3.example.com": s3.url,
		"eu-central-1": "us-east-1",
		"--prefix saas": f"--prefix {prefix}",
	}
	runbook.names["/media/usb/bucket-keys.txt"] = str(tmp_path / "bucket-keys.txt")
	(tmp_path / "bucket-keys.txt").write_text(f"{ACCESS}\n{SECRET}\n")
	back_up(bench, acme, "early")
	done = runbook.run("bench --site ADMIN saas backup-admin --wait")
	assert done.returncode == 0, done.stdout + done.stderr
	check_drills(runbook, admin)
	done = runbook.run("bench --site ADMIN saas copy-offsite ADMIN --wait")
	assert done.returncode == 0, done.stdout + done.stderr
	(first,) = own(admin)
	assert (first.place, first.verified_how) == ("Local and Offsite", "Restored") and first.recover_seconds
	kept, store_id = admin.config(), frappe.db.get_value("Backup Store", first.store, "store_id")
	assert f"{prefix}/{store_id}.site" in s3.keys()
	# of this the admin site's backup knows nothing
	back_up(bench, acme, "late")
	done = runbook.run(f"bench --site ADMIN saas copy-offsite {acme.name} --wait")
	assert done.returncode == 0, done.stdout + done.stderr
	settled(bench)
	last, number = number_of_newest_job(frappe), config_of(bench, acme.site)["buildpro_sequence"]
	before = {key for key in s3.keys() if "/locks/" not in key}

	lose_all(bench, admin, acme)
	del s3.requests[:]
	recover = runbook.lines[0]
	assert recover.startswith("bench saas recover-admin-site --bucket")
	strange = {"AWS_ACCESS_KEY_ID": "AKIANOBODY", "AWS_SECRET_ACCESS_KEY": SECRET}
	from_environment = re.sub(r"--bucket-keys-file \S+", "", recover)
	refused(runbook, from_environment, "does not know the access key", **strange)
	refused(
		runbook, recover.replace("--prefix saas", "--prefix other"), "There is no store of an admin site in"
	)
	told = runbook.next("bench saas recover-admin-site --bucket")
	assert admin.name in told and SECRET not in told
	assert {method for method, _path in s3.requests} <= {"GET", "HEAD"}
	admin.connect()
	assert admin.config()["buildpro_signing_key"] == kept["buildpro_signing_key"]

	runbook.next("bench --site ADMIN saas check-backups --all --wait")
	settled(bench)
	assert number_of_newest_job(frappe) > last  # no job gets a name that one had
	(again,) = own(admin)
	assert (again.status, again.place, again.backup_id) == ("Kept", "Offsite", first.backup_id)
	assert not runbook.lines, "the page says more than the test does"

	bring_back(bench, admin, acme, tmp_path)
	assert bench.on_site(acme.name, "on_tenant_notes.titles") == ["early", "late"]
	answer = requests.get(
		f"http://127.0.0.1:{bench.services.port('web')}/api/method/ping",
		headers={"Host": acme.site},
		timeout=SECONDS,
	)
	assert (answer.status_code, answer.json()) == (200, {"message": "pong"})
	# entitlements go on, drift is clean but for what was the admin site's database, and nothing has gone from the bucket
	assert config_of(bench, acme.site)["buildpro_sequence"] > number
	assert frappe.get_doc("Tenant", acme.name).is_entitlement_current()
	pulled = runbook.run(f"bench --site {acme.site} saas pull")
	assert pulled.returncode == 0 and "Nothing new" in pulled.stdout, pulled.stdout + pulled.stderr
	from buildpro_saas.fleet import reconciliation

	found = reconciliation.compare(frappe.db.get_value("Bench", {"is_local": 1}))
	left = {row.subject: row.what for row in found if row.kind in ON_BENCH}
	assert left.keys() <= {admin.database}, left
	assert before <= s3.keys()

	done = runbook.run("bench --site ADMIN saas backup-admin --wait")
	assert done.returncode == 0, done.stdout + done.stderr
	assert [row.status for row in own(admin)] == ["Kept", "Kept"] and (
		bench.path / "backups" / store_id
	).exists()


def bring_back(bench, admin, tenant, tmp_path) -> None:
	"""The page's lines for tenants whose sites are lost; those for other benches and single tenants are only seen to be there."""
	(tmp_path / "machine").mkdir()
	runbook = Runbook(bench, admin.name, tmp_path / "machine", "The machine is gone")
	runbook.names["acme"] = tenant.name
	for line in ("doctor", "add-bench"):
		assert f" saas {line}" in runbook.lines.pop(0)
	taken_in = runbook.next("bench --site ADMIN saas check-backups --all --take-in --wait")
	assert "On record now" in taken_in
	admin.frappe.db.commit()  # to read what holds now
	newest = admin.frappe.get_all("Backup", {"tenant": tenant.name}, pluck="name", order_by="taken_at desc")[
		0
	]
	told = runbook.next("bench --site ADMIN saas restore-lost --all")
	assert f"{tenant.name}: Completed. Made anew from {newest}." in told, told
	assert " saas restore acme --backup" in runbook.lines.pop(0)
	settled(bench)
