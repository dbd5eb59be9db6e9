"""A tenant gets another name, is archived, brought back, and removed; each of these killed in each step, and failing before its point of no return."""

import json
import os
import shutil

import pytest
import requests
from as_worker import connect_anew, is_free, killed_after, queued_again, run, run_and_die
from site_of_tenant import config, folder, get

SECONDS = 60
NEW = "renamed"


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, a recovery key, and no worker for its jobs: the tests are the worker."""
	from buildpro_saas.fleet import backup_keys

	before = backup_keys.recipient()
	backup_keys.set_recipient(backup_keys.make_recovery_key()[0])
	module_bench.frappe.db.commit()
	name = f"t{module_bench.frappe.generate_hash(length=9)}"
	tenant = module_bench.active_tenant(subdomain=name, database_name=f"{name}_db")
	module_bench.services.stop("provisioning")
	yield tenant
	frappe = module_bench.frappe
	frappe.db.rollback()
	for store in frappe.get_all("Backup Store", {"tenant": ("like", f"{tenant.name}%")}, "store_id"):
		shutil.rmtree(module_bench.path / "backups" / store.store_id, ignore_errors=True)
	for doctype in ("Backup", "Backup Store", "Site Shadow", "Former Name"):
		frappe.db.delete(doctype, {"tenant": ("like", f"{tenant.name}%")})
	frappe.db.set_single_value("SaaS Settings", "recovery_recipient", before or None)
	frappe.db.commit()
	module_bench.services.start_all("provisioning")


@pytest.fixture
def bench(module_bench, acme):
	yield module_bench
	module_bench.frappe.db.rollback()


@pytest.fixture
def frappe(bench):
	return bench.frappe


def current(bench, acme):
	"""The tenant's document by the name that it has now."""
	frappe = bench.frappe
	frappe.db.commit()
	new = f"{acme.name}{NEW}"
	name = new if frappe.db.exists("Tenant", new) else acme.name
	if name not in bench.tenants:
		bench.tenants.append(name)
	return frappe.get_doc("Tenant", name)


def fails_after(bench, job: str, owner: object, name: str) -> None:
	"""Run the job with a worker in which this function raises an error once it has done its work: the job fails there."""
	is_free(bench, queued_again(bench, job))
	child = os.fork()
	if not child:
		code = 3
		try:
			connect_anew(bench.frappe)
			setattr(owner, name, failing(getattr(owner, name)))
			from buildpro_saas.jobs import lifecycle

			lifecycle.run(job)
			code = 0
		finally:
			os._exit(code)
	assert os.waitpid(child, 0)[1] == 0
	bench.frappe.db.commit()
	status, error = bench.frappe.db.get_value("Provisioning Job", job, ["status", "error"])
	assert status == "Failed" and "broken off" in error


def failing(function):
	from buildpro_saas.agent.errors import AgentError

	def fail(*args, **kwargs):
		function(*args, **kwargs)
		raise AgentError("broken off")

	return fail


def asked(bench, host: str, path: str, **options) -> requests.Response:
	url = f"http://127.0.0.1:{bench.services.port('web')}{path}"
	return requests.request(
		options.pop("method", "GET"),
		url,
		headers={"Host": host},
		timeout=SECONDS,
		allow_redirects=False,
		**options,
	)


def drift(bench, tenant) -> list[str]:
	from buildpro_saas.fleet import reconciliation

	found = [row.what for row in reconciliation.compare(tenant.bench)]
	return [what for what in found if tenant.name in what or (tenant.database or "?") in what]


def write(bench, tenant, title: str) -> None:
	bench.on_site(tenant.name, "on_tenant_notes.write", title=title)


def titles(bench, tenant) -> list[str]:
	return bench.on_site(tenant.name, "on_tenant_notes.titles")


def queued(bench, site: str) -> list[str]:
	"""The ids of the site's jobs that wait."""
	from frappe.utils.background_jobs import get_queues

	return [name for queue in get_queues() for name in queue.job_ids if name.startswith(f"{site}::")]


# -- rename ------------------------------------------------------------------------------------------------------------


def test_a_tenant_gets_another_name_though_its_worker_is_killed_in_each_step(bench, acme, frappe):
	from buildpro_saas.agent.operations import renames as operations
	from buildpro_saas.fleet import benches, database_history
	from buildpro_saas.fleet.steps import closing, rename
	from buildpro_saas.fleet.steps.reachable import CheckReachable

	write(bench, acme, "before")
	old, old_site, new = acme.name, acme.site, f"{acme.name}{NEW}"
	sequence = config(bench, acme)["buildpro_sequence"]
	frappe.get_doc(
		{"doctype": "Tenant Usage", "tenant": old, "date": "2026-01-01", "feature": "rfi", "allowed": 3}
	).insert(ignore_permissions=True)
	job = acme.rename_site(new)["job"]
	frappe.db.commit()
	routes = [{"user": "Administrator", "route": "waits in Redis"}]
	bench.on_site(old, "frappe.deferred_insert.deferred_insert", doctype="Route History", records=routes)
	bench.services.stop("worker")  # what waits for the site waits until it has its new name
	bench.on_site(old, "on_tenant_notes.write_later", title="later")
	assert len(queued(bench, old_site)) == 1

	killed_after(bench, job, closing.CloseSite, rename.RenameRecord)
	run_and_die(bench, job, [(operations.moved_jobs, "keep_aside")])
	assert current(bench, acme).name == new and folder(bench, acme).is_dir()  # whole, under its old name
	assert get(bench, acme).status_code == 503
	killed_after(bench, job, rename.MoveSite)
	dies_as_the_database_moves(bench, acme, job)
	steps = (rename.RenameDatabase, rename.LeadThere, rename.TellSite, closing.OpenSite, CheckReachable)
	killed_after(bench, job, *steps)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	bench.services.start_all("worker")

	tenant = current(bench, acme)
	assert (tenant.name, tenant.subdomain, tenant.site) == (new, new, old_site.replace(old, new, 1))
	assert tenant.database == tenant.database_name == f"{new}_db" and not folder(bench, acme).exists()
	assert databases_and_users(bench, old) == set()
	assert [life.database for life in database_history.lives(new)] == [acme.database, tenant.database]
	now = config(bench, tenant)
	assert now["buildpro_tenant"] == new and now["host_name"].startswith(f"http://{tenant.site}:")
	assert now["buildpro_sequence"] > sequence and "buildpro_held" not in now
	assert get(bench, tenant).status_code == 200 and bench.on_site(new, "on_tenant_notes.standing") == "PLAN"
	bench.wait_for(lambda: bench.on_site(new, "on_tenant_notes.notes") == ["before", "later"], SECONDS)
	counted = {"doctype": "Route History", "filters": {"route": "waits in Redis"}}
	assert bench.on_site(new, "frappe.client.get_count", **counted) == 1
	assert bench.on_site(new, "frappe.utils.get_url") == now["host_name"]
	assert frappe.get_all("Tenant Usage", {"tenant": new}, pluck="name") == [f"{new} 2026-01-01 rfi"]
	assert drift(bench, tenant) == []

	answer = asked(bench, old_site, "/api/method/ping?a=%2Fb", method="POST")
	assert (answer.status_code, answer.headers["Location"]) == (
		308,
		f"{now['host_name']}/api/method/ping?a=%2Fb",
	)
	assert "max-age=3600" in answer.headers["Cache-Control"]
	with pytest.raises(frappe.DuplicateEntryError, match=f"was the name of {new}"):
		bench.new_tenant(old, plan="Core")
	frappe.db.rollback()
	free = benches.default_database_name(tenant.bench, old_site, old)
	frappe.db.set_value(
		"Tenant", new, "database", free
	)  # Frappe's own name stays with the tenant: a new one gets another
	assert benches.default_database_name(tenant.bench, old_site, old) != free
	frappe.db.rollback()

	former = frappe.get_all("Former Name", {"subdomain": old}, pluck="name")[0]
	frappe.get_doc("Former Name", former).free_now()
	assert asked(bench, old_site, "/").status_code == 404
	# a new customer of that name, whose database is called as the other's was
	again = bench.new_tenant(old, plan="Core", database_name=acme.database)
	assert run(bench, bench.job(old).name) == "Completed", bench.describe(old)
	again.reload()
	assert (again.site, again.database, get(bench, again).status_code) == (old_site, acme.database, 200)
	assert get(bench, current(bench, acme)).status_code == 200
	assert bench.on_site(new, "on_tenant_notes.notes") == ["before", "later"]


def dies_as_the_database_moves(bench, acme, job: str) -> None:
	"""The worker is killed, or fails, at each moment at which a database gets another name. Nobody comes into the site meanwhile."""
	from buildpro_saas.agent.databases import DatabaseServer
	from buildpro_saas.agent.site import Site

	run_and_die(bench, job, [(DatabaseServer, "create")])
	tenant = current(bench, acme)
	assert databases_and_users(bench, tenant.name) == {f"{tenant.name}_db"}
	assert config(bench, tenant)["db_name"] == acme.database
	fails_after(bench, job, DatabaseServer, "move_tables")
	assert config(bench, tenant)["db_name"] == acme.database and get(bench, tenant).status_code == 503
	bench.frappe.get_doc("Provisioning Job", job).retry()
	for moment in ((DatabaseServer, "move_tables"), (Site, "update_config"), (DatabaseServer, "_drop_users")):
		run_and_die(bench, queued_again(bench, job), [moment])
		assert get(bench, tenant).status_code == 503
	assert config(bench, tenant)["db_name"] == f"{tenant.name}_db"


def databases_and_users(bench, subdomain: str) -> set[str]:
	"""The databases and the database users that are named after the subdomain."""
	with bench.its_root() as cursor:
		cursor.execute("show databases")
		databases = {name for (name,) in cursor.fetchall()}
		cursor.execute("select User from mysql.user")
		users = {name for (name,) in cursor.fetchall()}
	return {name for name in databases | users if name.startswith(f"{subdomain}_")}


def test_a_rename_that_cannot_be_leaves_the_site_open_under_its_old_name(bench, acme, frappe):
	tenant = current(bench, acme)
	job = tenant.rename_site(f"{acme.name}other")["job"]
	frappe.db.commit()
	in_the_way = bench.path / "sites" / tenant.site.replace(tenant.subdomain, f"{acme.name}other", 1)
	in_the_way.mkdir()
	assert run(bench, job) == "Failed"
	assert "exists on the bench" in frappe.db.get_value("Provisioning Job", job, "error")
	assert get(bench, tenant).status_code == 200 and current(bench, acme).name == tenant.name
	in_the_way.rmdir()
	with pytest.raises(frappe.ValidationError, match="failed half way"):
		tenant.archive(tenant.subdomain)
	frappe.db.rollback()
	frappe.get_doc("Provisioning Job", job).cancel_job()
	frappe.db.commit()
	assert run(bench, job) == "Cancelled"


# -- archive, and back -------------------------------------------------------------------------------------------------


def test_an_archiving_whose_backup_fails_leaves_the_site_untouched(bench, acme, frappe):
	from buildpro_saas.agent.bench import Bench
	from buildpro_saas.fleet.steps import closing, removal

	tenant = current(bench, acme)
	before = Bench(bench.path).site(tenant.site).update_config({"kept_by_a_test": "yes"})
	place = bench.path / "backups"
	job = tenant.archive(tenant.subdomain, "a test")["job"]
	frappe.db.commit()
	if place.exists():
		place.rename(bench.path / "backups.away")
	place.write_text("in the way")
	try:
		assert run(bench, job) == "Failed"
	finally:
		place.unlink()
		if (bench.path / "backups.away").exists():
			(bench.path / "backups.away").rename(place)
	assert config(bench, tenant) == before and get(bench, tenant).status_code == 200
	assert frappe.get_all("Backup", {"job": job}, pluck="status") == ["Failed"]
	assert bench.status(tenant.name) == "Active" and drift(bench, tenant) == []
	write(bench, tenant, "since")  # what people do meanwhile is in the next backup
	frappe.get_doc("Provisioning Job", job).retry()
	queued_again(bench, job)
	killed_after(bench, job, closing.CloseSite, removal.TakeLastBackup, removal.RemoveSite)
	assert run(bench, job) == "Completed"
	check_archived(bench, tenant, before)


def check_archived(bench, tenant, before: dict) -> None:
	frappe = bench.frappe
	assert bench.status(tenant.name) == "Archived" and not folder(bench, tenant).exists()
	with bench.its_root() as cursor:
		cursor.execute("show databases like %s", (before["db_name"],))
		assert cursor.fetchall() == ()
	kept = frappe.get_all("Backup", {"tenant": tenant.name, "status": "Kept"}, ["kind", "verified_how"])
	assert [(row.kind, row.verified_how) for row in kept] == [("Before Archiving", "Read Again")]
	assert queued(bench, tenant.site) == [] and drift(bench, tenant) == []
	assert asked(bench, tenant.site, "/").status_code == 404


def test_an_archived_tenant_is_left_alone_and_comes_back(bench, acme, frappe):
	from buildpro_saas.fleet import backup_schedule, site_operations
	from buildpro_saas.fleet.steps import entitlement, unarchive
	from buildpro_saas.licensing import delivery, renewal

	tenant = current(bench, acme)
	assert tenant.status == "Archived"
	with pytest.raises(frappe.ValidationError, match="Archived"):
		tenant.back_up()
	with pytest.raises(frappe.ValidationError, match="Archived"):
		tenant.rename_site("other")
	with pytest.raises(frappe.ValidationError, match="no site"):
		site_operations.start(site_operations.CLEAR_CACHE, site_operations.Whom([tenant.name]))
	frappe.db.rollback()
	delivery.send([tenant.name], "a test")
	renewal.renew_entitlements()
	# what would be due by now is another's, and would have the bench's turn before the job below
	frappe.db.set_value("Tenant", {"name": ("!=", tenant.name), "status": "Active"}, "backups_per_day", -1)
	backup_schedule.take_due_backups()
	assert not frappe.get_all("Batch Row", {"tenant": tenant.name, "status": "Waiting"})
	assert not frappe.get_all("Backup", {"tenant": tenant.name, "status": "Taking"})

	in_the_way = folder(bench, tenant)
	in_the_way.mkdir()
	with pytest.raises(frappe.ValidationError, match="is on the bench by now"):
		tenant.unarchive()
	frappe.db.rollback()
	in_the_way.rmdir()
	job = tenant.unarchive()["job"]
	frappe.db.commit()
	killed_after(bench, job, unarchive.StandAgain, entitlement.SeedPlanSettings, unarchive.OpenAgain)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	tenant = current(bench, acme)
	now = config(bench, tenant)
	assert tenant.status == "Active" and tenant.database == now["db_name"] != acme.database
	assert (
		get(bench, tenant).status_code == 200
		and bench.on_site(tenant.name, "on_tenant_notes.standing") == "PLAN"
	)
	assert titles(bench, tenant) == ["before", "since"]
	assert now["kept_by_a_test"] == "yes" and "maintenance_mode" not in now and "mute_emails" not in now
	assert drift(bench, tenant) == []


# -- its site is lost ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lost(module_bench, acme):
	"""Another tenant of this module, with a backup. Its site gets lost."""
	from buildpro_saas.fleet import backup_requests

	frappe = module_bench.frappe
	frappe.db.commit()
	name = f"{acme.name}lost"
	tenant = module_bench.new_tenant(name, plan="Core", database_name=f"{name}_db")
	assert run(module_bench, module_bench.job(name).name) == "Completed", module_bench.describe(name)
	write(module_bench, tenant, "backed up")
	tenant.reload()
	backup, job = backup_requests.start(tenant)
	frappe.db.commit()
	assert run(module_bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	return tenant, backup


def test_a_tenant_whose_folder_is_lost_is_archived_by_its_last_backup(bench, lost, frappe):
	from buildpro_saas.agent.trash import Trash
	from buildpro_saas.fleet.steps import lost_site, unarchive

	tenant, backup = lost
	own, away = folder(bench, tenant), bench.path / "lost"
	told = f"Lost: its folder sites/{tenant.site}. Its last one that is kept and verified is {backup}"
	with pytest.raises(frappe.ValidationError, match="is not lost: leave out"):
		tenant.archive(tenant.subdomain, without_site=backup)
	check_only_a_lost_site_is_lost(bench, tenant)
	own.rename(away)
	for word in (None, "no-backup", "backup-99999"):
		with pytest.raises(frappe.ValidationError, match=told):
			tenant.archive(tenant.subdomain, without_site=word)
	frappe.db.rollback()
	job = tenant.archive(tenant.subdomain, "a test", without_site=backup)["job"]
	frappe.db.commit()
	away.rename(own)  # somebody has brought it back
	assert run(bench, job) == "Failed"
	assert "is not lost any more" in frappe.db.get_value("Provisioning Job", job, "error")
	assert get(bench, tenant).status_code == 200
	own.rename(away)

	# what has its name by now is somebody else's
	own.mkdir()
	strange = {"db_name": "_0123456789abcdef", "buildpro_job": "another/mark", "buildpro_tenant": "another"}
	(own / "site_config.json").write_text(json.dumps(strange))
	frappe.get_doc("Provisioning Job", job).retry()
	queued_again(bench, job)
	killed_after(bench, job, lost_site.JudgeLoss)
	run_and_die(bench, job, [(Trash, "put_database")])
	with pytest.raises(frappe.ValidationError, match="in the bench's trash already"):
		frappe.get_doc("Provisioning Job", job).cancel_job()
	frappe.db.rollback()
	killed_after(bench, job, lost_site.TrashRemains)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	said = "".join(frappe.get_all("Provisioning Job Step", {"parent": job}, pluck="output"))
	assert f"Left alone: sites/{tenant.site}" in said and f"The last one is {backup}" in said
	assert json.loads((own / "site_config.json").read_text()) == strange
	assert databases_and_users(bench, tenant.name) == set()
	assert bench.status(tenant.name) == "Archived"
	shutil.rmtree(own)
	shutil.rmtree(away)

	tenant.reload()
	job = tenant.unarchive()["job"]
	frappe.db.commit()
	killed_after(bench, job, unarchive.StandAgain)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	tenant.reload()
	assert titles(bench, tenant) == ["backed up"] and get(bench, tenant).status_code == 200
	assert bench.on_site(tenant.name, "on_tenant_notes.standing") == "PLAN" and drift(bench, tenant) == []


def check_only_a_lost_site_is_lost(bench, tenant) -> None:
	"""What was restored, moved or configured by hand is not lost, and must not be given up."""
	from buildpro_saas.agent import door
	from buildpro_saas.agent.errors import AgentError
	from buildpro_saas.fleet import lost_sites

	def look():
		return door.here().do("look_at_remains", **lost_sites.spec(tenant))

	site, before = door.here().site(tenant.site), config(bench, tenant)
	with bench.its_root() as cursor:
		cursor.execute(f"alter database `{tenant.database}` comment ''")
		assert look().lost == []
		cursor.execute(f"alter database `{tenant.database}` comment %s", (before["buildpro_job"],))
	for key, other in (
		("db_name", "_0123456789abcdef"),
		("buildpro_tenant", "another"),
		("buildpro_job", None),
	):
		site.update_config({key: other})
		with pytest.raises(AgentError, match="another than the records say"):
			look()
		site.update_config({key: before[key]})
	moved = folder(bench, tenant).with_name("moved.localhost")
	folder(bench, tenant).rename(moved)
	with pytest.raises(AgentError, match=r"sites/moved\.localhost has the database of"):
		look()
	(moved / "site_config.json").rename(bench.path / "kept.json")
	moved.rename(folder(bench, tenant))
	with pytest.raises(AgentError, match=r"has no site_config\.json"):
		look()
	(bench.path / "kept.json").rename(folder(bench, tenant) / "site_config.json")
	assert look().lost == []


def test_a_tenant_whose_database_is_lost_is_removed_without_any_backup_only_where_that_is_said(
	bench, lost, frappe, bench_command
):
	tenant, backup = lost
	tenant.reload()
	own, database = folder(bench, tenant), config(bench, tenant)["db_name"]
	with bench.its_root() as cursor:
		cursor.execute(f"drop database `{database}`")
	frappe.db.set_value("Backup", backup, "drill_error", "a drill found it damaged")
	frappe.db.commit()
	with pytest.raises(frappe.ValidationError, match="nothing to bring it back from"):
		tenant.archive(tenant.subdomain, without_site="no-backup")
	frappe.db.rollback()
	command = ("--site", frappe.local.site, "saas", "remove", tenant.name, "--confirm", tenant.subdomain)
	told = bench_command(*command)
	assert told.returncode == 1 and f"Lost: its database {database}. No verified one is kept" in told.stderr
	job = tenant.remove_site(tenant.subdomain, "lost", without_site="no-backup")["job"]
	frappe.db.commit()
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")
	tenant.reload()
	assert tenant.status == "Removed" and not tenant.last_backup and not own.exists()
	assert f"Lost: its database {database}." in tenant.removal_note and tenant.backup_kept_until
	with bench.its_root() as cursor:
		cursor.execute("select User from mysql.user where User = %s", (database,))
		assert cursor.fetchall() == ()
	template = frappe.get_doc("Print Format", "Certificate of Removal").html
	html = frappe.render_template(template, {"doc": tenant})
	assert "No backup: no verified one is kept." in html and tenant.removal_note in html
	assert frappe.get_all("File", {"attached_to_doctype": "Tenant", "attached_to_name": tenant.name})
	assert drift(bench, tenant) == []


# -- remove ------------------------------------------------------------------------------------------------------------


@pytest.mark.stops_mariadb
def test_a_tenant_is_removed_though_mariadb_goes_in_the_middle(bench, acme, frappe, bench_command):
	from buildpro_saas.agent import door
	from buildpro_saas.agent.databases import DatabaseServer
	from buildpro_saas.agent.errors import NotOursError
	from buildpro_saas.fleet import removals

	tenant = current(bench, acme)
	command = ("--site", frappe.local.site, "saas", "remove", tenant.name, "--confirm", "another")
	told = bench_command(*command)
	assert told.returncode == 1 and f"Type {tenant.subdomain}, the subdomain" in told.stderr
	before = config(bench, tenant)
	closed = {"database": before["db_name"], "mark": before["buildpro_job"], "holder": "another job's mark"}
	with pytest.raises(NotOursError, match="is not held by this job"):  # nor is it closed by anybody
		door.here().do("trash_closed_site", site=tenant.site, **closed)
	job = tenant.remove_site(tenant.subdomain, "left us")["job"]
	frappe.db.commit()
	dies_with_mariadb(bench, job, DatabaseServer)
	# its folder is in the trash, and its database is half there
	assert not folder(bench, tenant).exists(), (
		bench.describe(tenant.name),
		list(folder(bench, tenant).iterdir()),
	)
	assert run(bench, job) == "Completed", frappe.db.get_value("Provisioning Job", job, "error")

	tenant = current(bench, acme)
	assert tenant.status == "Removed" and tenant.removed_by == "Administrator" and tenant.last_backup
	with bench.its_root() as cursor:
		cursor.execute("select User from mysql.user where User = %s", (before["db_name"],))
		assert cursor.fetchall() == ()
		cursor.execute("show databases like %s", (before["db_name"],))
		assert cursor.fetchall() == ()
	assert drift(bench, tenant) == []
	file = frappe.get_doc("File", {"attached_to_doctype": "Tenant", "attached_to_name": tenant.name})
	assert file.is_private and file.get_content()[:5] == b"%PDF-"
	with pytest.raises(frappe.ValidationError, match="is kept until"):
		frappe.delete_doc("Tenant", tenant.name)
	frappe.db.rollback()

	frappe.db.set_value("Tenant", tenant.name, "backup_kept_until", "2026-01-01")
	frappe.db.commit()
	removals.destroy_due_keys()
	tenant = current(bench, acme)
	assert tenant.key_destroyed_on
	assert set(frappe.get_all("Backup Store", {"tenant": tenant.name}, pluck="status")) == {"Destroyed"}
	from buildpro_saas.fleet import bench_trash

	assert not [
		row for row in bench_trash.entries_of(tenant.bench) if row.subject in (tenant.site, before["db_name"])
	]


def dies_with_mariadb(bench, job: str, server: type) -> None:
	"""Run the job in a process under which MariaDB is killed, as the tables of the site's database are about to be moved."""
	is_free(bench, queued_again(bench, job))
	child = os.fork()
	if not child:
		try:
			connect_anew(bench.frappe)
			create = server.create_database

			def killing(self, name, *args):
				create(self, name, *args)
				if name.startswith("_trash_"):
					bench.services.kill("mariadb")

			server.create_database = killing
			from buildpro_saas.jobs import lifecycle

			lifecycle.run(job)
		finally:
			os._exit(3)
	os.waitpid(child, 0)
	assert not bench.services.is_running("mariadb")
	bench.services.start_all("mariadb")
	bench.frappe.connect()
