"""A site that was nobody's tenant becomes a tenant's: from the bench, from a backup's files. The old one is as it was."""

import gzip
import json
import os

import pytest
import requests
from old_site import OldSite
from on_old_site import PASSWORD, USER
from site_of_tenant import drop

SECONDS, JOB_SECONDS = 60, 300
STAY = {"notes": ["then"], "file": "then", "secret": "hidden", "field": True}


@pytest.fixture(scope="module")
def old(module_bench, services):
	"""One old site for this module."""
	if not services.home.framework_sql.exists():
		pytest.skip("a site with the framework alone is kept on a private bench only")
	site = OldSite(module_bench, f"old-{os.urandom(3).hex()}.localhost", services.home.framework_sql)
	try:
		yield site.make()
	finally:
		site.remove()


@pytest.fixture
def bench(module_bench):
	"""The bench; the tenants of a test go, and nothing else is left."""
	module_bench.frappe.db.rollback()
	before, tenants = module_bench.everything(), list(module_bench.tenants)
	yield module_bench
	module_bench.frappe.db.rollback()
	module_bench.clean_up()
	module_bench.tenants[:] = tenants
	assert module_bench.everything() == before


def origin(**named) -> dict:
	from buildpro_saas.control_plane.doctype.tenant import taking_in

	return taking_in.origin_of(**named)


def looked_at(bench, of: dict, subdomain: str | None = None, plan: str = "Core") -> tuple[dict, str]:
	from buildpro_saas.control_plane.doctype.tenant import taking_in

	on = taking_in.bench_for(of, None)
	return taking_in.look(of, plan, on, subdomain), on


def take_in(bench, of: dict, **fields):
	"""Take it in as staff do; returns the tenant. Its job is under way."""
	from buildpro_saas.control_plane.doctype.tenant import taking_in

	subdomain = f"t{os.urandom(4).hex()}"
	told, on = looked_at(bench, of, subdomain)
	tenant = taking_in.take_in(of, told, on, subdomain=subdomain, plan="Core", **fields)
	bench.tenants.append(tenant.name)
	bench.frappe.db.commit()
	return tenant


def signed_in(bench, site: str, password: str = PASSWORD) -> int:
	url = f"http://127.0.0.1:{bench.services.port('web')}/api/method/login"
	given = {"usr": USER, "pwd": password}
	return requests.post(url, data=given, headers={"Host": site}, timeout=SECONDS).status_code


def told_on(bench, tenant) -> dict:
	return bench.on_site(tenant.name, "on_old_site.told")


def check_is_taken_in(bench, tenant) -> None:
	assert bench.wait_job(tenant.name).status == "Completed", bench.describe(tenant.name)
	tenant.reload()
	assert tenant.status == "Active" and tenant.company == "Old Brothers" and tenant.owner_email == USER
	assert tenant.country == "Germany" and tenant.time_zone == "Europe/Berlin"
	assert "Custom Field (1): Note-site_no" in tenant.customisations_found
	assert "Client Script (1): Old Script" in tenant.customisations_found
	told = told_on(bench, tenant)
	assert STAY.items() <= told.items() and USER in told["users"]
	assert {"frappe", "buildpro_saas"} <= set(told["apps"])
	assert {row.app for row in tenant.apps} == set(told["apps"])
	assert signed_in(bench, tenant.site) == 200 and signed_in(bench, tenant.site, "wrong") == 401


def test_what_stands_in_the_way_is_told_at_once(bench, old, tmp_path):
	before, told = old.state(), looked_at(bench, origin(site=old.name))[0]
	assert told["faults"] == [] and told["installed"][0] == "buildpro_saas" and told["users"] == 1
	assert told["owner"] == {"email": USER, "name": "Olga Old"} and told["size"]["database"] > 10**6
	assert told["domains"] == [old.name] and told["has_key"] and told["seconds"] > 0
	assert {"Custom Field": ["Note-site_no"], "Client Script": ["Old Script"]}.items() <= told[
		"customisations"
	].items()
	assert old.state() == before
	admin = looked_at(bench, origin(site=bench.frappe.local.site), "www")[0]
	assert any("the admin site" in fault for fault in admin["faults"])
	assert any("reserved" in fault for fault in admin["faults"]), admin["faults"]
	for named, said in (
		({"site": "no.such.site"}, "There is no site"),
		({"files": str(tmp_path)}, "There is no backup"),
		({"files": "relative"}, "by its whole path"),
		({"files": "/x", "site": "y"}, "either a site"),
		({"files": "/x", "maintenance": True}, "Only a site of the bench"),
	):
		with pytest.raises(bench.frappe.ValidationError, match=said):
			looked_at(bench, origin(**named))


def test_from_a_backup_s_files_and_from_uploaded_ones(bench, old, bench_command, tmp_path):
	done = bench_command("--site", old.name, "backup", "--with-files", "--backup-path", str(tmp_path))
	assert done.returncode == 0, done.stderr
	asked = ("adopt", "--files", str(tmp_path), "--plan", "Core", "--dry-run", "--json")
	dry = bench_command("--site", bench.frappe.local.site, "saas", *asked)
	assert dry.returncode == 0, dry.stdout + dry.stderr
	told = json.loads(dry.stdout)
	assert told["owner"]["email"] == USER and told["users"] == 1 and told["faults"] == []
	assert told["customisations"]["Custom Field"] == ["Note-site_no"]
	doc = bench.frappe.get_doc(
		{
			"doctype": "Site Intake",
			"source": "Uploaded Backup",
			"plan": "Core",
			"subdomain": f"t{os.urandom(4).hex()}",
		}
	).insert()
	with pytest.raises(bench.frappe.ValidationError, match="Attach the dump"):
		doc.look()
	uploads = upload(bench, doc, tmp_path)
	assert look(bench, doc) == "Ready" and "Note-site_no" in doc.report
	made = doc.take_in()
	bench.tenants.append(made["tenant"])
	bench.frappe.db.commit()
	check_is_taken_in(bench, bench.frappe.get_doc("Tenant", made["tenant"]))
	with pytest.raises(bench.frappe.ValidationError, match="taken in as"):
		doc.take_in()
	bench.frappe.db.rollback()
	for name in uploads:
		bench.frappe.delete_doc("File", name, force=True)
	bench.frappe.delete_doc("Site Intake", doc.name, force=True)
	bench.frappe.db.commit()
	check_large(bench, tmp_path)


def look(bench, doc) -> str:
	"""Press Look, and wait for what the job finds; returns the record's status."""
	doc.look()
	bench.frappe.db.commit()
	bench.wait_for(lambda: of_intake(bench, doc.name).status != "Looking", JOB_SECONDS)
	doc.reload()
	return doc.status


def of_intake(bench, name: str):
	bench.frappe.db.commit()
	return bench.frappe.db.get_value("Site Intake", name, ["status", "job", "report"], as_dict=True)


def check_large(bench, backup) -> None:
	"""A dump that takes long to read is read by a job: the request answers at once, the job says how far it is, and can be stopped."""
	from buildpro_saas.api import tenants

	folder = backup / "large"
	folder.mkdir()
	(dump,) = backup.glob("*-database.sql.gz")
	begin, mark, end = gzip.decompress(dump.read_bytes()).rpartition(b"\n-- Dump completed")
	rows = b"INSERT INTO `tabError Log` VALUES ('" + b"x" * 10**6 + b"');\n"
	parts = [begin, *[rows * 50] * 40, mark + end]  # 2 GB, packed 2 MB
	packed = {part: gzip.compress(part, 1) for part in set(parts)}
	(folder / dump.name).write_bytes(b"".join(packed[part] for part in parts))
	asked = {"plan": "Core", "files": str(folder), "without_key": 1, "subdomain": f"t{os.urandom(4).hex()}"}
	made = tenants.look_at_site(**asked)
	with pytest.raises(bench.frappe.ValidationError, match="looks already"):
		bench.frappe.get_doc("Site Intake", made["intake"]).look()
	bench.frappe.db.commit()
	with pytest.raises(bench.frappe.ValidationError, match="is Looking: press Look first"):
		tenants.take_in(made["intake"])
	bench.frappe.db.rollback()
	bench.wait_for(lambda: "MB of the dump" in output_of(bench, made["job"]), JOB_SECONDS)
	assert tenants.looked_at(made["intake"])["status"] == "Looking"
	bench.frappe.get_doc("Provisioning Job", made["job"]).cancel_job()
	is_cancelled(bench, made["job"])
	assert of_intake(bench, made["intake"]) == {"status": "New", "job": made["job"], "report": None}

	doc = bench.frappe.get_doc("Site Intake", made["intake"])
	job = doc.look()["job"]
	bench.frappe.db.commit()
	doc.update({"plan": "Growth"}).save()  # another question: nobody asks for what that job finds
	is_cancelled(bench, job)
	assert of_intake(bench, doc.name) == {"status": "New", "job": None, "report": None}
	doc.update({"files": "/no/such/folder"}).save()
	assert look(bench, doc) == "Blocked" and "/no/such/folder" in doc.report
	with pytest.raises(bench.frappe.ValidationError, match="is Blocked"):
		tenants.take_in(doc.name)
	bench.frappe.db.rollback()
	doc.delete()
	bench.frappe.db.commit()


def output_of(bench, job: str) -> str:
	bench.frappe.db.commit()
	(step,) = bench.frappe.get_all("Provisioning Job Step", {"parent": job}, ["output"])
	return step.output or ""


def is_cancelled(bench, job: str) -> None:
	bench.frappe.db.commit()

	def has_ended() -> bool:
		bench.frappe.db.commit()
		return bench.frappe.db.get_value("Provisioning Job", job, "status") == "Cancelled"

	bench.wait_for(has_ended, JOB_SECONDS)


def upload(bench, doc, folder) -> list[str]:
	"""Attach the four files as Desk does; returns the Files' names."""
	ends = {
		"database_file": "-database.sql.gz",
		"private_files": "-private-files.tar",
		"config": "config_backup.json",
	}
	made = []
	for field, end in ends.items():
		(path,) = folder.glob(f"*{end}")
		file = bench.frappe.get_doc(
			{
				"doctype": "File",
				"file_name": path.name,
				"content": path.read_bytes(),
				"is_private": 1,
				"attached_to_doctype": doc.doctype,
				"attached_to_name": doc.name,
				"attached_to_field": field,
			}
		).insert()
		made.append(file.name)
		doc.set(field, file.file_url)
	doc.save()
	return made


@pytest.mark.fault
@pytest.mark.parametrize("step", ("fill_shadow", "configure_new"))
def test_killed_and_cancelled_nothing_is_left(bench, old, bench_command, step):
	before, there, subdomain = old.state(), bench.everything(), f"t{os.urandom(4).hex()}"
	bench.tenants.append(subdomain)
	with bench.held(step, "Completed"):
		asked = ("adopt", old.name, "--subdomain", subdomain, "--plan", "Core", "--maintenance", "--json")
		done = bench_command("--site", bench.frappe.local.site, "saas", *asked)
		assert done.returncode == 0, done.stdout + done.stderr
		tenant = bench.frappe.get_doc("Tenant", json.loads(done.stdout)["tenant"])
		bench.wait_held(tenant.name)
		assert old.config()["maintenance_mode"] == 1
		if step == "configure_new":  # people may look at it, and nobody can sign in
			assert signed_in(bench, tenant.site) != 200
		kill_and_cancel(bench, tenant)
	wait_for_cancel(bench, tenant)
	assert bench.status(tenant.name) == "Draft"
	assert old.state() == before and bench.everything() == there


@pytest.mark.fault
def test_in_place_the_site_is_given_back_or_becomes_the_tenant_s(module_bench, old):
	"""The last one: the site is the tenant's afterwards."""
	bench, before = module_bench, old.state()
	there = bench.everything()
	with bench.held("take_over", "Completed"):
		tenant = take_in(bench, origin(site=old.name, in_place=True))
		bench.wait_held(tenant.name)
		# it is the tenant's, with its copy's database, and people can only read
		assert old.config()["db_name"] != old.database and old.config()["maintenance_mode"] == 1
		kill_and_cancel(bench, tenant)
	wait_for_cancel(bench, tenant)
	assert old.state() == before and signed_in(bench, old.name) == 200
	assert bench.everything() == there

	tenant.provision()  # the same way as before
	bench.frappe.db.commit()
	check_is_taken_in(bench, tenant)
	assert tenant.site == old.name and tenant.database == old.config()["db_name"] != old.database
	kept = bench.frappe.get_all(
		"Site Shadow", {"tenant": tenant.name, "status": "Ready"}, ["name", "database"]
	)
	assert [row.database for row in kept] == [old.database]
	with pytest.raises(bench.frappe.ValidationError, match="cannot be the tenant's"):
		bench.frappe.get_doc("Site Shadow", kept[0].name).swap_in(tenant.subdomain)
	bench.frappe.db.rollback()
	forget_shadows(bench, tenant)


def kill_and_cancel(bench, tenant) -> None:
	bench.services.kill("provisioning")
	bench.frappe.get_doc("Provisioning Job", bench.job(tenant.name).name).cancel_job()
	bench.frappe.db.commit()


def wait_for_cancel(bench, tenant) -> None:
	bench.services.start_all("provisioning")
	job = bench.job(tenant.name).name
	bench.wait_for(lambda: bench.look_after() or bench.has_ended(job), 10 * SECONDS)
	assert bench.job(tenant.name).status == "Cancelled", bench.describe(tenant.name)


def forget_shadows(bench, tenant) -> None:
	for name in bench.frappe.get_all("Site Shadow", {"tenant": tenant.name, "status": "Ready"}, pluck="name"):
		drop(bench.frappe, name)
	bench.frappe.db.delete("Site Shadow", {"tenant": tenant.name})
	bench.frappe.db.commit()
