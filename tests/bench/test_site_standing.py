"""A tenant's site as it stands: that it is the one that answers, and what is said where records do not hold on it any more."""

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
import requests
import site_config_file

SECONDS = 60


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module."""
	return module_bench.active_tenant()


@pytest.fixture
def frappe(module_bench):
	yield module_bench.frappe
	module_bench.frappe.db.rollback()


def folder(bench, tenant):
	return bench.path / "sites" / tenant.site


def config(bench, tenant, **values):
	return site_config_file.changed(folder(bench, tenant), **values)


def web(bench, host: str, path: str, method: str = "GET", **options) -> requests.Response:
	url = f"http://127.0.0.1:{bench.services.port('web')}{path}"
	headers = {"Host": host, "Accept": "application/json", **options.pop("headers", {})}
	return requests.request(method, url, headers=headers, timeout=SECONDS, allow_redirects=False, **options)


# -- it is the site itself that answers ----------------------------------------------------------------------------


@contextmanager
def proxy_to(bench, site: str):
	"""A proxy that sends whatever it is asked for to one site, as a wrong header or `default_site` does; its port."""

	class Handler(BaseHTTPRequestHandler):
		def do_GET(self):
			found = web(bench, self.headers["Host"], self.path, headers={"X-Frappe-Site-Name": site})
			self.send_response(found.status_code)
			self.send_header("Content-Type", found.headers["Content-Type"])
			self.end_headers()
			self.wfile.write(found.content)

		def log_message(self, *_arguments):
			"""Nothing to the tests' output."""

	server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
	threading.Thread(target=server.serve_forever, daemon=True).start()
	try:
		yield server.server_address[1]
	finally:
		server.shutdown()
		server.server_close()


def check(bench, tenant, port: int | None = None) -> dict:
	from buildpro_saas.agent import door
	from buildpro_saas.fleet.steps.reachable import CheckReachable

	context = SimpleNamespace(
		bench=door.here(),
		site=door.here().site(tenant.site),
		bench_row={"web_port": port or bench.services.port("web")},
		log=lambda line: None,
	)
	return CheckReachable().run(context)


def test_another_site_that_answers_is_not_taken_for_the_tenants(module_bench, acme, admin_site_name):
	from buildpro_saas.agent.errors import TransientError

	with proxy_to(module_bench, admin_site_name) as port:
		assert web(module_bench, acme.site, "/api/method/ping").status_code == 200
		with pytest.raises(TransientError, match="is not that site") as refused:
			check(module_bench, acme, port)
		assert "default_site" in refused.value.hint
	with proxy_to(module_bench, acme.site) as port:
		assert check(module_bench, acme, port) == {"answered": 200}
	assert check(module_bench, acme) == {"answered": 200}


def test_a_suspended_site_is_reached_and_one_in_maintenance_is_said_to_be(module_bench, acme):
	from buildpro_saas.agent.errors import TransientError
	from buildpro_saas.entitlements import layers

	module_bench.entitle(acme.name, layers.single_plan("Core", [], {}), {}, status="Suspended")
	assert web(module_bench, acme.site, "/api/method/frappe.auth.get_logged_user").status_code == 402
	assert check(module_bench, acme) == {"answered": 200}
	with config(module_bench, acme, maintenance_mode=1), pytest.raises(TransientError, match="maintenance"):
		check(module_bench, acme)


@pytest.mark.parametrize("question", ["", "x", "\u00e9", "0" * 64])
def test_a_guest_is_told_nothing_by_a_site(module_bench, acme, question):
	path = "/api/method/buildpro_saas.tenant_site.identity.prove"
	found = web(module_bench, acme.site, path, params={"nonce": "1", "question": question})
	assert found.status_code == 404 and acme.name not in found.text and "answer" not in found.text


# -- the owner's link, and what staff put on record ----------------------------------------------------------------


@contextmanager
def taken_away(bench, tenant):
	"""The site's folder is somewhere else within the block."""
	path = folder(bench, tenant)
	aside = path.rename(path.with_name(f"{path.name}.aside"))
	try:
		yield
	finally:
		aside.rename(path)


@pytest.fixture
def staff(module_bench, admin_site_name):
	"""Call an endpoint of ours over HTTP, as Administrator of the admin site: staff(method, **arguments)."""
	session = requests.Session()
	url = f"http://127.0.0.1:{module_bench.services.port('web')}/api/method/"
	session.headers.update({"Host": admin_site_name, "Accept": "application/json"})
	signed_in = session.post(
		f"{url}login",
		data={"usr": "Administrator", "pwd": os.environ["BUILDPRO_ADMIN_PASSWORD"]},
		timeout=SECONDS,
	)
	assert signed_in.status_code == 200
	# the cookie is for the site's own name, which the address is not
	session.headers["Cookie"] = f"sid={signed_in.cookies['sid']}"
	page = session.get(url.replace("/api/method/", "/app"), timeout=SECONDS).text
	session.headers["X-Frappe-CSRF-Token"] = page.split('csrf_token = "')[1].split('"')[0]

	def call(method: str, **arguments) -> requests.Response:
		return session.post(f"{url}buildpro_saas.api.tenants.{method}", json=arguments, timeout=SECONDS)

	return call


def test_the_owners_link_of_a_site_that_is_gone(module_bench, acme, staff):
	assert "link" in staff("owner_link", tenant=acme.name).json()["message"]
	with taken_away(module_bench, acme):
		answer = staff("owner_link", tenant=acme.name)
		assert answer.status_code == 417 and f"There is no site {acme.site}" in answer.text, answer.text
	with config(module_bench, acme, db_password="wrong"):
		answer = staff("owner_link", tenant=acme.name)
		assert answer.status_code == 417 and "could not make the link" in answer.text, answer.text


@pytest.mark.parametrize(
	"bent, says",
	[
		(taken_away, "There is no site"),
		(lambda *at: config(*at, buildpro_role=None, buildpro_tenant=None), "buildpro_saas was uninstalled"),
		(lambda *at: config(*at, buildpro_tenant="another"), "is set up for another"),
		(lambda *at: config(*at, db_name="_of_a_neighbour"), "names the database _of_a_neighbour"),
		(lambda *at: config(*at, db_password="wrong"), "cannot be entered"),
	],
)
def test_a_status_that_does_not_hold_on_the_site_is_said(
	module_bench, acme, frappe, staff, bench_command, admin_site_name, bent, says
):
	with bent(module_bench, acme):
		answer = staff("suspend", tenant=acme.name, reason="invoice 7")
		told = answer.json()
		assert (answer.status_code, told["message"]["status"]) == (200, "Suspended"), answer.text
		assert says in told["message"]["warning"] and says in told["_server_messages"]
		resumed = bench_command("--site", admin_site_name, "saas", "resume", acme.name)
		assert resumed.returncode == 1 and says in resumed.stderr
	frappe.db.rollback()
	assert frappe.db.get_value("Tenant", acme.name, "status") == "Active"
	settled(module_bench, acme)
	for method, reason in (("suspend", "invoice 7"), ("resume", "")):
		answer = staff(method, tenant=acme.name, reason=reason)
		assert answer.status_code == 200 and "warning" not in answer.json()["message"], answer.text
		settled(module_bench, acme)


@pytest.mark.parametrize("bent", [taken_away, lambda *at: config(*at, db_password="wrong")])
def test_a_plan_that_the_site_cannot_be_given_is_said(
	module_bench, acme, frappe, staff, bench_command, admin_site_name, bent
):
	says = ("is on record, and its site has not got it yet", "tried again by itself, in ten minutes")
	with bent(module_bench, acme):
		told = bench_command(
			"--site", admin_site_name, "saas", "set-plan", acme.name, "Core", "--at", "2198-01-01"
		)
		assert told.returncode == 1 and all(text in told.stderr for text in says), told
		answer = staff("set_plan", tenant=acme.name, plan="Core", at="2199-01-01").json()
		assert all(text in answer["message"]["warning"] for text in says), answer
		settled(module_bench, acme)
	frappe.db.rollback()
	assert str(frappe.db.get_value("Tenant", acme.name, "next_plan_on")) == "2199-01-01 00:00:00"
	told = bench_command(
		"--site", admin_site_name, "saas", "set-plan", acme.name, "Core", "--at", "2197-01-01"
	)
	assert told.returncode == 0 and "Core from 2197-01-01" in told.stdout, told
	settled(module_bench, acme)


def cut_off(path):
	path.write_text(path.read_text()[:40])


def a_folder(path):
	path.unlink()
	path.mkdir()


@contextmanager
def damaged(bench, tenant, damage):
	"""The site's site_config.json is that within the block."""
	path = folder(bench, tenant) / "site_config.json"
	kept = path.rename(path.with_name("site_config.kept"))
	path.write_text(kept.read_text())
	damage(path)
	try:
		yield
	finally:
		path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
		kept.rename(path)


@pytest.mark.parametrize("damage", [cut_off, a_folder])
def test_a_damaged_configuration_is_a_sentence_for_every_command(
	module_bench, acme, frappe, staff, bench_command, admin_site_name, damage
):
	"""What can only say so ends with 1; nobody meets a traceback."""
	job = module_bench.job(acme.name)

	def on_record(job_is: str, tenant_is: str) -> None:
		frappe.db.set_value("Provisioning Job", job.name, "status", job_is)
		frappe.db.set_value("Tenant", acme.name, "status", tenant_is)
		frappe.db.commit()

	with damaged(module_bench, acme, damage):
		# as of a job that is not over on record
		on_record("Failed", "Failed")
		cancelled = bench_command("--site", admin_site_name, "saas", "cancel", job.name)
		on_record("Completed", "Active")
		told = {
			words: bench_command("--site", admin_site_name, "saas", *words.split())
			for words in (
				*(f"retry {job.name}", f"owner-link {acme.name}", f"adopt {acme.site}"),
				*(f"set-plan {acme.name} Core", f"suspend {acme.name} --reason x", f"resume {acme.name}"),
				*("drift", "trash", "doctor", "tenants", f"job {job.name}", "put-back nothing"),
			)
		}
		answers = {
			"owner_link": staff("owner_link", tenant=acme.name),
			"suspend": staff("suspend", tenant=acme.name, reason="x"),
			"resume": staff("resume", tenant=acme.name),
			"status": staff("status", tenant=acme.name),
		}
	told["cancel"] = cancelled
	output = {words: each.stdout + each.stderr for words, each in told.items()}
	assert [words for words, text in output.items() if "Traceback" in text] == [], output
	says = "site_config.json cannot be read"
	for words in ("cancel", f"owner-link {acme.name}", f"suspend {acme.name} --reason x"):
		assert told[words].returncode == 1 and says in told[words].stderr, told[words]
	assert "site_config.json that can be read" in output["drift"]
	assert answers["owner_link"].status_code == 417 and says in answers["owner_link"].text
	assert says in answers["suspend"].json()["message"]["warning"]
	assert all(each.status_code != 500 for each in answers.values())
	settled(module_bench, acme)


@pytest.mark.parametrize("damage", [cut_off, a_folder])
def test_commands_on_the_damaged_site_itself(module_bench, acme, bench_command, damage):
	with damaged(module_bench, acme, damage):
		told = [
			bench_command("--site", acme.site, "saas", *words) for words in (["pull"], ["explain", "rfi"])
		]
	assert told[0].returncode == 1 and told[0].stderr, told
	assert all("Traceback" not in each.stdout + each.stderr for each in told), told


def settled(bench, tenant):
	"""Wait until no job is about to send to the tenant."""
	from buildpro_saas.licensing import delivery

	def is_quiet():
		bench.frappe.db.rollback()
		return tenant.name not in delivery.under_way()

	bench.wait_for(is_quiet, SECONDS)


# -- by hand, in a shell -------------------------------------------------------------------------------------------


def findings(frappe, tenant) -> list:
	from buildpro_saas.fleet import reconciliation

	frappe.db.commit()
	return [row for row in reconciliation.compare(tenant.bench) if row.subject == tenant.name]


def restore_by_hand(bench, tenant, bench_command) -> None:
	"""`bench backup` and `bench restore`: the database is dropped, and made again without a comment."""
	root = {
		"root_login": os.environ.get("BUILDPRO_DB_ROOT_USER", "root"),
		"root_password": os.environ["BUILDPRO_DB_ROOT_PASSWORD"],
	}
	with config(bench, tenant, **root):
		for arguments in (["backup"], ["--force", "restore"]):
			if "restore" in arguments:
				arguments.append(str(next(folder(bench, tenant).glob("private/backups/*-database.sql.gz"))))
			done = bench_command("--site", tenant.site, *arguments)
			assert done.returncode == 0, done.stdout + done.stderr


def test_a_restored_database_is_given_its_mark_again(module_bench, acme, frappe, bench_command):
	from buildpro_saas.fleet import reconciliation

	assert findings(frappe, acme) == []
	mark = json.loads((folder(module_bench, acme) / "site_config.json").read_text())["buildpro_job"]
	restore_by_hand(module_bench, acme, bench_command)
	assert comment(module_bench, acme) == ""
	(found,) = findings(frappe, acme)
	assert acme.database in found.what and "bench restore" in found.what
	reconciliation.compare_benches()
	assert findings(frappe, acme) == [] and comment(module_bench, acme) == mark
	assert check(module_bench, acme) == {"answered": 200}
	for other in ("somebody's own", "another.site/0123456789abcdef"):
		with module_bench.root() as cursor:
			cursor.execute(f"alter database `{acme.database}` comment %s", (other,))
		reconciliation.compare_benches()
		assert comment(module_bench, acme) == other
	with module_bench.root() as cursor:
		cursor.execute(f"alter database `{acme.database}` comment %s", (mark,))


def comment(bench, tenant) -> str:
	with bench.root() as cursor:
		cursor.execute(
			"select schema_comment from information_schema.schemata where schema_name = %s",
			(tenant.database,),
		)
		return cursor.fetchone()[0]


def test_two_admin_sites_are_served_by_one_web_process(module_bench, acme, admin_site_name):
	"""Each has an encryption key of its own, and so has one that was restored with another."""
	from cryptography.fernet import Fernet

	def pull(host: str) -> int:
		path = "/api/method/buildpro_saas.api.entitlements.pull"
		return web(module_bench, host, path, "POST", json={"tenant": "nobody"}).status_code

	def from_each_process() -> set[int]:
		return {pull(host) for _ in range(8) for host in (admin_site_name, acme.site)}

	with config(module_bench, acme, buildpro_role="admin"):
		assert from_each_process() == {401}
		with config(module_bench, acme, encryption_key=Fernet.generate_key().decode()):
			assert from_each_process() == {401}


def test_an_uninstalled_app_is_noticed_and_an_installed_one_set_up_again(
	module_bench, acme, frappe, bench_command
):
	"""The last test of this module: the site is another afterwards."""
	from buildpro_saas.agent import door
	from buildpro_saas.fleet import site_standing
	from buildpro_saas.licensing import delivery
	from buildpro_saas.licensing.sources import Sources

	def command(*arguments) -> str:
		done = bench_command("--site", acme.site, *arguments)
		assert done.returncode == 0, done.stdout + done.stderr
		return done.stdout

	def uninstall(app: str) -> str:
		return command("uninstall-app", app, "--yes", "--no-backup")

	settled(module_bench, acme)
	mark = json.loads((folder(module_bench, acme) / "site_config.json").read_text())["buildpro_job"]
	# Frappe 15.44 keeps an app that another one requires, says so, and exits with 0
	if is_required := "is a dependency of" in uninstall("buildpro_saas"):
		uninstall("construction_demo")
		uninstall("buildpro_saas")
	for path in ("/api/method/ping", "/login"):
		assert web(module_bench, acme.site, path).status_code == 200, path
	(found,) = findings(frappe, acme)
	assert "set up as no tenant's" in found.what and f"--site {acme.site} install-app" in found.action
	with pytest.raises(Exception, match="buildpro_saas was uninstalled"):
		delivery.deliver(acme.name, door.here(), site_standing.make_ready, Sources())
	frappe.db.rollback()
	command("install-app", "buildpro_saas")
	if is_required:
		command("install-app", "construction_demo")
	delivery.deliver(acme.name, door.here(), site_standing.make_ready, Sources())
	assert findings(frappe, acme) == []
	config = json.loads((folder(module_bench, acme) / "site_config.json").read_text())
	assert (config["buildpro_tenant"], config["buildpro_job"]) == (acme.name, mark)
	assert check(module_bench, acme) == {"answered": 200}
