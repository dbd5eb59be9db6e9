"""Migrates of tenants' sites: nothing where there is nothing to do; else a copy is migrated and swapped in, or dropped; killed in between, too."""

import hashlib
import os
import shutil
import subprocess

import pytest
import requests
from site_of_tenant import config

SECONDS = 600
HOLD = "buildpro-test-hold"
PATCH = "construction_demo.patches.exercise"
OF_SITE = "on_tenant_migrate"


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module, of an image with Frappe's own SQL: what was made with another has that to migrate."""
	module_bench.whole_image("Core")
	return module_bench.active_tenant("Core")


@pytest.fixture
def bench(module_bench, acme):
	"""The bench; when a test ends, the site's configuration is what it was, and no shadow is left."""
	frappe, before = module_bench.frappe, config(module_bench, acme)
	place = module_bench.path / "sites/.buildpro/shadows"
	there = set(place.glob("*"))
	yield module_bench
	frappe.db.rollback()
	now = config(module_bench, acme)
	for name in frappe.get_all(
		"Site Shadow", {"tenant": acme.name, "status": ("!=", "Dropped")}, pluck="name"
	):
		drop(frappe, name)
	frappe.db.delete("Site Shadow", {"tenant": acme.name})
	frappe.db.commit()
	call(module_bench, acme, "clear")
	assert of_site(now) == of_site(before)
	assert set(place.glob("*")) <= there


@pytest.fixture
def frappe(bench):
	return bench.frappe


def drop(frappe, name: str) -> None:
	from buildpro_saas.fleet import shadow_requests, shadows

	if job := shadows.job_about(name):
		frappe.db.set_value("Provisioning Job", job, "status", "Cancelled")
		frappe.db.commit()
	shadow_requests.drop_now(name)


def of_site(config: dict) -> dict:
	"""What a swap leaves as it is."""
	own = ("db_name", "db_user", "db_password", "buildpro_job")
	return {key: value for key, value in config.items() if key not in own}


def call(bench, tenant, function: str, **arguments):
	return bench.on_site(tenant.name, f"{OF_SITE}.{function}", **arguments)


def ask(bench, tenant, path: str, method: str = "GET", **options) -> requests.Response:
	url = f"http://127.0.0.1:{bench.services.port('web')}{path}"
	headers = {"Host": tenant.site, "Accept": "application/json"}
	return requests.request(method, url, headers=headers, timeout=SECONDS, allow_redirects=False, **options)


def started(bench, tenant, playbook: str = "migrate", **inputs):
	from buildpro_saas.fleet import site_operations

	whom = site_operations.Whom([tenant.name])
	batch = site_operations.start(playbook, whom, inputs=inputs, by="a test")
	bench.frappe.db.commit()
	return batch


def ended(bench, batch):
	"""The row of a batch of one, once that has ended."""
	from buildpro_saas.jobs import batch_rows

	def is_over() -> bool:
		bench.frappe.db.rollback()
		return bench.frappe.db.get_value("Batch", batch.name, "status") == "Completed"

	bench.wait_for(bench.looked_after(is_over), SECONDS, lambda: str(batch_rows.messages(batch.name)))
	(row,) = batch_rows.messages(batch.name)
	return row


def pending(bench, tenant) -> list[str]:
	from buildpro_saas.agent import door

	return door.here().do("pending_migration", site=tenant.site)


def dump(bench, tenant) -> str:
	"""A digest of all that the site's database holds, as MariaDB's own program writes it out."""
	program, conf = shutil.which("mariadb-dump") or shutil.which("mysqldump"), config(bench, tenant)
	frappe = bench.frappe
	where = ["--host", frappe.conf.db_host, "--port", str(frappe.conf.db_port), "--user", conf["db_name"]]
	done = subprocess.run(
		[program, *where, "--skip-comments", "--skip-dump-date", "--order-by-primary", conf["db_name"]],
		env={**os.environ, "MYSQL_PWD": conf["db_password"]},
		capture_output=True,
		check=True,
	)
	assert b"tabMode of Trial" in done.stdout
	return hashlib.sha256(done.stdout).hexdigest()


@pytest.fixture
def holding(bench):
	"""The patch waits, until this is called."""
	with bench.root() as cursor:
		cursor.execute(f"select get_lock('{HOLD}', 0)")
		yield lambda: cursor.execute(f"select release_lock('{HOLD}')")
		cursor.execute("select release_all_locks()")


def wait_until_it_waits(bench) -> None:
	def is_there() -> bool:
		with bench.root() as cursor:
			cursor.execute(
				"select count(*) from information_schema.processlist where state = 'User lock' and info like %s",
				(f"%{HOLD}%",),
			)
			return cursor.fetchone()[0] > 0

	bench.wait_for(is_there, SECONDS, lambda: "no patch waits")


# -- whether there is anything to do -----------------------------------------------------------------------------------


def test_where_there_is_nothing_to_do_nothing_is_done(bench, acme, frappe):
	assert pending(bench, acme) == []
	jobs = frappe.db.count("Provisioning Job", {"tenant": acme.name})
	row = ended(bench, started(bench, acme))
	assert (row.status, row.message) == ("Completed", "There is nothing to migrate.")
	assert frappe.db.count("Provisioning Job", {"tenant": acme.name}) == jobs
	assert frappe.db.count("Site Shadow", {"tenant": acme.name}) == 0


NOTE = "doctype = 'BuildPro SaaS Site' and field = 'migrated'"
CHANGES = {
	"a patch that was not run": (
		f"delete from `tabPatch Log` where patch = '{PATCH}'",
		f"insert into `tabPatch Log` (name, patch, skipped) values ('x', '{PATCH}', 0)",
		f"patches: {PATCH}",
	),
	"a patch that was skipped": (
		f"update `tabPatch Log` set skipped = 1 where patch = '{PATCH}'",
		f"update `tabPatch Log` set skipped = 0 where patch = '{PATCH}'",
		f"patches: {PATCH}",
	),
	"a doctype of an older file": (
		"update tabDocType set migration_hash = concat('x', migration_hash) where name = 'RFI'",
		"update tabDocType set migration_hash = substr(migration_hash, 2) where name = 'RFI'",
		"doctypes: RFI",
	),
	"a report of an older file": (
		"update tabReport set modified = modified - interval 20 year where name = 'Permitted Documents For User'",
		"update tabReport set modified = modified + interval 20 year where name = 'Permitted Documents For User'",
		"records: Report Permitted Documents For User",
	),
	"a scheduled job that is missing": (
		"update `tabScheduled Job Type` set method = concat('x.', method) where method = 'frappe.oauth.delete_oauth2_data'",
		"update `tabScheduled Job Type` set method = substr(method, 3) where method = 'x.frappe.oauth.delete_oauth2_data'",
		"scheduled jobs: frappe.oauth.delete_oauth2_data, x.frappe.oauth.delete_oauth2_data",
	),
	"an app that is not there any more": (
		"insert into `tabInstalled Application` (name, app_name, app_version) values ('x', 'gone_app', '1.0')",
		"delete from `tabInstalled Application` where name = 'x'",
		"versions: gone_app",
	),
	"other fixtures, hooks or customisations": (
		f"update tabSingles set value = replace(value, 'construction_demo', 'another') where {NOTE}",
		f"update tabSingles set value = replace(value, 'another', 'construction_demo') where {NOTE}",
		"files: construction_demo",
	),
	"a site that nobody knows of when it was migrated": (
		f"update tabSingles set field = 'aside' where {NOTE}",
		"update tabSingles set field = 'migrated' where doctype = 'BuildPro SaaS Site' and field = 'aside'",
		"it is not noted when it was migrated",
	),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_sites_database_tells_what_there_is_to_do(bench, acme, change):
	there, back, says = CHANGES[change]
	call(bench, acme, "sql", statement=there)
	try:
		assert pending(bench, acme) == [says]
	finally:
		call(bench, acme, "sql", statement=back)
	assert pending(bench, acme) == []


# -- the copy is migrated, never the original --------------------------------------------------------------------------


def test_a_rehearsal_says_what_would_be_and_changes_nothing(bench, acme, frappe):
	call(bench, acme, "prepare", wanted="goes well")
	before = dump(bench, acme)
	row = ended(bench, started(bench, acme, "rehearse"))
	assert row.status == "Completed" and row.message.startswith("It would go well: 1 patches"), row.message
	assert "tabMode of Trial" in row.message and "jobs asked for" in row.message
	assert dump(bench, acme) == before and call(bench, acme, "notes") == []
	call(bench, acme, "prepare", wanted="fails")
	before = dump(bench, acme)
	acme.reload()
	assert acme.rehearsal == "Passes" and "tabMode of Trial" in acme.rehearsal_says
	facts = frappe.parse_json(acme.rehearsal_facts)
	assert "tabMode of Trial" in facts["tables"] and facts["seconds"] > 0 and min(facts["copied"]) > 0
	row = ended(bench, started(bench, acme, "rehearse"))
	assert row.status == "Failed" and f"The patch {PATCH} failed" in row.message, row.message
	assert dump(bench, acme) == before
	acme.reload()
	assert acme.rehearsal == "Fails" and PATCH in acme.rehearsal_says


def test_a_failing_patch_leaves_the_site_as_it_was(bench, acme, frappe):
	call(bench, acme, "prepare", wanted="fails")
	# a migrate begins with it: the site itself would do it within the hour
	assert bench.on_site(acme.name, "buildpro_saas.tenant_site.waiting_writes.write_down") == []
	before, settings = dump(bench, acme), config(bench, acme)
	row = ended(bench, started(bench, acme))
	assert row.status == "Failed", row
	assert f"The patch {PATCH} failed: ValueError: the third invoice has no date" in row.message
	assert dump(bench, acme) == before and config(bench, acme) == settings
	assert call(bench, acme, "tables") == dict.fromkeys(
		("tabMode of Trial", "tabTo be renamed", "tabTo be emptied", "tabTo be dropped"), "before"
	)
	assert ask(bench, acme, "/api/method/ping").status_code == 200 and call(bench, acme, "notes") == []


def test_a_site_is_migrated_and_can_be_taken_back(bench, acme, frappe):
	call(bench, acme, "prepare", wanted="goes well")
	acme.reload()
	first, created_in = acme.database, acme.created_in
	row = ended(bench, started(bench, acme))
	assert row.status == "Completed" and row.message.startswith("Migrated: 1 patches"), row.message
	after = {"tabMade by a patch": None, "tabMode of Trial": "patched", "tabTo be emptied": None}
	assert call(bench, acme, "tables") == {**after, "tabWas renamed": "before"}
	assert pending(bench, acme) == []
	# the patch's job was for the site, and not for the copy
	bench.wait_for(lambda: call(bench, acme, "notes") == ["by a patch"], SECONDS)
	acme.reload()
	assert acme.database == config(bench, acme)["db_name"] != first and acme.created_in == created_in
	assert ask(bench, acme, "/api/method/ping").status_code == 200
	assert ended(bench, started(bench, acme)).message == "There is nothing to migrate."

	acme.swap_back(acme.subdomain)
	frappe.db.commit()
	assert bench.wait_job(acme.name).status == "Completed", bench.describe(acme.name)
	acme.reload()
	assert acme.database == first and call(bench, acme, "tables")["tabMode of Trial"] == "before"
	assert pending(bench, acme) == [f"patches: {PATCH}"]


# -- in place, with a way back for every table ---------------------------------------------------------------------------


def test_a_failing_patch_in_place_is_put_back_table_by_table(bench, acme, frappe):
	call(bench, acme, "prepare", wanted="fails", counts=True)
	before, settings = dump(bench, acme), config(bench, acme)
	row = ended(bench, started(bench, acme, in_place=True))
	assert row.status == "Failed", row
	assert f"The patch {PATCH} failed: ValueError: the third invoice has no date" in row.message
	assert dump(bench, acme) == before and config(bench, acme) == settings
	assert ask(bench, acme, "/api/method/ping").status_code == 200 and call(bench, acme, "notes") == []
	assert frappe.get_last_doc("Site Shadow", {"tenant": acme.name}).status == "Dropped"


def test_a_site_is_migrated_in_place_and_stays_as_staff_had_it(bench, acme, frappe, holding):
	from buildpro_saas.fleet import shadows, site_state

	call(bench, acme, "prepare", wanted="waits")
	acme.reload()
	database = acme.database
	batch = started(bench, acme, in_place=True)
	wait_until_it_waits(bench)
	assert ask(bench, acme, "/login").status_code == 503
	(told,) = site_state.of_tenant(acme)
	assert told.startswith("Held, and closed to everybody, since") and "pj-" in told.lower()
	bench.services.kill("provisioning")
	frappe.db.rollback()
	shadow = frappe.get_last_doc("Site Shadow", {"tenant": acme.name})
	assert (shadow.holds_site, shadow.is_way_back) == (1, 1)
	with pytest.raises(Exception, match="only way back"):
		shadows.forget_copy(shadow.name)
	holding()
	bench.services.start("provisioning")
	bench.services.wait_ready("provisioning")
	# the patch cannot be run twice: what the killed one did was put back first
	bench.wait_looking(
		lambda: frappe.db.get_value("Batch", batch.name, "status") == "Completed",
		SECONDS,
	)
	assert call(bench, acme, "tables")["tabMode of Trial"] == "patched" and pending(bench, acme) == []
	acme.reload()
	assert acme.database == database and site_state.of_tenant(acme) == []
	assert ask(bench, acme, "/api/method/ping").status_code == 200
	bench.wait_for(lambda: call(bench, acme, "notes") == ["by a patch"], SECONDS)
	frappe.db.rollback()
	shadow.reload()
	assert (shadow.status, shadow.holds_site, shadow.is_way_back) == ("Dropped", 0, 0)


# -- held, and killed meanwhile ----------------------------------------------------------------------------------------


def test_people_read_and_nobody_writes_while_a_copy_is_migrated(bench, acme, frappe, holding):
	from buildpro_saas.fleet import site_state

	call(bench, acme, "prepare", wanted="waits")
	batch = started(bench, acme)
	wait_until_it_waits(bench)
	assert ask(bench, acme, "/login").status_code == 200
	signing_in = {"usr": "Administrator", "pwd": "x"}
	refused = ask(bench, acme, "/api/method/login", "POST", data=signing_in)
	assert refused.status_code in (401, 503), refused.text
	if refused.status_code == 503:
		assert int(refused.headers["Retry-After"]) > 1
	(told,) = site_state.of_tenant(acme)
	assert told.startswith("Held for writers since") and "pj-" in told.lower()
	holding()
	assert ended(bench, batch).status == "Completed"
	assert site_state.of_tenant(acme) == []


def test_who_writes_all_the_same_makes_it_begin_again(bench, acme, frappe, holding):
	call(bench, acme, "prepare", wanted="waits")
	batch = started(bench, acme)
	wait_until_it_waits(bench)
	call(bench, acme, "write_note", title="by a console")  # which no hold keeps away
	holding()
	row = ended(bench, batch)
	assert row.status == "Completed", row.message
	assert "by a console" in call(bench, acme, "notes")
	output = "".join(step.output or "" for step in bench.job(acme.name).steps)
	assert "Somebody wrote into" in output and "tabNote" in output


def test_a_killed_worker_lets_writers_in_and_the_migrate_goes_on(bench, acme, frappe, holding):
	call(bench, acme, "prepare", wanted="waits")
	batch = started(bench, acme)
	wait_until_it_waits(bench)
	bench.services.kill("provisioning")
	frappe.db.rollback()
	assert frappe.db.get_value("Site Shadow", {"tenant": acme.name, "holds_site": 1})
	holding()
	bench.services.start("provisioning")
	bench.services.wait_ready("provisioning")
	bench.wait_looking(
		lambda: frappe.db.get_value("Batch", batch.name, "status") == "Completed",
		SECONDS,
	)
	assert call(bench, acme, "tables")["tabMode of Trial"] == "patched"
	assert "buildpro_held" not in config(bench, acme)


def test_a_patch_whose_process_is_killed_is_tried_again_alone(bench, acme, frappe, tmp_path):
	call(bench, acme, "prepare", wanted=f"killed {tmp_path / 'killed'}")
	row = ended(bench, started(bench, acme))
	assert row.status == "Completed" and row.message.startswith("Migrated: 1 patches"), row.message
	job = bench.job(acme.name)
	output = "".join(step.output or "" for step in job.steps)
	assert "was ended with signal 9" in output and "once no other heavy job runs" in output
	assert (job.status, job.runs, job.alone) == ("Completed", 2, 0)
	assert call(bench, acme, "tables")["tabMode of Trial"] == "patched"


def test_a_job_that_ends_without_letting_go_is_found(bench, acme, frappe, holding):
	from buildpro_saas.fleet import holds

	call(bench, acme, "prepare", wanted="waits")
	batch = started(bench, acme)
	wait_until_it_waits(bench)
	bench.services.kill("provisioning")
	job = bench.job(acme.name)
	holds.let_go_of_forgotten()
	assert "buildpro_held" in config(bench, acme)  # the job is to go on
	frappe.db.set_value("Provisioning Job", job.name, {"status": "Failed", "holds": 0})
	frappe.get_doc("Batch", batch.name).cancel_batch()
	frappe.db.commit()
	bench.wait_for(lambda: holds.let_go_of_forgotten() or "buildpro_held" not in config(bench, acme), SECONDS)
	frappe.db.rollback()
	shadow = frappe.get_last_doc("Site Shadow", {"tenant": acme.name})
	assert (shadow.status, shadow.holds_site) == ("Dropped", 0)
	frappe.db.set_value("Provisioning Job", job.name, "status", "Cancelled")
	frappe.db.commit()
	holding()
	bench.services.start("provisioning")
	bench.services.wait_ready("provisioning")
