"""A tenant's request or job writes no file outside the site's folder, and reads none of another site: whatever of Frappe it goes through."""

import json
import logging
import os
import subprocess
import sys
from logging.handlers import RotatingFileHandler
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


@pytest.fixture
def settings(frappe):
	"""The site's files of settings, which are put back however a test ends."""
	paths = [Path(frappe.get_site_path(name)).resolve() for name in SETTINGS]
	before = {path: path.read_text() if path.exists() else None for path in paths}
	yield
	frappe.local.conf["buildpro_role"] = "admin"
	for path, text in before.items():
		if text is None:
			path.unlink(missing_ok=True)
		elif not path.exists() or path.read_text() != text:
			path.write_text(text)


SETTINGS = ("site_config.json", "entitlement.json", "sync.json")


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_the_site_are_not_the_tenants(settings, request_of_a_tenant, name):
	frappe = request_of_a_tenant
	path = Path(frappe.get_site_path(name))
	aside = Path(frappe.get_site_path("private", "files", "aside.json"))
	before = path.read_text() if path.exists() else None
	for change in (
		lambda: os.remove(path),
		lambda: os.rename(path, aside),
		lambda: os.truncate(path, 0),
		lambda: path.write_text("{}"),
		lambda: os.chmod(path, 0o644),
	):
		with pytest.raises(frappe.PermissionError, match=name):
			change()
	aside.write_text("{}")
	with pytest.raises(frappe.PermissionError, match=name):
		os.replace(aside, path)
	aside.unlink()
	with pytest.raises(frappe.PermissionError):
		os.rename(frappe.get_site_path(), f"{frappe.get_site_path()}-gone")
	assert (path.read_text() if path.exists() else None) == before


def test_their_own_writers_write_them(settings, request_of_a_tenant):
	from frappe.installer import update_site_config

	from buildpro_saas.agent import site_config

	frappe = request_of_a_tenant
	update_site_config("buildpro_test", "x")
	assert site_config.read(frappe.get_site_path())["buildpro_test"] == "x"
	site_config.update_own({"buildpro_test": None})
	assert "buildpro_test" not in site_config.read(frappe.get_site_path())


@pytest.fixture
def log(bench_path):
	path = bench_path / "logs" / "buildpro-test.log"
	path.write_text("x\n")
	yield path
	for each in path.parent.glob(f"{path.name}*"):
		each.unlink()


def test_logs_are_written_and_nothing_else(log, request_of_a_tenant):
	for use in (
		lambda: log.unlink(),
		lambda: log.rename(log.with_suffix(".old")),
		lambda: os.truncate(log, 0),
		lambda: log.write_text(""),
		lambda: log.open("a+"),
		lambda: log.read_text(),
		lambda: (log.parent / "folder").mkdir(),
	):
		with pytest.raises(request_of_a_tenant.PermissionError):
			use()
	handler = RotatingFileHandler(log, maxBytes=1, backupCount=2)
	for word in ("first", "second", "third", "fourth"):
		handler.emit(logging.makeLogRecord({"msg": word}))
	handler.close()
	assert len(list(log.parent.glob(f"{log.name}*"))) == 3


def test_what_others_have_in_the_temporary_folder_stays(frappe, tmp_path, request):
	place = tmp_path / "of-the-operator.txt"
	place.write_text("x")
	request.getfixturevalue("request_of_a_tenant")
	for use in (
		lambda: place.unlink(),
		lambda: place.rename(tmp_path / "elsewhere"),
		lambda: os.truncate(place, 0),
		lambda: place.write_text(""),
		lambda: tmp_path.rmdir(),
		lambda: place.read_text(),
	):
		with pytest.raises(frappe.PermissionError):
			use()
	own = tmp_path / "own.txt"
	own.write_text("x")
	with pytest.raises(frappe.PermissionError):
		own.replace(place)
	own.unlink()
	assert place.stat().st_size == 1


def test_a_pdf_is_given_no_files_by_its_caller(frappe, tmp_path, request, monkeypatch):
	"""Frappe removes them afterwards."""
	from frappe.utils import pdf

	from buildpro_saas.tenant_site.sandbox import printing

	place = tmp_path / "of-the-operator.html"
	place.write_text("x")
	request.getfixturevalue("request_of_a_tenant")
	printing.keep()
	given = {}
	monkeypatch.setattr(pdf, "prepare_options", lambda html, options: given.update(options) or 1 / 0)
	names = ("header-html", "footer-html", "cookie-jar", "--header-html", "Cookie-Jar", "proxy")
	with pytest.raises(ZeroDivisionError):
		pdf.get_pdf("<p>x</p>", {**dict.fromkeys(names, str(place)), "orientation": "Landscape"})
	assert given == {"orientation": "Landscape"}


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
