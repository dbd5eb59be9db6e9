"""Export of all data from Your Plan: who gets it, what is in it, how often, for how long, and what fails."""

import gzip
import io
import json
import tarfile

import pytest
import requests
from site_of_tenant import folder

SECONDS = 120
METHOD = "/api/method/buildpro_saas.tenant_site.data_export"


class Site:
	"""A tenant's site as a user of it reaches it over HTTP."""

	def __init__(self, bench, site: str, key: str | None = None):
		self.base = f"http://127.0.0.1:{bench.services.port('web')}"
		self.headers = {"Host": site, "Accept": "application/json"}
		if key:
			self.headers["Authorization"] = f"token {key}"

	def get(self, path: str) -> requests.Response:
		return requests.get(f"{self.base}{path}", headers=self.headers, timeout=SECONDS)

	def ask(self) -> requests.Response:
		return requests.post(f"{self.base}{METHOD}.ask", headers=self.headers, timeout=SECONDS)

	def shown(self) -> dict:
		answer = self.get(f"{METHOD}.progress")
		assert answer.status_code == 200, answer.text
		return answer.json().get("message")


@pytest.fixture(scope="module")
def acme(module_bench):
	"""A tenant with a note, and a recovery key."""
	from buildpro_saas.fleet import backup_keys

	frappe = module_bench.frappe
	before = backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	frappe.db.commit()
	tenant = module_bench.active_tenant()
	module_bench.on_site(tenant.name, "on_tenant_notes.write", title="to take along")
	yield tenant
	for store in frappe.get_all("Backup Store", {"tenant": tenant.name}, pluck="name"):
		backup_keys.destroy(tenant.name)
		frappe.db.commit()
		from buildpro_saas.fleet import backup_schedule

		backup_schedule.remove_destroyed_stores()
		assert frappe.db.get_value("Backup Store", store, "is_removed")
	for doctype in ("Backup", "Backup Store"):
		frappe.db.delete(doctype, {"tenant": tenant.name})
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()


def settle(bench) -> None:
	def is_settled() -> bool:
		bench.frappe.db.commit()
		unfinished = {"status": ("in", ("Waiting", "Queued", "Running"))}
		return not bench.frappe.get_all("Provisioning Job", unfinished)

	bench.wait_for(is_settled, SECONDS)


def allow(bench, tenant, number: int) -> None:
	"""As a plan with that limit, or an override, does."""
	row = {"kind": "Limit", "limit_key": "exports_per_day", "value": number, "is_hard": 1, "reason": "x"}
	with bench.edited("Tenant", tenant.name) as doc:
		doc.set("overrides", [row])
	settle(bench)


def begun(bench, tenant) -> str:
	"""The job of an export that has just been asked for."""
	bench.wait_for(lambda: bench.job(tenant.name).playbook == "export_for_tenant", SECONDS)
	return bench.job(tenant.name).name


def refusal(answer: requests.Response) -> str:
	return answer.text


def test_only_where_the_plan_says_so_and_only_by_its_system_manager(module_bench, acme):
	bench = module_bench
	key = bench.on_site(acme.name, "on_tenant_limits.api_key")
	manager, clerk = (
		Site(bench, acme.site, each) for each in (key, bench.on_site(acme.name, "on_tenant_export.clerk"))
	)
	acme.flags.manager, acme.flags.clerk = manager, clerk
	answer = manager.ask()
	assert answer.status_code == 417 and "has no export of all data" in refusal(answer)
	assert manager.shown() is None
	allow(bench, acme, 2)
	assert "2 a day" in manager.shown()["sentence"]
	for who in (clerk, Site(bench, acme.site)):
		assert who.ask().status_code == 403
		assert who.get(f"{METHOD}.progress").status_code == 403
	# the admin site itself has none, and says so to nobody but its tenants' sites
	at_admin = Site(bench, bench.frappe.local.site)
	asked = requests.post(
		f"{at_admin.base}/api/method/buildpro_saas.api.exports.ask",
		json={"tenant": acme.name, "user": "x"},
		headers={**at_admin.headers, "X-BuildPro-Token": "another"},
		timeout=SECONDS,
	)
	assert asked.status_code == 401
	assert not bench.frappe.get_all("Provisioning Job", {"playbook": "export_for_tenant"})


def test_what_fails_is_told_and_does_not_count(module_bench, acme):
	"""The disk has not room for it."""
	bench, manager = module_bench, acme.flags.manager
	with bench.held("write_export", "Running"):
		assert manager.ask().status_code == 200
		begun(bench, acme)
		bench.wait_held(acme.name)
		assert manager.shown()["is_under_way"]
		assert manager.ask().status_code == 417
		backup = json.loads(bench.job(acme.name).inputs)["backup"]
		bench.frappe.db.set_value("Backup", backup, "size", 10**9)
		bench.frappe.db.commit()
		bench.let_go()
		job = bench.wait_job(acme.name)
	assert job.status == "Failed" and "GB are free there" in job.error, job.error
	assert "could not be prepared" in manager.shown()["sentence"]
	assert not (folder(bench, acme) / "private/backups/export").exists()
	job.cancel_job()
	bench.frappe.db.commit()
	assert bench.wait_job(acme.name, "Cancelled")


def test_the_manager_fetches_the_four_files(module_bench, acme):
	bench, manager = module_bench, acme.flags.manager
	assert manager.ask().json()["message"]["is_under_way"]
	begun(bench, acme)
	bench.wait_job(acme.name, "Completed")
	files = manager.shown()["files"]
	got = {file["name"].partition("-")[2].partition("-")[2]: manager.get(file["link"]) for file in files}
	assert sorted(got) == ["database.sql.gz", "files.tar", "private-files.tar", "site_config_backup.json"], (
		files
	)
	assert all(answer.status_code == 200 for answer in got.values())
	assert b"to take along" in gzip.decompress(got["database.sql.gz"].content)
	names = tarfile.open(fileobj=io.BytesIO(got["private-files.tar"].content)).getnames()
	assert any("to take along" in name for name in names), names
	config = json.loads((folder(bench, acme) / "site_config.json").read_text())
	assert got["site_config_backup.json"].json() == {"encryption_key": config["encryption_key"]}
	assert bench.on_site(acme.name, "on_tenant_export.downloads") == len(files)

	# nobody else: another role, a guest, another tenant's site, another id
	link = files[0]["link"]
	assert acme.flags.clerk.get(link).status_code == 403
	assert Site(bench, acme.site).get(link).status_code == 403
	other = bench.active_tenant()
	stranger = Site(bench, other.site, bench.on_site(other.name, "on_tenant_limits.api_key"))
	assert stranger.get(link).status_code == 404
	for wrong in (link.replace("export=", "export=0"), link.replace("&file=", "&file=..%2F")):
		assert manager.get(wrong).status_code == 404


def test_killed_in_the_middle_it_goes_on_and_then_the_day_is_used_up(module_bench, acme):
	bench, manager = module_bench, acme.flags.manager
	with bench.held("write_export", "Completed"):
		manager.ask()
		bench.wait_for(lambda: bench.waiting(), SECONDS)
		bench.services.kill("provisioning")
	bench.services.start_all("provisioning")
	bench.wait_looking(
		lambda: bench.job_status(acme.name) == "Completed",
		SECONDS,
		lambda: bench.describe(acme.name),
	)
	assert len(list((folder(bench, acme) / "private/backups/export").iterdir())) == 1
	assert len(manager.shown()["files"]) == 4
	assert manager.ask().status_code == 200
	bench.wait_for(lambda: "used up" in manager.shown()["sentence"], SECONDS)


def test_it_goes_when_its_time_is_over(module_bench, acme):
	from buildpro_saas.fleet import exports

	bench, manager = module_bench, acme.flags.manager
	bench.frappe.db.commit()
	(name,) = bench.frappe.get_all(
		"Backup",
		{"export_until": ("is", "set"), "tenant": acme.name},
		pluck="name",
		limit=1,
		order_by="creation desc",
	)
	place, path = folder(bench, acme) / "private/backups/export", folder(bench, acme) / "export.json"
	(made,) = place.iterdir()
	known = {
		"state": "Ready",
		"id": made.name,
		"until": 1,
		"files": [{"name": each.name, "size": 1} for each in made.iterdir()],
	}
	path.write_text(json.dumps(known))
	link = f"{METHOD}.download?export={made.name}&file={known['files'][0]['name']}"
	answer = manager.get(link)
	assert answer.status_code == 404 and "time is over" in answer.text
	exports.remove_expired()
	assert place.exists()  # by the records it is not over yet
	bench.frappe.db.set_value("Backup", {"tenant": acme.name}, "export_until", "2001-01-01 00:00:00")
	bench.frappe.db.commit()
	exports.remove_expired()
	assert not place.exists() and manager.shown()["files"] == []
	assert not bench.frappe.db.get_value("Backup", name, "export_until")
