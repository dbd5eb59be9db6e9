"""`saas refresh`: an app whose origin has something new, first a patch that fails on a canary's copy, then a good one; killed workers, the scripts."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from site_of_tenant import config

SECONDS = 600
MINUTE = 2  # seconds that pass for one
APP = "refresh_demo"
PATCH = f"{APP}.patches.one"
FILES = {
	"pyproject.toml": f'[project]\nname = "{APP}"\nversion = "0.0.1"\n',
	f"{APP}/__init__.py": '__version__ = "0.0.1"\n',
	f"{APP}/hooks.py": f'app_name = "{APP}"\napp_title = "Refresh Demo"\napp_publisher = "a test"\n'
	'app_description = "An app of a test"\napp_email = "test@example.com"\napp_license = "MIT"\n',
	f"{APP}/modules.txt": "Refresh Demo\n",
	f"{APP}/patches.txt": "",
	f"{APP}/patches/__init__.py": "",
	f"{APP}/{APP}/__init__.py": "",
}
FAILS = 'def execute():\n\traise ValueError("the fourth invoice has no date")\n'
GOES_WELL = 'import frappe\n\n\ndef execute():\n\tfrappe.db.set_default("refreshed", "yes")\n'
# What restarts the workers, as supervisor would: they end, with what they have started, and come again. First the one that began this has
# to be gone, for its family would be ended with it.
RESTART = """
import os, sys
sys.path.insert(0, {repository!r})
os.environ.update({environment!r})
from dev.services import Services
services = Services.from_environment()
while os.getpid() in services.children("worker"):
	pass
for name in ("worker", "provisioning"):
	services.kill(name)
	services.start(name)
for name in ("worker", "provisioning"):
	services.wait_ready(name)
"""


def git(folder, *words: str) -> str:
	identity = ("-c", "user.name=a test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
	environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
	done = subprocess.run(
		["git", *identity, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
	)
	return done.stdout.strip()


def commit(origin, files: dict[str, str]) -> str:
	for name, text in files.items():
		(origin / name).parent.mkdir(parents=True, exist_ok=True)
		(origin / name).write_text(text)
	git(origin, "add", ".")
	git(origin, "commit", "--quiet", "-m", f"Change {', '.join(files)}"[:60])
	return git(origin, "rev-parse", "HEAD")


def restart(services) -> None:
	for name in ("web", "worker", "provisioning"):
		services.kill(name)
		services.start(name)
	for name in ("web", "worker", "provisioning"):
		services.wait_ready(name)


@pytest.fixture(scope="module")
def app(module_bench, tmp_path_factory):
	"""An app of the bench whose origin is a repository of this module; it may be pulled, built and restarted. {"origin", "checkout", "built"}."""
	place, bench = tmp_path_factory.mktemp("refresh"), module_bench.path
	origin, checkout = place / "origin", bench / "apps" / APP
	origin.mkdir()
	git(origin, "init", "--quiet", "--initial-branch=main")
	commit(origin, FILES)
	git(place, "clone", "--quiet", os.fspath(origin), os.fspath(checkout))
	script, built, rights = place / "restart.py", place / "built", bench / "config/buildpro_refresh.json"
	environment = {key: os.environ[key] for key in ("BUILDPRO_HOME", "BUILDPRO_BENCH") if key in os.environ}
	repository = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
	script.write_text(RESTART.format(repository=repository, environment=environment))
	(pth,) = (bench / "env/lib").glob("python3*/site-packages")
	pth = pth / f"{APP}.pth"
	pth.write_text(f"{checkout}\n")
	sys.path.append(os.fspath(checkout))
	apps = bench / "sites/apps.txt"
	before = apps.read_text()
	apps.write_text(f"{before.rstrip()}\n{APP}\n")
	restart(module_bench.services)
	from buildpro_saas.fleet import benches

	name = module_bench.frappe.db.get_value("Bench", {"is_local": 1})
	# nothing but this app: the others' origins are not the test's
	benches.let_refresh(name, True, [APP], f"touch {built}", f"{sys.executable} {script}")
	yield SimpleNamespace(origin=origin, checkout=checkout, built=built, bench=name)
	module_bench.clean_up()
	module_bench.tenants.clear()
	sys.path.remove(os.fspath(checkout))
	for path in (pth, rights):
		path.unlink()
	apps.write_text(before)
	subprocess.run(["rm", "-r", os.fspath(checkout)], check=True)
	restart(module_bench.services)


@pytest.fixture(scope="module")
def acme(module_bench, app):
	"""A tenant whose site has the app, and a recovery key."""
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import backup_keys

	frappe, before = module_bench.frappe, backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	frappe.db.commit()
	tenant = module_bench.active_tenant()
	followed = {"timeout": SECONDS, "log": print, "checkpoint": lambda: None}
	install = "buildpro_saas.agent.installer.install_app"
	door.here().site(tenant.site).run(install, id=f"install/{tenant.name}", **followed, app=APP)
	yield tenant
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()


def looked_after(bench, is_met):
	"""The same question, while the scheduler's minutes go by quickly."""
	looked = 0.0

	def ask():
		nonlocal looked
		if time.monotonic() > looked + MINUTE:
			bench.look_after()
			looked = time.monotonic()
		return is_met()

	return ask


def ended(bench, job: str):
	bench.wait_for(looked_after(bench, lambda: bench.has_ended(job)), SECONDS, lambda: told(bench, job))
	return bench.frappe.get_doc("Provisioning Job", job)


def told(bench, job: str) -> str:
	steps = bench.frappe.get_doc("Provisioning Job", job).steps
	return "\n".join(f"{step.title}: {step.status}\n{step.output or ''}" for step in steps)


def test_a_patch_that_fails_on_a_copy_halts_it_and_a_good_one_reaches_all(module_bench, app, acme):
	from buildpro_saas.fleet import refreshes

	bench, frappe = module_bench, module_bench.frappe
	old = git(app.checkout, "rev-parse", "HEAD")
	patch = {f"{APP}/patches.txt": f"{PATCH}\n", f"{APP}/patches/one.py": FAILS}
	bad, database = commit(app.origin, patch), config(bench, acme)["db_name"]
	worker = bench.services.pid("worker")
	job = refreshes.start(app.bench, by="a test").name
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError, match=f"{job} refreshes"):
		refreshes.start(app.bench, by="a test")

	halted = ended(bench, job)
	assert halted.status == "Failed", told(bench, job)
	assert f"The patch {PATCH} failed: ValueError: the fourth invoice has no date" in halted.error
	assert "The apps are back as they were, and no site was touched." in halted.error
	assert git(app.checkout, "rev-parse", "HEAD") == old != bad
	assert config(bench, acme)["db_name"] == database and not app.built.exists()
	assert bench.services.pid("worker") == worker
	assert frappe.db.count("Backup", {"tenant": acme.name, "status": "Kept"}) == 1

	good = commit(app.origin, {f"{APP}/patches/one.py": GOES_WELL})
	frappe.get_doc("Provisioning Job", job).retry()
	frappe.db.commit()
	done = ended(bench, job)
	assert done.status == "Completed", told(bench, job)
	assert git(app.checkout, "rev-parse", "HEAD") == good and app.built.exists()
	assert bench.services.pid("worker") != worker  # which the job has survived
	assert bench.on_site(acme.name, "frappe.defaults.get_global_default", key="refreshed") == "yes"
	state = frappe.parse_json(done.state)
	assert acme.name in state["canaries"] and f"{APP} {old[:9]} → {good[:9]}" in state["report"][0]
	assert frappe.db.count("Backup", {"tenant": acme.name, "status": "Kept"}) == 2
	assert frappe.db.get_value("Tenant", acme.name, "rehearsal_says").startswith("Migrated: 1 patches")


def test_the_scripts_of_the_guide_work_as_they_stand(module_bench, app, acme):
	bench = module_bench
	environment = {**bench.services.environment, "BUILDPRO_ADMIN_SITE": bench.frappe.local.site}
	repository = bench.path / "apps/buildpro_saas"

	def run(*words: str) -> subprocess.Popen:
		return subprocess.Popen(
			words,
			cwd=bench.path,
			env=environment,
			stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			text=True,
		)

	refreshing = run(f"{repository}/refresh.sh", "--site", acme.site)
	bench.wait_for(looked_after(bench, lambda: refreshing.poll() is not None), SECONDS)
	said = refreshing.communicate()[0]
	assert refreshing.returncode == 0 and "Backups: 1. Canaries: " in said, said
	info = run(f"{repository}/saas_admin.sh", "site-info", acme.site)
	said = info.communicate()[0]
	assert info.returncode == 0 and acme.site in said and "Last backup" in said and APP in said, said
	for word, told in (("health", "Sites answer under their names"), ("full", "What is due to go:")):
		looked = run(f"{repository}/saas_admin.sh", word)
		said = looked.communicate()[0]
		assert told in said and "Traceback" not in said and looked.returncode in (0, 1, 2), said
	wrong = run(f"{repository}/refresh.sh", "--site", "nobody.example.com")
	assert "No tenant has the site nobody.example.com" in wrong.communicate()[0] and wrong.returncode == 1
	assert "health, metrics" in run(f"{repository}/saas_admin.sh", "what").communicate()[0]
