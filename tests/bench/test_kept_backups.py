"""What becomes of a backup that is kept in its store: restored by its name, also of a site that asks for a second factor; and drilled."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from site_of_tenant import config, drop

SECONDS = 120


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, whose site asks everybody for a second factor, and a recovery key."""
	from buildpro_saas.fleet import backup_keys

	frappe = module_bench.frappe
	before = backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	frappe.db.commit()
	tenant = module_bench.active_tenant()
	module_bench.on_site(tenant.name, "on_tenant_notes.write", title="then")
	module_bench.on_site(tenant.name, "on_tenant_notes.ask_for_second_factor")
	yield tenant
	frappe.db.rollback()
	for store in frappe.get_all("Backup Store", {"tenant": tenant.name}, ["store_id"]):
		from buildpro_saas.agent import door

		door.here().do("remove_store", folder="", store=store.store_id)
	for doctype in ("Backup", "Backup Store"):
		frappe.db.delete(doctype, {"tenant": tenant.name})
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()


@pytest.fixture(scope="module")
def backup(module_bench, acme):
	"""The record of a backup that is kept."""
	made = acme.back_up()
	module_bench.frappe.db.commit()
	assert module_bench.wait_job(acme.name).status == "Completed", module_bench.describe(acme.name)
	return module_bench.frappe.get_doc("Backup", made["backup"])


@pytest.fixture
def bench(module_bench, acme):
	"""The bench; no shadow, and nothing that was fetched, is left when a test ends."""
	frappe, hidden = module_bench.frappe, module_bench.path / "sites/.buildpro"
	before = set((hidden / "shadows").glob("*"))
	yield module_bench
	frappe.db.rollback()
	for name in frappe.get_all("Site Shadow", {"tenant": acme.name}, pluck="name"):
		drop(frappe, name)
	assert set((hidden / "shadows").glob("*")) == before
	assert list((hidden / "fetched").glob("*")) == []
	frappe.db.delete("Site Shadow", {"tenant": acme.name})
	frappe.db.commit()


def output(job) -> str:
	return "\n".join(step.output or "" for step in job.steps)


# -- restored ----------------------------------------------------------------------------------------------------------


def test_a_site_is_restored_from_a_backup_by_its_name(bench, acme, backup, bench_command):
	"""Its site asks for a second factor, which nobody has for the check."""
	bench.on_site(acme.name, "on_tenant_notes.write", title="since")
	first = acme.database
	saas = ("--site", bench.frappe.local.site, "saas", "restore", acme.name, "--backup", backup.name)
	done = bench_command(*saas, "--confirm", acme.subdomain, "--wait", "--json")
	assert done.returncode == 0, done.stdout + done.stderr + bench.describe(acme.name)
	assert json.loads(done.stdout)["status"] == "Completed"
	bench.frappe.db.commit()
	acme.reload()
	assert config(bench, acme)["db_name"] == acme.database != first
	assert bench.on_site(acme.name, "on_tenant_notes.titles") == ["then"]
	told = output(bench.job(acme.name))
	assert "compared with" not in told and "the same as in its manifest" in told, told
	assert "login_via_key" in told and "a sign-in works" in told, told


def test_what_cannot_be_restored_is_refused_and_nothing_is_begun(bench, acme, backup):
	frappe = bench.frappe
	other = frappe.get_doc({**backup.as_dict(), "name": None, "tenant": None, "status": "Kept"})
	other.insert(ignore_permissions=True)
	jobs = frappe.db.count("Provisioning Job", {"tenant": acme.name})

	def refused(said: str, *given, **asked) -> None:
		with pytest.raises(frappe.ValidationError, match=said):
			acme.restore(*given, **asked)

	try:
		refused(f"Type {acme.subdomain}", None, "other", backup=backup.name)
		refused("one of the three", None, acme.subdomain)
		refused("one of the three", "/srv/b", acme.subdomain, backup=backup.name)
		refused("There is no backup nothing", None, acme.subdomain, backup="nothing")
		refused("and not of", None, acme.subdomain, backup=other.name)
		frappe.db.set_value("Backup", other.name, "tenant", "somebody")
		refused("of the tenant somebody, and not of", None, acme.subdomain, backup=other.name)
		refused("of the tenant somebody", None, acme.subdomain, from_tenant=acme.name, backup=other.name)
		for status, said in (
			("Failed", "is Failed, and left nothing"),
			("Forgotten", "is gone from its store"),
			("Taking", "is being taken"),
		):
			frappe.db.set_value("Backup", other.name, {"status": status, "tenant": acme.name})
			refused(said, None, acme.subdomain, backup=other.name)
		frappe.db.set_value("Backup", other.name, {"status": "Kept", "bench": "elsewhere"})
		refused("lies on the bench elsewhere", None, acme.subdomain, backup=other.name)
		frappe.db.set_value("Backup Store", backup.store, "status", "Destroyed")
		refused("key of .* was destroyed", None, acme.subdomain, backup=backup.name)
	finally:
		frappe.db.rollback()
	assert frappe.db.count("Provisioning Job", {"tenant": acme.name}) == jobs


# -- drilled -----------------------------------------------------------------------------------------------------------


def drilled(bench, tenant, status: str = "Completed"):
	"""The job that has drilled the tenant's newest backup."""
	from buildpro_saas.fleet import drills

	drills.start(tenant.name)
	bench.frappe.db.commit()
	job = bench.wait_job(tenant.name)
	assert job.status == status, bench.describe(tenant.name)
	return job


def check_nothing_is_left(bench, tenant) -> None:
	"""No shadow of the tenant, at once or as soon as nobody has its site."""
	frappe, hidden = bench.frappe, bench.path / "sites/.buildpro"

	def is_gone() -> bool:
		frappe.db.commit()
		rows = frappe.get_all("Site Shadow", {"tenant": tenant.name}, ["status", "database"])
		folders = {path.name for part in ("shadows", "fetched") for path in (hidden / part).glob("*")}
		return all(row.status == "Dropped" and row.database not in folders for row in rows)

	bench.wait_for(is_gone, SECONDS, lambda: bench.describe(tenant.name))
	with bench.its_root() as cursor:
		cursor.execute("show databases like '\\_shadow\\_%'")
		left = {name for (name,) in cursor.fetchall()}
	mine = set(frappe.get_all("Site Shadow", {"tenant": tenant.name}, pluck="database"))
	assert not left & mine


@pytest.fixture
def unknown(bench, acme, backup):
	"""Neither the tenant nor its backup has been drilled; and so it is afterwards."""
	frappe = bench.frappe
	fields = ("drill_status", "drilled_at", "drill_failed_at", "drill_error")
	manifest = frappe.db.get_value("Backup", backup.name, "manifest")

	def forget() -> None:
		frappe.db.rollback()
		frappe.db.set_value("Tenant", acme.name, {**dict.fromkeys(fields), "recover_seconds": 0})
		proven = {"manifest": manifest, "verified_how": "Read Again", "recover_seconds": 0, "drill_error": ""}
		frappe.db.set_value("Backup", backup.name, proven)
		frappe.db.commit()

	forget()
	yield backup
	forget()


def test_a_drill_proves_a_backup(bench, acme, unknown, bench_command):
	frappe = bench.frappe
	before = bench.everything()
	saas = ("--site", frappe.local.site, "saas", "drill", acme.name, "--wait", "--json")
	done = bench_command(*saas)
	assert done.returncode == 0, done.stdout + done.stderr + bench.describe(acme.name)
	(row,) = json.loads(done.stdout)["rows"]
	assert f"{unknown.name} is good" in row["message"] and "as in its manifest" in row["message"], row
	frappe.db.commit()
	unknown.reload()
	acme.reload()
	assert unknown.verified_how == "Restored" and unknown.drill == bench.job(acme.name).name
	assert acme.drill_status == "Passed" and acme.drilled_at == unknown.verified_at
	assert 0 < acme.recover_seconds == unknown.recover_seconds
	told = output(bench.job(acme.name))
	assert "login_via_key" in told and "/app" in told and "File records, 0 without their file" in told, told
	check_nothing_is_left(bench, acme)
	assert bench.everything() == before


def test_a_drill_that_fails_is_an_alert_and_bars_pruning(bench, acme, unknown):
	from buildpro_saas.fleet import backups
	from buildpro_saas.monitoring import record_facts
	from buildpro_saas.monitoring.checks import records

	frappe = bench.frappe
	manifest = json.loads(unknown.manifest)
	manifest["tables"]["tabNote"][0] += 1
	frappe.db.set_value("Backup", unknown.name, "manifest", json.dumps(manifest))
	job = drilled(bench, acme, "Failed")
	assert "not what its record says: tabNote differ" in job.error
	acme.reload()
	assert acme.drill_status == "Failed" and job.error == acme.drill_error and not acme.drilled_at
	assert frappe.db.get_value("Backup", unknown.name, ["drill_error", "verified_how"]) == (
		job.error,
		"Read Again",
	)
	(alert,) = (each for each in records.drills(record_facts.gather()) if each.tenant == acme.name)
	assert (alert.check, alert.severity) == ("backup.drill", "Critical") and job.error in alert.sentence
	check_nothing_is_left(bench, acme)

	for number in range(3):  # more than the plan keeps, had the drill passed
		old = {**unknown.as_dict(), "name": None, "backup_id": f"{number:08x}", "manifest": ""}
		old["taken_at"] = datetime.now() - timedelta(days=1, minutes=number)
		frappe.get_doc(old).insert(ignore_permissions=True)
	frappe.db.set_value("Tenant", acme.name, {"keep_daily": 1, "keep_weekly": -1, "keep_monthly": -1})
	assert backups.to_forget(acme.name, unknown.store) == []
	frappe.db.set_value("Tenant", acme.name, "drill_status", "Passed")
	assert backups.to_forget(acme.name, unknown.store) != []
	frappe.db.rollback()


def test_a_drill_that_would_compare_nothing_fails(bench, acme, unknown):
	frappe = bench.frappe
	for manifest, said in (
		("", "has no manifest"),
		('{"tables": {}, "schema": "", "size": 0}', "has no rows"),
	):
		frappe.db.set_value("Backup", unknown.name, "manifest", manifest)
		assert said in drilled(bench, acme, "Failed").error
	frappe.db.set_value("Backup", unknown.name, "status", "Failed")
	with pytest.raises(frappe.ValidationError, match="has no backup that is kept"):
		drilled(bench, acme)
	frappe.db.rollback()
	check_nothing_is_left(bench, acme)


@pytest.mark.fault
def test_a_store_that_somebody_changed_fails_the_drill(bench, acme, unknown):
	"""One byte of each pack, which restic's own checks find; and a file that is lost on the way."""
	store = bench.frappe.db.get_value("Backup Store", unknown.store, "store_id")
	packs = [path for path in (bench.path / "backups" / store / "data").rglob("*") if path.is_file()]
	assert packs
	kept = {path: path.read_bytes() for path in packs}
	try:
		for path, content in kept.items():
			path.chmod(0o600)
			at = len(content) // 2  # the end of a pack is its list, which nobody reads who has the index
			path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
		job = drilled(bench, acme, "Failed")
	finally:
		for path, content in kept.items():
			path.write_bytes(content)
	assert bench.step(acme.name, "fetch_to_drill").status == "Failed", job.error
	check_nothing_is_left(bench, acme)


@pytest.mark.fault
def test_a_drill_whose_worker_is_killed_begins_anew_and_leaves_no_shadow(bench, acme, unknown):
	from buildpro_saas.fleet import drills

	bench.kill_after(acme.name, "load_and_compare", lambda: drills.start(acme.name))
	check_nothing_is_left(bench, acme)


def test_a_file_that_only_the_backup_lacks_fails_the_drill(bench, acme, unknown):
	from buildpro_saas.fleet import drills

	hidden = bench.path / "sites/.buildpro/shadows"
	with bench.held("load_and_compare", "Completed"):
		drills.start(acme.name)
		bench.frappe.db.commit()
		bench.wait_held(acme.name)
		(lost,) = hidden.glob("*/private/files/then*.txt")
		lost.unlink()
		bench.let_go()
		job = bench.wait_job(acme.name)
	assert (
		job.status == "Failed" and f"lacks files that the site has: /private/files/{lost.name}" in job.error
	)
	check_nothing_is_left(bench, acme)


def batch_status(frappe, batch: str) -> str:
	frappe.db.commit()
	return frappe.db.get_value("Batch", batch, "status")


def test_the_rota_begins_at_night(bench, acme, unknown, monkeypatch):
	"""In the tenant's own zone, which is Berlin's; and with no tenant that has failed today or has passed this month."""
	from buildpro_saas.fleet import drill_rota

	frappe = bench.frappe
	today = datetime.now(timezone.utc).replace(hour=12)
	night = today.replace(hour=0, minute=30) + timedelta(days=1)

	def due(now: datetime) -> bool:
		monkeypatch.setattr(drill_rota, "_now", lambda: now)
		return acme.name in drill_rota.due(acme.bench)

	assert due(night) and not due(today)
	frappe.db.set_value(
		"Tenant", acme.name, "drill_failed_at", night.replace(tzinfo=None) - timedelta(hours=5)
	)
	assert not due(night)
	frappe.db.set_value(
		"Tenant", acme.name, {"drill_failed_at": None, "drilled_at": night.replace(tzinfo=None)}
	)
	assert not due(night) and due(night + timedelta(days=28))
	frappe.db.set_value("Tenant", acme.name, {"drilled_at": None, "status": "Suspended"})
	assert not due(night)
	frappe.db.rollback()

	# a batch, and no second one as long as it is at work; its workers have a clock of their own
	monkeypatch.setattr(drill_rota, "_now", lambda: night)
	drill_rota.start_due_drills()
	drill_rota.start_due_drills()
	about = {"playbook": "drill", "title": ("like", f"%{drill_rota.WHY}%")}
	(batch,) = frappe.get_all("Batch", about, pluck="name")
	bench.wait_for(lambda: batch_status(frappe, batch) == "Completed", SECONDS)
	(row,) = frappe.get_all("Batch Row", {"batch": batch}, ["tenant", "status", "message"])
	assert (row.tenant, row.status) == (acme.name, "Completed"), row

	monkeypatch.setattr(drill_rota, "_now", lambda: today)
	turn = type("Turn", (), {"inputs": {"at_night": True}, "tenant": acme.name})()
	assert drill_rota.DrillTenant().run(turn) == drill_rota.DAY
