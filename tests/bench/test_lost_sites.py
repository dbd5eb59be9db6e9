"""A tenant's site is restored though its folder, its database, or both are lost."""

import json
import shutil

import pytest
import requests
from site_of_tenant import config, folder, get

SECONDS = 60
PASSWORD = "Xq7#construct-it"


@pytest.fixture(scope="module")
def acme(module_bench):
	"""A tenant with a backup, of which the test that comes first loses all."""
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import backup_keys

	frappe, before = module_bench.frappe, backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	frappe.db.commit()
	tenant = module_bench.active_tenant()
	own = {"user": tenant.owner_email, "pwd": PASSWORD}
	module_bench.on_site(tenant.name, "frappe.utils.password.update_password", **own)
	module_bench.on_site(tenant.name, "on_tenant_notes.write", title="backed up")
	made = tenant.back_up()
	frappe.db.commit()
	assert module_bench.wait_job(tenant.name).status == "Completed", module_bench.describe(tenant.name)
	module_bench.on_site(tenant.name, "on_tenant_notes.write", title="later")
	tenant.reload()
	tenant.flags.backup, tenant.flags.fetched = made["backup"], fetched(module_bench)
	yield tenant
	frappe.db.rollback()
	for entry in in_trash(tenant):
		door.here().do("remove_from_trash", name=entry.name)
	for store in frappe.get_all("Backup Store", {"tenant": tenant.name}, ["store_id"]):
		door.here().do("remove_store", folder="", store=store.store_id)
	for doctype in ("Backup", "Backup Store", "Site Shadow"):
		frappe.db.delete(doctype, {"tenant": tenant.name})
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()


@pytest.fixture
def bench(module_bench, acme):
	module_bench.frappe.db.commit()
	acme.reload()
	yield module_bench
	module_bench.frappe.db.rollback()


def fetched(bench) -> set:
	return set((bench.path / "sites/.buildpro/fetched").glob("*"))


def in_trash(tenant) -> list:
	"""What the bench's trash has of the tenant."""
	from buildpro_saas.agent import door

	marks = tenant.flags.marks or set()
	return [entry for entry in door.here().do("list_trash") if entry.mark in marks]


def note_mark(bench, tenant) -> None:
	tenant.flags.marks = (tenant.flags.marks or set()) | {config(bench, tenant)["buildpro_job"]}


def lose_database(bench, tenant) -> None:
	with bench.its_root() as cursor:
		cursor.execute(f"drop database `{tenant.database}`")
	lose_user(bench, tenant)


def lose_user(bench, tenant) -> None:
	with bench.its_root() as cursor:
		cursor.execute("select Host from mysql.user where User = %s", (tenant.database,))
		for (host,) in cursor.fetchall():
			cursor.execute(f"drop user `{tenant.database}`@`{host}`")


def something_takes_the_name(own) -> None:
	own.mkdir()
	(own / "site_config.json").write_text(json.dumps({"db_name": "_0123456789abcdef"}))


def drift(bench, tenant, *more: str) -> list[str]:
	from buildpro_saas.fleet import reconciliation

	found = [row.what for row in reconciliation.compare(tenant.bench)]
	return [what for what in found if any(name in what for name in (tenant.name, tenant.database, *more))]


def check_is_back(bench, tenant, *lost: str) -> None:
	"""The tenant's data are there, under its own name, and its people come in."""
	bench.frappe.db.commit()
	tenant.reload()
	assert bench.on_site(tenant.name, "on_tenant_notes.titles") == ["backed up"]
	assert bench.on_site(tenant.name, "on_tenant_notes.standing") == "PLAN"
	now = config(bench, tenant)
	assert (now["db_name"], now["buildpro_tenant"]) == (tenant.database, tenant.name)
	assert now["buildpro_finished"] and now["encryption_key"] and now["buildpro_sync_token"]
	assert now["host_name"].startswith(f"http://{tenant.site}") and "maintenance_mode" not in now
	assert get(bench, tenant).status_code == 200
	answer = requests.post(
		f"http://127.0.0.1:{bench.services.port('web')}/api/method/login",
		headers={"Host": tenant.site},
		data={"usr": tenant.owner_email, "pwd": PASSWORD},
		timeout=SECONDS,
	)
	assert answer.status_code == 200, answer.text
	assert tenant.status == "Active" and drift(bench, tenant, *lost) == []
	assert fetched(bench) == tenant.flags.fetched
	assert bench.frappe.get_all("Site Shadow", {"tenant": tenant.name, "status": ("!=", "Dropped")}) == []


def test_folder_and_database_are_lost_and_the_worker_is_killed_meanwhile(bench, acme, bench_command):
	old = acme.database
	shutil.rmtree(folder(bench, acme))
	lose_database(bench, acme)
	command = ("--site", bench.frappe.local.site, "saas", "restore", acme.name, "--confirm", acme.subdomain)

	def begin() -> None:
		made = bench_command(*command, "--backup", acme.flags.backup)
		assert made.returncode == 0, made.stderr
		told = f"Lost: its folder sites/{acme.site} and its database {old}. The site is made anew."
		assert told in made.stdout

	bench.kill_after(acme.name, "stand_again", begin)
	check_is_back(bench, acme, old)
	assert acme.database != old and acme.database_history
	acme.flags.marks = set()


def test_only_the_folder_is_lost(bench, acme, bench_command):
	frappe, old, own = bench.frappe, acme.database, folder(bench, acme)
	note_mark(bench, acme)
	bench.on_site(acme.name, "on_tenant_notes.write", title="later still")
	shutil.rmtree(own)
	before = bench.everything()

	something_takes_the_name(own)
	with pytest.raises(frappe.ValidationError, match=rf"in sites/{acme.site}: move it away"):
		acme.restore(confirm=acme.subdomain, backup=acme.flags.backup)
	frappe.db.rollback()
	shutil.rmtree(own)

	with bench.held("check_shadow", "Completed"):
		job = acme.restore(confirm=acme.subdomain, backup=acme.flags.backup)["job"]
		frappe.db.commit()
		bench.wait_held(acme.name)
		something_takes_the_name(own)
		bench.let_go()
		assert "move it away" in bench.wait_job(acme.name, "Failed").error
	shutil.rmtree(own)
	frappe.get_doc("Provisioning Job", job).cancel_job()
	frappe.db.commit()
	bench.wait_job(acme.name, "Cancelled")
	assert bench.everything() == before

	# what does not move with tables keeps its name
	with bench.its_root() as cursor:
		cursor.execute(f"create view `{old}`.`a view` as select 1")

	done = bench_command("--site", frappe.local.site, "saas", "restore-lost", acme.name, "--wait")
	assert done.returncode == 0, done.stderr + bench.describe(acme.name)
	assert f"{acme.name}: Completed. Made anew from {acme.flags.backup}." in done.stdout, done.stdout
	check_is_back(bench, acme, old)
	(entry,) = in_trash(acme)
	assert (entry.kind, entry.subject, entry.is_in_place) == ("Database", old, True)
	with bench.its_root() as cursor:
		cursor.execute(f"select title from `{entry.database}`.tabNote order by title")
		assert cursor.fetchall() == (("backed up",), ("later still",))

	done = bench_command("--site", frappe.local.site, "saas", "restore-lost", acme.name, "--wait")
	assert done.returncode == 0 and "Its site is there, and was left alone." in done.stdout


def test_only_the_database_is_lost(bench, acme):
	from buildpro_saas.agent import door

	old = acme.database
	note_mark(bench, acme)
	door.here().site(acme.site).update_config({"of_the_customer": "kept", "pause_scheduler": 1})
	(folder(bench, acme) / "private/files/only here.txt").write_text("later")
	lose_database(bench, acme)
	acme.restore(confirm=acme.subdomain, backup=acme.flags.backup)
	bench.frappe.db.commit()
	assert bench.wait_job(acme.name).status == "Completed", bench.describe(acme.name)
	check_is_back(bench, acme, old)
	now = config(bench, acme)
	assert (now["of_the_customer"], now["pause_scheduler"]) == ("kept", 1)
	(entry,) = [each for each in in_trash(acme) if each.kind == "Site Folder"]
	kept = bench.path / "sites/.buildpro/trash" / entry.name / "content/private/files/only here.txt"
	assert kept.read_text() == "later"


def test_only_the_database_user_is_lost(bench, acme, bench_command):
	"""He is told, and made again; nothing is restored for that."""
	frappe = bench.frappe
	lose_user(bench, acme)
	with pytest.raises(frappe.ValidationError, match=f"{acme.database}, whom MariaDB does not let in"):
		acme.restore(confirm=acme.subdomain, backup=acme.flags.backup)
	frappe.db.rollback()
	(told,) = drift(bench, acme)
	assert f"lacks its database user {acme.database}" in told
	done = bench_command("--site", frappe.local.site, "saas", "restore-lost", acme.name, "--wait")
	assert done.returncode == 0 and "Its database user was made again" in done.stdout, done.stdout
	assert get(bench, acme).status_code == 200 and drift(bench, acme) == []


def test_a_clone_stays_silent_though_its_configuration_is_lost(bench, acme):
	from buildpro_saas.fleet import clones

	record = {**acme.as_dict(), "cloned_from": "birch", "expires_on": "2027-01-31 10:00:00", "is_silenced": 1}
	found = clones.config_of(record, "PJ-1")
	assert found["buildpro_clone"] == {"of": "birch", "until": "2027-01-31"}
	assert (found["mute_emails"], found["pause_scheduler"]) == (1, 1)
	assert clones.config_of({**record, "is_silenced": 0}, "PJ-1").keys() == {"buildpro_clone"}
	assert clones.config_of(acme.as_dict(), "PJ-1") == {}
