"""A tenant's request or job reads files of its site, of apps and of the system; none that lie beside them."""

import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest


def bench(frappe) -> Path:
	return Path(frappe.local.sites_path).resolve().parent


@pytest.fixture
def operators(frappe, tmp_path_factory):
	"""Files that are none of any site's, each with a secret: beside the bench's folders, in its logs, hidden in an app, temporary."""
	root = bench(frappe)
	places = [
		root / "config" / "of-the-operator.conf",
		root / "of-the-operator.json",
		root / "logs" / "of-the-operator.log",
		root / "archived" / "of-the-operator.sql",
		root / "sites" / "of-the-operator.sql",
		Path(frappe.get_app_path("frappe")).parent / ".of-the-operator" / "config",
		tmp_path_factory.mktemp("operator") / "of-the-operator.txt",
	]
	made = [each.parent for each in places if not each.parent.exists()]
	for place in places:
		place.parent.mkdir(exist_ok=True)
		place.write_text("secret")
	yield places
	for place in places:
		place.unlink(missing_ok=True)
	for folder in made:
		folder.rmdir()


def test_what_lies_beside_the_sites_is_not_read(operators, request_of_a_tenant):
	for place in operators:
		with pytest.raises(request_of_a_tenant.PermissionError, match="files of its own"):
			place.read_text()


@pytest.mark.parametrize(
	"path",
	[
		"/proc/self/environ",
		"/proc/self/cmdline",
		"/proc/self/maps",
		"/proc/1/status",
		"/etc/passwd",
		"/etc/hostname",
	],
)
def test_the_processs_and_the_machines_are_not_read(request_of_a_tenant, path):
	with pytest.raises(request_of_a_tenant.PermissionError):
		open(path).close()


def test_nor_by_a_link(operators, request_of_a_tenant):
	link = Path(request_of_a_tenant.get_site_path("private", "files", "mallory.txt"))
	for place in (operators[0], "/etc/passwd"):
		request_of_a_tenant.local.conf["buildpro_role"] = "admin"
		os.symlink(place, link)
		request_of_a_tenant.local.conf["buildpro_role"] = "tenant"
		with pytest.raises(request_of_a_tenant.PermissionError):
			link.read_text()
		request_of_a_tenant.local.conf["buildpro_role"] = "admin"
		link.unlink()


def test_the_benchs_configuration_is_read_by_frappe_alone(request_of_a_tenant):
	frappe = request_of_a_tenant
	config = os.path.join(frappe.local.sites_path, "common_site_config.json")
	assert frappe.get_site_config()["db_name"]
	with pytest.raises(frappe.PermissionError):
		frappe.read_file(config)
	frappe.local.request = None
	assert "redis_queue" in json.loads(frappe.read_file(config))


def test_what_looks_for_settings_at_home_goes_on(request_of_a_tenant, tmp_path_factory, monkeypatch):
	"""~/.netrc: requests would send the operator's passwords to any host that it names."""
	import requests.utils

	request_of_a_tenant.local.conf["buildpro_role"] = "admin"
	file = tmp_path_factory.mktemp("home") / ".netrc"
	file.write_text("default login operator password secret")
	monkeypatch.setenv("NETRC", str(file))
	assert requests.utils.get_netrc_auth("http://example.com")
	request_of_a_tenant.local.conf["buildpro_role"] = "tenant"
	assert requests.utils.get_netrc_auth("http://example.com") is None


def test_what_python_and_frappe_need_is_read(request_of_a_tenant):
	frappe = request_of_a_tenant
	for path in (
		"/etc/hosts",
		"/proc/self/stat",
		"/proc/meminfo",
		"/dev/urandom",
		json.__file__,
		ssl.__file__,
	):
		with open(path, "rb") as file:
			assert file.read(1)
	for path in ("assets/assets.json", frappe.get_site_path("site_config.json"), "apps.txt"):
		assert frappe.read_file(path)
	platform.platform()
	with open(shutil.which("sh"), "rb") as file:  # as pdfkit opens wkhtmltopdf
		assert file.read(1)
	with pytest.raises(FileNotFoundError):
		open("/etc/no-such-file-of-anybody").close()


def test_temporary_folders_are_used_and_removed(request_of_a_tenant):
	with tempfile.TemporaryDirectory() as folder:
		inner = Path(folder, "inner", "deeper")
		inner.mkdir(parents=True)
		(inner / "file.txt").write_text("x")
		# what a program makes in it is the site's as well
		subprocess.run([sys.executable, "-c", f"open({str(inner / 'made')!r}, 'w').write('x')"], check=True)
		assert (inner / "made").read_text() == "x"
	assert not os.path.exists(folder)
	with tempfile.TemporaryFile() as file:
		file.write(b"x")
	with tempfile.NamedTemporaryFile() as file:
		file.write(b"x")
	handle, name = tempfile.mkstemp()
	os.close(handle)
	shutil.move(name, request_of_a_tenant.get_site_path("private", "files", "moved.txt"))
	os.remove(request_of_a_tenant.get_site_path("private", "files", "moved.txt"))


def test_what_another_site_has_made_is_not_the_tenants(request_of_a_tenant, monkeypatch):
	frappe = request_of_a_tenant
	with tempfile.NamedTemporaryFile("w") as file:
		file.write("x")
		with monkeypatch.context() as other:
			other.setattr(frappe.local, "site", "neighbour-of-mallory.localhost")
			for use in (lambda: open(file.name), lambda: os.remove(file.name), lambda: open(file.name, "a")):
				with pytest.raises(frappe.PermissionError):
					use()


# -- URLs that are files -------------------------------------------------------------------------------------------


def test_urllib_opens_no_file(request_of_a_tenant):
	own = Path(request_of_a_tenant.get_site_path("private", "files", "own.txt")).resolve()
	own.write_text("x")
	try:
		for url in (f"file://{own}", f"file://localhost{own}", "file:///etc/hosts"):
			with pytest.raises(OSError, match="files of its own"):
				urllib.request.urlopen(url)
	finally:
		own.unlink()


def test_weasyprint_opens_no_file(operators, request_of_a_tenant):
	urls = pytest.importorskip("weasyprint.urls")
	with pytest.raises((OSError, ValueError)):
		urls.default_url_fetcher(f"file://{operators[0]}")
	with pytest.raises((OSError, ValueError)):
		urls.default_url_fetcher("file:///etc/hosts")


def test_elsewhere_files_are_opened_by_url(frappe, tmp_path):
	file = tmp_path / "x"
	file.write_text("x")
	assert urllib.request.urlopen(f"file://{file}").read() == b"x"


# -- Data Import ---------------------------------------------------------------------------------------------------


def preview(frappe, file: str) -> str:
	"""What a user is told of an import file."""
	from buildpro_saas.tenant_site.sandbox import import_files

	import_files.keep()
	doc = frappe.new_doc("Data Import", reference_doctype="ToDo", import_type="Insert New Records")
	with pytest.raises(frappe.ValidationError) as refusal:
		doc.get_preview_from_template(file)
	return str(refusal.value)


def test_an_import_file_does_not_tell_what_is_there(request_of_a_tenant):
	told = {
		preview(request_of_a_tenant, path)
		for path in (
			"/etc/passwd",
			"/etc/no-such-file",
			"../config",
			"admin.localhost/x",
			"/files/../../etc/passwd",
		)
	}
	assert len(told) == 1 and "begins with /files/" in told.pop()


def test_a_file_of_the_site_is_imported(request_of_a_tenant):
	from buildpro_saas.tenant_site.sandbox import import_files

	frappe = request_of_a_tenant
	import_files.keep()
	values = {"file_name": "todos.csv", "content": "Description\nOf an import\n", "is_private": 1}
	file = frappe.get_doc({"doctype": "File", **values}).insert()
	doc = frappe.new_doc("Data Import", reference_doctype="ToDo", import_type="Insert New Records")
	assert "Of an import" in str(doc.get_preview_from_template(file.file_url))
	file.delete()
