"""Spellings of paths and of sites' names, sent byte by byte: nothing of another folder is served, and no site under another name.

docs/security.md has what came of it.
"""

import contextvars
import os
import subprocess
import threading
from pathlib import Path

import pytest
from raw_http import ask

SECRET = "what nobody outside this site's folder may read"
UP = ("..%2f", "../", "%2e%2e%2f", "%2e%2e/", ".%2e/", "..%2F", ".//..//", "%2e/%2e%2e/")
DOUBLE = ("%252e%252e%252f", "..%252f", "%%32%65%%32%65%%32%66")
ODD = (
	"..\\",
	"..%5c",
	"%2e%2e%5c",
	"..%c0%af",
	"%c0%ae%c0%ae%c0%af",
	"..%ef%bc%8f",
	"%uff0e%uff0e%u2215",
	"..;/",
)


@pytest.fixture(scope="module")
def secrets(module_bench):
	"""Files with SECRET in them where each way out would lead: as text, and as what Frappe takes for no text, which it sends as it is."""
	sites = module_bench.path / "sites"
	folder = sites / module_bench.frappe.local.site
	made = [sites / "secret.txt", folder / "secret.txt", folder / "private/secret.txt"]
	made += [folder / "private/files/secret.bin", folder / "private/backups/secret.bin", sites / "secret.bin"]
	# outside of the folder of public files, and reached by a link in it
	links = {folder / "public/files/link.txt": folder / "secret.txt", folder / "public/files/up": sites}
	for path in made:
		path.parent.mkdir(exist_ok=True)
		path.write_bytes(SECRET.encode() + (b"\0" if path.suffix == ".bin" else b""))
	for link, target in links.items():
		link.symlink_to(target)
	(folder / "public/files/open.txt").write_text("open to all")
	yield folder
	for path in (*made, *links, folder / "public/files/open.txt"):
		path.unlink()


@pytest.fixture(scope="module")
def staff(module_bench):
	"""The header by which Administrator of the admin site is known: /backups is only for who is signed in."""
	frappe = module_bench.frappe
	user = frappe.get_doc("User", "Administrator")
	secret = frappe.generate_hash(length=15)
	before = user.api_key
	user.api_key, user.api_secret = before or frappe.generate_hash(length=15), secret
	user.save()
	frappe.db.commit()
	return {"Authorization": f"token {user.api_key}:{secret}"}


def spellings(site: str) -> list[str]:
	"""Targets of requests that lead, by one reading or another, to a file with SECRET."""
	depth = {"/files/": 3, "/assets/": 1, "/private/files/": 2, "/backups/": 2, "/assets/frappe/": 5}
	found = []
	for place, up in depth.items():
		for dots in UP + DOUBLE + ODD:
			found.append(f"{place}{dots * up}{site}/secret.txt")
		for dots in UP:
			found += [f"{place}{dots * up}secret.txt", f"{place}x/{dots * up}private/secret.txt"]
	# pages of websites are files below an app's www
	for up in range(3, 7):
		found.append(f"/{'..%2f' * up}sites/{site}/private/files/secret.bin")
		found.append(f"/{'../' * up}sites/{site}/private/backups/secret.bin")
	found += [f"/files/%2f{'..%2f' * 3}{site}%2fsecret.txt", f"/files//{site}/secret.txt"]
	return found


def absolute(folder: Path) -> list[str]:
	text = str(folder / "secret.txt")
	quoted = text.replace("/", "%2f")
	places = ("/files", "/assets", "/private/files", "/backups")
	found = [f"{place}/{each}" for place in places for each in (text, quoted, text[1:], f"/{text}")]
	found += [f"{place}/../{folder.name}/secret.txt%00.png" for place in places]
	found += [f"{place}/%00{quoted}" for place in places] + [
		f"{place}/x%00/../../secret.txt" for place in places
	]
	found += ["/files/link.txt", "/files/up/secret.txt", f"/files/up/{folder.name}/secret.txt"]
	found += [
		"/secret.txt",
		"/entitlement.json",
		"/site_config.json",
		f"/{folder.name}/secret.txt",
		"files/../secret.txt",
	]
	return found


def test_no_spelling_of_a_path_leads_to_another_folder(module_bench, secrets, staff):
	port, site = module_bench.services.port("web"), secrets.name
	targets = spellings(site) + absolute(secrets)
	assert len(targets) > 50
	leaked = []
	for target in targets:
		status, body = ask(port, target, host=f"{site}:{port}", **staff)
		if SECRET.encode() in body or b"db_password" in body or status not in (0, 400, 403, 404):
			leaked.append((target, status, body[:80]))
	assert not leaked


def test_what_is_public_is_served(module_bench, secrets):
	port, site = module_bench.services.port("web"), secrets.name
	assert ask(port, "/files/open.txt", host=f"{site}:{port}") == (200, b"open to all")
	assert ask(port, "/files/%6fpen.txt", host=site) == (200, b"open to all")
	assert ask(port, "/files/none.txt", host=site)[0] == 404
	logo = "/assets/frappe/images/frappe-framework-logo.svg"
	assert ask(port, logo, host=site)[0] == 200


@pytest.mark.parametrize(
	"name", ["{site}/../{site}", "./{site}", "{site}/", "../sites/{site}", "{SITE}", "{site}/."]
)
def test_files_are_those_of_a_site_by_its_one_name(module_bench, secrets, name):
	host = name.format(site=secrets.name, SITE=secrets.name.upper())
	assert ask(module_bench.services.port("web"), "/files/open.txt", host=host)[0] in (400, 404)


def test_no_page_of_a_website_leads_out_of_the_apps(module_bench, secrets):
	"""A tenant's System Manager names the home page, which Frappe then sends to any guest."""
	frappe = module_bench.frappe
	elsewhere = os.path.relpath(secrets / "private/backups/secret.bin", frappe.get_app_path("frappe", "www"))
	assert os.path.isfile(os.path.join(frappe.get_app_path("frappe", "www"), elsewhere))
	before = frappe.db.get_single_value("Website Settings", "home_page")
	try:
		frappe.db.set_single_value("Website Settings", "home_page", elsewhere)
		frappe.db.commit()
		frappe.clear_cache()
		status, body = ask(module_bench.services.port("web"), "/", host=secrets.name)
	finally:
		frappe.db.set_single_value("Website Settings", "home_page", before)
		frappe.db.commit()
		frappe.clear_cache()
	assert status == 404 and SECRET.encode() not in body


# -- the site's name -----------------------------------------------------------------------------------------------


def names(folder: Path) -> list[bytes]:
	site = folder.name
	texts = [
		f"./{site}",
		f"{site}/",
		f"{site}/.",
		f"{site}//",
		f"{site}/../{site}",
		f"../sites/{site}",
		f"x/../{site}",
	]
	texts += [
		site.upper(),
		site.title(),
		f"{site}.",
		f".{site}",
		f"{site}..",
		f" ./{site}",
		f"{site}\\",
		f".\\{site}",
	]
	texts += [
		str(folder),
		f"/{site}",
		f"//{site}",
		f"{site}/private/files",
		f"{site}/private",
		".",
		"..",
		"/",
		"",
	]
	texts += [
		f"%2e/{site}",
		f"{site}%2f",
		f"{site}%00",
		"assets",
		".buildpro",
		".buildpro/standby/_x",
		"common_site_config.json",
	]
	texts += [
		f"{site},{site}",
		f"{site};",
		f"{site}?",
		f"{site}#",
		f"{site}@{site}",
		f"http://{site}",
		f"*.{site}",
	]
	found = [text.encode() for text in texts]
	return [
		*found,
		site.encode() + b"\xff",
		site.replace("a", "\uff41", 1).encode(),
		site.replace("a", "\u0430", 1).encode(),
	]


@pytest.mark.parametrize("header", ["X-Frappe-Site-Name", "Host", "Host with a port"])
def test_no_site_answers_to_another_spelling_of_its_name(module_bench, secrets, header):
	port, site = module_bench.services.port("web"), secrets.name
	alias = secrets.parent / "alias.localhost"
	alias.symlink_to(site)
	answered = []
	try:
		for name in [*names(secrets), b"alias.localhost"]:
			headers = {"host": name} if header == "Host" else {"host": name + b":8000"}
			if header.startswith("X"):
				# an empty header is none
				headers = {"host": "nobody.localhost" if name else b"", "X_Frappe_Site_Name": name}
			status, body = ask(port, "/api/method/ping", **headers)
			if status not in (400, 404) or b"pong" in body:
				answered.append((name, status, body[:80]))
	finally:
		alias.unlink()
	assert not answered


def test_a_site_answers_to_its_name(module_bench, secrets):
	port, site = module_bench.services.port("web"), secrets.name
	pong = (200, b'{"message":"pong"}')
	for headers in (
		{"host": site},
		{"host": f"{site}:{port}"},
		{"host": "x.localhost", "X_Frappe_Site_Name": site},
	):
		assert ask(port, "/api/method/ping", **headers) == pong


FIRST_REQUEST = """
import sys
from werkzeug.test import Client
from frappe.app import application

assert not [name for name in sys.modules if name.startswith("buildpro_saas")]
headers = {"X-Frappe-Site-Name": sys.argv[1]}
answer = Client(application).get(sys.argv[2], headers=headers)
print(answer.status_code, answer.get_data(as_text=True)[:80].replace(chr(10), " "))
"""


@pytest.mark.parametrize(
	("name", "path", "status"),
	[("{site}", "/api/method/ping", 200), ("./{site}", "/api/method/ping", 404), ("{site}", "/..%2fx", 404)],
)
def test_the_first_request_of_a_process_is_not_believed_either(module_bench, secrets, name, path, status):
	"""As gunicorn runs it on any bench: nothing of ours is read before Frappe's hooks."""
	python = module_bench.path / "env/bin/python"
	done = subprocess.run(
		[str(python), "-c", FIRST_REQUEST, name.format(site=secrets.name), path],
		cwd=secrets.parent,
		capture_output=True,
		text=True,
		timeout=120,
		check=True,
	)
	assert done.stdout.split()[0] == str(status), done.stdout + done.stderr


def test_files_asked_for_at_once_are_each_sites_own(module_bench, secrets):
	"""Frappe's own middleware keeps the request where another thread may put its own."""
	port, site = module_bench.services.port("web"), secrets.name
	stolen = []

	def ask_many(host: str, expected: int) -> None:
		stolen.extend(
			status for _ in range(60) if (status := ask(port, "/files/open.txt", host=host)[0]) != expected
		)

	threads = [
		threading.Thread(target=ask_many, args=pair) for pair in ((site, 200), ("nobody.localhost", 404)) * 4
	]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	assert not stolen


@pytest.mark.parametrize(
	"name",
	["./{site}", "../sites/{site}", "{site}/", "{folder}", ".{site}", "{site}\0", ".buildpro/x/{site}"],
)
def test_a_shell_and_a_job_name_a_site_as_its_folder_is_named(module_bench, secrets, name):
	from frappe.utils.background_jobs import execute_job

	import buildpro_saas.tenant_site  # noqa: F401

	frappe = module_bench.frappe
	site = name.format(site=secrets.name, folder=secrets)

	def job() -> None:
		execute_job(site=site, method="frappe.ping", event=None, job_name="x", kwargs={})

	for enter in (lambda: frappe.init(site=site, sites_path="."), lambda: frappe.init(site, "."), job):
		with pytest.raises(frappe.IncorrectSitePath, match="without a path"):
			contextvars.Context().run(enter)
