"""A tenant's site restored from files: judged first, loaded into a shadow as its own user, checked, and put in the site's place."""

import gzip
import json
import os
import shutil

import pytest
import requests
from site_of_tenant import config, drop
from small_disk import for_root, full_disk

SECONDS = 60


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module."""
	return module_bench.active_tenant()


@pytest.fixture(scope="module")
def backup(module_bench, acme, bench_command, tmp_path_factory):
	"""The four files of `bench backup --with-files`, with a note of that moment and a password that the site's key encrypts."""
	module_bench.on_site(acme.name, "on_tenant_notes.write", title="then")
	module_bench.on_site(acme.name, "on_tenant_notes.secret")
	folder = tmp_path_factory.mktemp("backup")
	done = bench_command("--site", acme.site, "backup", "--with-files", "--backup-path", str(folder))
	assert done.returncode == 0, done.stderr
	assert len(list(folder.iterdir())) == 4
	return folder


@pytest.fixture
def bench(module_bench, acme):
	"""The bench; no shadow is left when a test ends."""
	frappe, place = module_bench.frappe, module_bench.path / "sites/.buildpro/shadows"
	before = set(place.glob("*"))
	yield module_bench
	frappe.db.rollback()
	agent_drop()
	for name in frappe.get_all("Site Shadow", {"tenant": acme.name}, pluck="name"):
		drop(frappe, name)
	assert set(place.glob("*")) == before
	frappe.db.delete("Site Shadow", {"tenant": acme.name})
	frappe.db.commit()


DATABASE, MARK = "_shadow_of_a_test", "test/restore"


def agent_drop() -> None:
	from buildpro_saas.agent import door

	door.here().do("drop_shadow", database=DATABASE, mark=MARK)


def run(operation: str, **spec):
	"""What the agent answers, as a job would have it."""
	from buildpro_saas.agent import door

	followed = {"id": os.urandom(4).hex(), "timeout": 300, "log": print, "checkpoint": lambda: None}
	return door.here().run(operation, **followed, **spec)


def load(folder, site: str):
	return run("load_into_shadow", folder=str(folder), database=DATABASE, mark=MARK, site=site)


def copied(folder, to):
	"""A copy of the backup, to be spoiled. The dump is unpacked."""
	shutil.copytree(folder, to)
	(packed,) = to.glob("*database.sql.gz")
	(to / "database.sql").write_bytes(gzip.decompress(packed.read_bytes()))
	packed.unlink()
	return to


def added(folder, text: str) -> None:
	"""Put statements before the dump's end mark."""
	path = folder / "database.sql"
	whole = path.read_bytes()
	at = whole.rindex(b"-- Dump completed")
	path.write_bytes(whole[:at] + text.encode() + whole[at:])


def in_shadow(bench, question: str) -> list:
	with bench.its_root() as cursor:
		cursor.execute(f"use `{DATABASE}`")
		cursor.execute(question)
		return list(cursor.fetchall())


# -- judged ------------------------------------------------------------------------------------------------------------


def test_the_framework_s_own_backup_is_judged(bench, acme, backup):
	judged = run("judge_backup", folder=str(backup))
	assert "MariaDB" in judged.server and judged.tables > 100
	assert {"frappe", "buildpro_saas"} <= judged.apps.keys() and judged.older == []
	assert judged.files["private"] >= 1 and judged.has_key and judged.tenant == acme.name
	assert judged.room.database > 10**6


def test_what_the_bench_cannot_take_is_told_before_anything_is_touched(bench, acme, backup, tmp_path):
	from buildpro_saas.agent.errors import AgentError

	folder, before = copied(backup, tmp_path / "b"), bench.everything()
	whole = (folder / "database.sql").read_bytes()

	def refused(said: str, **spec) -> None:
		with pytest.raises(AgentError, match=said):
			run("judge_backup", folder=str(folder), **spec)

	with pytest.raises(AgentError, match="There is no folder"):
		run("judge_backup", folder="relative/path")
	refused("GB on the disk of", keep_free=10**18)
	added(
		folder,
		"INSERT INTO `tabInstalled Application` (`app_name`,`app_version`) VALUES ('lending','1.0.0');\n",
	)
	refused("has lending, which the bench lacks")
	(folder / "database.sql").write_bytes(whole)
	added(
		folder,
		"INSERT INTO `tabInstalled Application` (`app_name`,`app_version`) VALUES ('frappe','99.1.0');\n",
	)
	refused(r"newer apps than the bench: frappe 99\.1\.0")
	(folder / "database.sql").write_bytes(whole[: len(whole) // 2])
	refused("cut off")
	shutil.copy(folder / "database.sql", folder / "x-database.sql")
	refused("more than one dump")
	assert bench.everything() == before


# -- loaded ------------------------------------------------------------------------------------------------------------


def test_a_backup_is_loaded_as_it_was(bench, acme, backup):
	from buildpro_saas.agent import door
	from buildpro_saas.agent.facts import SHADOWS

	loaded = load(backup, acme.site)
	assert in_shadow(bench, "select title from tabNote") == [("then",)]
	assert loaded.files["private"] >= 1
	(file,) = (bench.path / "sites/.buildpro/shadows" / DATABASE / "private/files").glob("then*.txt")
	assert file.read_text() == "then"
	config = door.here().do("read_site_config", site=DATABASE, place=SHADOWS)
	(noted,) = backup.glob("*site_config_backup.json")
	assert config["encryption_key"] == json.loads(noted.read_text())["encryption_key"]
	# and again, over what an interrupted try has left
	assert load(backup, acme.site).held.tables == loaded.held.tables


def test_a_backup_without_files_is_a_site_that_takes_files(bench, acme, backup, tmp_path):
	folder = copied(backup, tmp_path / "b")
	for archive in folder.glob("*files.tar"):
		archive.unlink()
	assert load(folder, acme.site).files == {}
	place = bench.path / "sites/.buildpro/shadows" / DATABASE
	assert all((place / part / "files").is_dir() for part in ("public", "private"))


def test_it_is_held_against_its_manifest(bench, acme, backup, tmp_path):
	from dataclasses import asdict

	from buildpro_saas.agent.errors import AgentError

	folder = copied(backup, tmp_path / "b")
	held = asdict(load(folder, acme.site).held)
	(folder / "manifest.json").write_text(json.dumps(held))
	assert load(folder, acme.site).is_compared
	held["tables"]["tabNote"][0] += 1
	(folder / "manifest.json").write_text(json.dumps(held))
	with pytest.raises(AgentError, match="tabNote has 1 rows in place of 2"):
		load(folder, acme.site)


def test_a_dump_reaches_no_other_database(bench, acme, backup, tmp_path):
	"""Not by a name, not by a definer, and not by a client's command."""
	from buildpro_saas.agent.errors import AgentError

	folder = copied(backup, tmp_path / "b")
	added(folder, f"CREATE VIEW `spy` AS select `name` from `{acme.database}`.`tabUser`;\n")
	with pytest.raises(AgentError, match="does not take the view spy"):
		load(folder, acme.site)


def test_what_the_world_puts_into_dumps_is_loaded(bench, acme, backup, tmp_path):
	folder = copied(backup, tmp_path / "b")
	added(
		folder,
		"""CREATE TABLE `tabOf MySQL` (`name` varchar(140) COLLATE utf8mb4_0900_ai_ci NOT NULL, PRIMARY KEY (`name`))
  ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
INSERT INTO `tabOf MySQL` VALUES ('collate utf8mb4_0900_ai_ci stays; it\\'s text');
CREATE SEQUENCE `of_mariadb` start with 1 minvalue 1 maxvalue 100 increment by 1 cache 0 nocycle ENGINE=InnoDB;
DO SETVAL(`of_mariadb`, 7, 0);
/*!50001 CREATE VIEW `late` AS SELECT
 1 AS `name`*/;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`gone`@`%`*/ /*!50003 TRIGGER `stamp` BEFORE INSERT ON `tabOf MySQL` FOR EACH ROW BEGIN
  SET NEW.name = concat(NEW.name, ';;');
END */;;
DELIMITER ;
/*!50001 DROP VIEW IF EXISTS `late`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`old`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `late` AS select `tabOf MySQL`.`name` AS `name` from `tabOf MySQL` */;
""",
	)
	judged = run("judge_backup", folder=str(folder))
	assert (judged.others["views"], judged.others["triggers"]) == (["late"], ["stamp"])
	assert "of_mariadb" in judged.others["sequences"]  # beside the framework's own
	assert any("utf8mb4_0900_ai_ci becomes" in note for note in judged.notes)
	load(folder, acme.site)
	assert list(in_shadow(bench, "select name from late")) == [
		("collate utf8mb4_0900_ai_ci stays; it's text",)
	]
	assert list(in_shadow(bench, "select nextval(of_mariadb)")) == [(7,)]


def test_triggers_do_not_wait_for_rows_that_another_connection_has_put_in(bench, acme, backup, tmp_path):
	"""The slow rows spread the tables over all connections; each trigger is then made by the first of them."""
	folder, tables = copied(backup, tmp_path / "b"), range(8)
	for at in tables:
		added(
			folder,
			f"CREATE TABLE `slow{at}` (`name` int NOT NULL, PRIMARY KEY (`name`)) ENGINE=InnoDB;\n"
			f"INSERT INTO `slow{at}` VALUES (1 + sleep(0.3));\n",
		)
	for at in tables:
		added(
			folder,
			f"DELIMITER ;;\nCREATE TRIGGER `stamp{at}` BEFORE INSERT ON `slow{at}` FOR EACH ROW SET NEW.name = NEW.name + 1 ;;\n"
			"DELIMITER ;\n",
		)
	assert load(folder, acme.site).held.tables["slow7"][0] == 1


def test_a_row_that_is_too_large_is_named_with_its_columns(bench, acme, backup, tmp_path):
	from buildpro_saas.agent.errors import AgentError

	folder = copied(backup, tmp_path / "b")
	columns = ",\n".join(f"  `c{at}` varchar({5000 + at})" for at in range(4))
	added(folder, f"CREATE TABLE `tabWide` (\n{columns}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n")
	with pytest.raises(AgentError, match=r"does not take the table tabWide.*[Rr]ow size too large") as told:
		load(folder, acme.site)
	assert "c3 (20012 bytes), c2 (20008 bytes)" in told.value.hint


@pytest.mark.fault
@for_root
def test_files_that_fill_the_disk_say_so(bench, acme, backup):
	place = bench.path / "sites/.buildpro/shadows"
	place.mkdir(parents=True, exist_ok=True)
	with full_disk(place), pytest.raises(Exception, match="No space left"):
		load(backup, acme.site)


def test_the_shadow_s_user_is_not_the_site_s(bench, acme, backup):
	"""And the site goes on as if nothing were: its database, its folder, its users."""
	before = bench.everything()
	load(backup, acme.site)
	agent_drop()
	assert bench.everything() == before


# -- restored ----------------------------------------------------------------------------------------------------------


def get(bench, tenant, path: str = "/api/method/ping") -> int:
	url = f"http://127.0.0.1:{bench.services.port('web')}{path}"
	return requests.get(url, headers={"Host": tenant.site}, timeout=SECONDS).status_code


def restored(bench, tenant, folder, *statuses: str, **asked):
	"""Ask for a restore, and return the job as it ended."""
	tenant.restore(str(folder), tenant.subdomain, **asked)
	bench.frappe.db.commit()
	job = bench.wait_job(tenant.name)
	assert job.status in (statuses or ("Completed",)), bench.describe(tenant.name)
	tenant.reload()
	return job


def cancelled(bench, tenant, job) -> None:
	bench.frappe.get_doc("Provisioning Job", job.name).cancel_job()
	bench.frappe.db.commit()
	assert bench.wait_job(tenant.name, "Cancelled").status == "Cancelled"


def titles(bench, tenant) -> list[str]:
	return bench.on_site(tenant.name, "on_tenant_notes.titles")


def output(job) -> str:
	return "\n".join(step.output or "" for step in job.steps)


def test_a_site_is_restored_and_the_restore_taken_back(bench, acme, backup):
	frappe = bench.frappe
	bench.on_site(acme.name, "on_tenant_notes.write", title="since")
	before, first = config(bench, acme), acme.database
	job = restored(bench, acme, backup)
	now = config(bench, acme)
	assert titles(bench, acme) == ["then"] and get(bench, acme) == 200
	assert acme.database == now["db_name"] != first
	# the site's own stay, also what the backup has otherwise
	own = {
		key: value for key, value in before.items() if key not in ("db_name", "db_password", "buildpro_job")
	}
	assert own.items() <= now.items() and "maintenance_mode" not in now
	assert bench.on_site(acme.name, "on_tenant_notes.known_secret") == "hidden"
	assert "a sign-in works" in output(job) and "/app" in output(job), output(job)
	assert "nothing to migrate" in output(job)
	with bench.its_root() as cursor:  # nothing of who signed in for the check
		for table, column in (
			("tabUser", "name"),
			("__Auth", "name"),
			("tabSessions", "user"),
			("tabActivity Log", "user"),
		):
			cursor.execute(
				f"select count(*) from `{acme.database}`.`{table}` where `{column}` like 'buildpro-check%'"
			)
			assert cursor.fetchone()[0] == 0, table
	shadow = frappe.get_all("Site Shadow", {"tenant": acme.name}, ["name", "status", "database"])
	assert [(row.status, row.database) for row in shadow] == [("Ready", first)]

	acme.swap_back(acme.subdomain)
	frappe.db.commit()
	assert bench.wait_job(acme.name).status == "Completed", bench.describe(acme.name)
	acme.reload()
	assert titles(bench, acme) == ["since", "then"] and acme.database == first


def test_from_a_shell(bench, acme, backup, bench_command):
	saas = ("--site", bench.frappe.local.site, "saas", "restore", acme.name)
	wrong = bench_command(*saas, "--files", str(backup), "--confirm", "other")
	assert wrong.returncode == 1 and f"Type {acme.subdomain}" in wrong.stdout + wrong.stderr
	relative = bench_command(*saas, "--files", "backup", "--confirm", acme.subdomain)
	assert relative.returncode == 1 and "by its whole path" in relative.stdout + relative.stderr
	done = bench_command(*saas, "--files", str(backup), "--confirm", acme.subdomain, "--wait", "--json")
	assert done.returncode == 0, done.stdout + done.stderr
	told = json.loads(done.stdout)
	assert told["status"] == "Completed" and told["shadow"].startswith("shadow-")
	acme.reload()
	assert titles(bench, acme) == ["then"]


def test_without_its_encryption_key_it_is_told_what_is_lost_before_the_swap(bench, acme, backup, tmp_path):
	from cryptography.fernet import Fernet

	folder, first = copied(backup, tmp_path / "b"), acme.database
	(noted,) = folder.glob("*site_config_backup.json")
	noted.write_text(json.dumps({"encryption_key": Fernet.generate_key().decode()}))
	job = restored(bench, acme, folder, "Failed")
	assert "1 passwords cannot be decrypted" in job.error and "User Administrator: api_secret" in job.error
	assert "--without-key" in job.hint and config(bench, acme)["db_name"] == first
	cancelled(bench, acme, job)
	assert bench.frappe.get_all("Site Shadow", {"tenant": acme.name}, pluck="status") == ["Dropped"]
	restored(bench, acme, folder, without_key=1)
	assert bench.on_site(acme.name, "on_tenant_notes.known_secret") is None


def test_an_older_backup_is_migrated_before_it_takes_the_site_s_place(bench, acme, backup, tmp_path):
	folder = copied(backup, tmp_path / "b")
	patch = "buildpro_saas.patches.send_what_waited"
	text = (folder / "database.sql").read_bytes()
	assert patch.encode() in text
	(folder / "database.sql").write_bytes(
		text.replace(patch.encode(), b"buildpro_saas.patches.of_another_name")
	)
	job = restored(bench, acme, folder)
	assert "1 patches to come" in output(job), output(job)
	assert get(bench, acme) == 200 and titles(bench, acme) == ["then"]
	assert bench.on_site(acme.name, "frappe.modules.patch_handler.executed", patchmodule=patch)


def test_the_backup_of_another_tenant_needs_a_word_of_its_own(bench, acme, backup, tmp_path):
	folder = copied(backup, tmp_path / "b")
	(noted,) = folder.glob("*site_config_backup.json")
	noted.write_text(json.dumps({**json.loads(noted.read_text()), "buildpro_tenant": "somebody"}))
	job = restored(bench, acme, folder, "Failed")
	assert "a backup of the tenant somebody, and not of" in job.error
	cancelled(bench, acme, job)


def test_what_cannot_be_restored_is_refused_and_nothing_is_begun(bench, acme, backup):
	frappe = bench.frappe
	for said, arguments in (
		(f"Type {acme.subdomain}", (str(backup), "other")),
		("by its whole path", ("here", acme.subdomain)),
		("There is no tenant nobody", (str(backup), acme.subdomain, "nobody")),
	):
		with pytest.raises(frappe.ValidationError, match=said):
			acme.restore(*arguments)
		frappe.db.rollback()
	job = restored(bench, acme, "/nowhere", "Failed")
	assert "There is no folder /nowhere" in job.error
	cancelled(bench, acme, job)
	with bench.held("judge_backup", "Running"):
		acme.restore(str(backup), acme.subdomain)
		frappe.db.commit()
		bench.wait_held(acme.name)
		with pytest.raises(
			frappe.ValidationError, match=r"PJ-\d+ \(Restore site.*\) of .* is at work on the site"
		):
			acme.restore(str(backup), acme.subdomain)
		frappe.db.rollback()
		frappe.get_doc("Provisioning Job", bench.job(acme.name).name).cancel_job()
		frappe.db.commit()
		bench.let_go()
		assert bench.wait_job(acme.name).status == "Cancelled"


def test_a_restore_whose_worker_is_killed_goes_on(bench, acme, backup):
	before = bench.everything()
	bench.kill_after(acme.name, "load_into_shadow", lambda: acme.restore(str(backup), acme.subdomain))
	acme.reload()
	assert titles(bench, acme) == ["then"]
	after = bench.everything()
	assert len(after["databases"]) == len(before["databases"]) + 1  # what was the site
