"""A tenant's request or job writes no file outside the site's folder, and reads none of another site: whatever of Frappe it goes through."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def apps(frappe) -> set[str]:
	"""Every file and folder of Frappe's app and ours, but for what Python compiles."""
	found = set()
	for app in ("frappe", "buildpro_saas"):
		for path, folders, files in os.walk(frappe.get_app_path(app)):
			folders[:] = [name for name in folders if name not in ("__pycache__", "node_modules", "public")]
			found.update(os.path.join(path, name) for name in (*folders, *files))
	return found


def module_def(frappe):
	frappe.get_doc(
		{"doctype": "Module Def", "module_name": "Mallory", "app_name": "frappe", "custom": 0}
	).insert()


def module_def_by_its_method(frappe):
	values = {"doctype": "Module Def", "name": "Mallory", "module_name": "Mallory", "app_name": "frappe"}
	frappe.get_doc(values).create_modules_folder()


def doctypes_controller(frappe):
	frappe.get_doc({"doctype": "DocType", "name": "Mallory", "module": "Core"}).make_controller_template()


def report(frappe):
	values = {
		"report_name": "Mallory",
		"ref_doctype": "ToDo",
		"report_type": "Script Report",
		"is_standard": "Yes",
		"module": "Core",
	}
	frappe.get_doc({"doctype": "Report", **values}).insert()


def reports_code(frappe):
	values = {
		"report_name": "Mallory",
		"name": "Mallory",
		"is_standard": "Yes",
		"module": "Core",
		"report_type": "Script Report",
	}
	frappe.get_doc({"doctype": "Report", **values}).create_report_py()


def print_format(frappe):
	values = {
		"name": "Mallory",
		"doc_type": "ToDo",
		"module": "Core",
		"standard": "Yes",
		"custom_format": 1,
		"html": "x",
	}
	frappe.get_doc({"doctype": "Print Format", **values}).insert()


def web_form(frappe):
	values = {"title": "Mallory", "route": "mallory", "doc_type": "ToDo", "module": "Core", "is_standard": 1}
	frappe.get_doc({"doctype": "Web Form", **values}).insert()


def notification(frappe):
	values = {
		"name": "Mallory",
		"subject": "x",
		"document_type": "ToDo",
		"event": "New",
		"module": "Core",
		"is_standard": 1,
	}
	frappe.get_doc(
		{"doctype": "Notification", **values, "channel": "System Notification", "message": "x"}
	).insert()


def workspace(frappe):
	values = {"label": "Mallory", "title": "Mallory", "public": 1, "module": "Core", "content": "[]"}
	frappe.get_doc({"doctype": "Workspace", **values}).insert()


def dashboard(frappe):
	values = {"dashboard_name": "Mallory", "is_standard": 1, "module": "Core"}
	frappe.get_doc({"doctype": "Dashboard", **values, "charts": []}).insert(ignore_mandatory=True)


def customizations(frappe):
	from frappe.modules.utils import export_customizations

	values = {"doc_type": "ToDo", "doctype_or_field": "DocType", "property": "track_seen", "value": "1"}
	frappe.get_doc({"doctype": "Property Setter", **values, "property_type": "Check"}).insert()
	export_customizations("Core", "ToDo")


def exported_document(frappe):
	from frappe.modules.export_file import write_document_file

	write_document_file(frappe.get_doc("Module Def", "Core"), "Core", folder_name="mallory")


def web_template(frappe):
	values = {"name": "Mallory", "type": "Section", "module": "Website", "standard": 1, "template": "x"}
	frappe.get_doc({"doctype": "Web Template", **values}).insert()


def website_theme(frappe):
	values = {"theme": "../../../../apps/mallory", "module": "Website", "custom": 1}
	made = frappe.get_doc({"doctype": "Website Theme", **values})
	made.name = "../../../../../../apps/mallory"
	made.generate_bootstrap_theme()


def a_file(frappe):
	Path(frappe.get_app_path("frappe"), "mallory.py").write_text("")


def a_link(frappe):
	os.symlink("/etc/passwd", frappe.get_app_path("frappe", "mallory.py"))


def a_move(frappe):
	source = Path(frappe.get_site_path("private", "files", "mallory.py"))
	source.write_text("")
	try:
		os.replace(source, frappe.get_app_path("frappe", "mallory.py"))
	finally:
		source.unlink()


def a_configuration(frappe):
	with open(os.path.join(frappe.local.sites_path, "common_site_config.json"), "a") as file:
		file.write(" ")


def a_folder_beside_the_site(frappe):
	os.makedirs(os.path.join(frappe.local.sites_path, "mallory.localhost"))


def through_a_link_in_the_site(frappe):
	link = Path(frappe.get_site_path("private", "files", "mallory"))
	os.symlink(frappe.get_app_path("frappe"), link)
	try:
		(link / "mallory.py").write_text("")
	finally:
		frappe.local.conf["buildpro_role"] = "admin"  # the tenant may not even take it away
		link.unlink()


def through_a_file_that_is_a_link(frappe):
	link = Path(frappe.get_site_path("private", "files", "mallory.py"))
	os.symlink(frappe.get_app_path("frappe", "mallory.py"), link)
	try:
		link.write_text("")
	finally:
		frappe.local.conf["buildpro_role"] = "admin"  # the tenant may not even take it away
		link.unlink()


WRITERS = (
	*(
		module_def,
		module_def_by_its_method,
		doctypes_controller,
		report,
		reports_code,
		print_format,
	),
	*(
		web_form,
		notification,
		workspace,
		dashboard,
		customizations,
		exported_document,
		web_template,
		website_theme,
	),
	*(a_file, a_link, a_move, a_configuration, a_folder_beside_the_site, through_a_link_in_the_site),
	*(through_a_file_that_is_a_link,),
)


@pytest.mark.parametrize("write", WRITERS, ids=lambda each: each.__name__)
def test_what_writes_beyond_the_sites_folder(request_of_a_tenant, write):
	frappe = request_of_a_tenant
	before = (
		apps(frappe),
		set(os.listdir(frappe.local.sites_path)),
		set(os.listdir(Path(frappe.get_app_path("frappe")).parents[1])),
	)
	with pytest.raises((frappe.PermissionError, frappe.ValidationError, frappe.MandatoryError)) as refusal:
		write(frappe)
	# some are refused before they get to a file
	assert any(word in str(refusal.value) for word in ("file", "part of an app")), refusal.value
	after = (
		apps(frappe),
		set(os.listdir(frappe.local.sites_path)),
		set(os.listdir(Path(frappe.get_app_path("frappe")).parents[1])),
	)
	assert after == before


def test_the_same_in_a_job(frappe, monkeypatch):
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	monkeypatch.setitem(frappe.flags, "buildpro_in_job", "frappe.ping")
	with pytest.raises(frappe.PermissionError, match="mallory"):
		a_file(frappe)


@pytest.mark.parametrize("flag", ["in_migrate", "in_install", "in_patch", "in_import", "in_test"])
def test_no_flag_opens_it(request_of_a_tenant, monkeypatch, flag):
	monkeypatch.setitem(request_of_a_tenant.flags, flag, True)
	with pytest.raises(request_of_a_tenant.PermissionError, match="mallory"):
		a_file(request_of_a_tenant)


@pytest.fixture
def other_site(bench_path):
	"""A neighbour's folder."""
	folder = bench_path / "sites" / "neighbour-of-mallory.localhost"
	folder.mkdir()
	config = folder / "site_config.json"
	config.write_text(json.dumps({"db_password": "secret"}))
	yield config
	config.unlink()
	folder.rmdir()


def test_a_neighbours_files_are_not_read(other_site, request_of_a_tenant):
	frappe = request_of_a_tenant
	for path in (
		other_site,
		f"./{other_site.parent.name}/site_config.json",
		f"../sites/{other_site.parent.name}/site_config.json",
	):
		with pytest.raises(frappe.PermissionError, match="files of its own"):
			frappe.read_file(path, raise_not_found=True)


def test_what_a_request_needs_is_written_and_read(request_of_a_tenant, tmp_path):
	frappe = request_of_a_tenant
	for path in (
		Path(frappe.get_site_path("private", "files", "of-a-tenant.txt")),
		tmp_path / "passing.txt",
		Path(frappe.local.sites_path, frappe.generate_hash(length=10)),
	):
		path.write_text("x")
		assert path.read_text() == "x"
		path.unlink()
	made = frappe.get_doc({"doctype": "File", "file_name": "of-a-tenant.txt", "content": "x"}).insert()
	assert made.get_content() in (b"x", "x")
	made.delete()
	assert frappe.read_file(frappe.get_app_path("frappe", "modules.txt")) and frappe.get_site_config()


def test_the_operator_writes_as_ever(frappe, monkeypatch):
	"""Neither a request nor a job: bench, migrating, installing, images."""
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "tenant")
	path = Path(frappe.get_app_path("buildpro_saas"), "operators-own.txt")
	path.write_text("x")
	path.unlink()


def test_an_admin_site_writes_as_ever(request_of_a_tenant, monkeypatch):
	frappe = request_of_a_tenant
	monkeypatch.setitem(frappe.local.conf, "buildpro_role", "admin")
	path = Path(frappe.get_app_path("buildpro_saas"), "operators-own.txt")
	path.write_text("x")
	path.unlink()


FIRST_FILE = """
import tempfile
import frappe
frappe.init(site={site!r}, sites_path=".")
frappe.get_hooks(app_name="buildpro_saas")
from buildpro_saas.tenant_site import sandbox
from buildpro_saas.tenant_site.maintenance import IN_JOB
frappe.local.conf["buildpro_role"] = "tenant"
frappe.local.flags[IN_JOB] = True
tempfile.tempdir = None  # as in a process that has had no need of it
with tempfile.TemporaryFile() as file:
	file.write(b"x")
with open("../logs/buildpro-test.log", "a"):
	print("written")
"""


def test_the_first_file_of_a_process_does_not_wait_for_itself(bench_path, admin_site_name):
	"""Python looks for the folder of temporary files by writing into it, under a lock."""
	done = subprocess.run(
		[sys.executable, "-c", FIRST_FILE.format(site=admin_site_name)],
		cwd=bench_path / "sites",
		capture_output=True,
		text=True,
		timeout=60,
		check=False,
	)
	(bench_path / "logs" / "buildpro-test.log").unlink(missing_ok=True)
	assert done.stdout.endswith("written\n"), done.stderr
