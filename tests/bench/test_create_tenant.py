"""The main job on real services: a Tenant is inserted, a worker makes its site, the site answers and gates."""

import base64
import json
import os
import stat
from contextlib import contextmanager

import pytest
import requests

ANSWER_SECONDS = 30


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant, made once for this module."""
	with module_bench.only("from scratch", "Growth"):
		tenant = module_bench.new_tenant(plan="Growth")
		assert module_bench.wait_job(tenant.name).status == "Completed", module_bench.describe(tenant.name)
	return module_bench.frappe.get_doc("Tenant", tenant.name)


@pytest.fixture(scope="module")
def neighbour(module_bench):
	"""A second tenant, on the smallest plan."""
	return module_bench.active_tenant()


def web(bench, site: str, path: str, session=None, method="GET", **options):
	"""One request to a site under its own Host header, as the proxy passes it on."""
	url = f"http://127.0.0.1:{bench.services.port('web')}{path}"
	headers = {"Host": site, **options.pop("headers", {})}
	return (session or requests).request(
		method, url, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False, **options
	)


def owner_session(bench, tenant) -> requests.Session:
	"""Sign in as the owner does: with the single-use link."""
	from buildpro_saas.fleet import owner_link

	link = owner_link.login_link(tenant.name)
	key = link.split("key=")[1].split("&")[0]
	session = requests.Session()
	answer = web(
		bench,
		tenant.site,
		"/api/method/frappe.core.doctype.user.user.update_password",
		session,
		"POST",
		data={"key": key, "new_password": "Xq7#construct-it"},
	)
	assert answer.status_code == 200, answer.text
	cookies = session.cookies.get_dict()
	session.cookies.clear()
	session.headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in cookies.items())
	return session


@pytest.fixture(scope="module")
def owner_of_acme(module_bench, acme):
	return owner_session(module_bench, acme)


def decision(bench, tenant, session, feature: str) -> requests.Response:
	path = f"/api/method/buildpro_saas.api.feature_gating.check_feature_access?feature={feature}"
	return web(bench, tenant.site, path, session)


def test_the_tenant_is_active_with_its_facts(module_bench, acme):
	from buildpro_saas.fleet import benches

	assert acme.status == "Active" and acme.created_in > 0
	assert acme.database == benches.default_database_name(acme.bench, acme.site, acme.name)
	assert {"frappe", "buildpro_saas"} <= {row.app for row in acme.apps}
	assert all(row.version for row in acme.apps)
	job = module_bench.job(acme.name)
	assert [row.status for row in job.steps] == ["Completed"] * len(job.steps)
	assert job.way == "from scratch" and 0 < job.peak_memory < 300


def test_the_site_answers_under_its_own_name_only(module_bench, acme):
	assert web(module_bench, acme.site, "/api/method/ping").json() == {"message": "pong"}
	assert web(module_bench, f"other-{acme.site}", "/api/method/ping").status_code == 404


def test_rfi_is_in_and_bim_is_out_with_a_reason(module_bench, acme, owner_of_acme):
	rfi = decision(module_bench, acme, owner_of_acme, "rfi").json()["message"]
	bim = decision(module_bench, acme, owner_of_acme, "bim").json()["message"]
	assert (rfi["allowed"], rfi["reason"]) == (True, "PLAN")
	assert (bim["allowed"], bim["reason"], bim["required_plan"]) == (False, "NOT_IN_PLAN", "Enterprise")
	assert "Enterprise" in bim["message"]


def test_a_guest_is_not_told(module_bench, acme):
	assert decision(module_bench, acme, None, "rfi").status_code == 403


def test_an_api_key_of_the_site_is_told(module_bench, acme, owner_of_acme):
	answer = web(
		module_bench,
		acme.site,
		"/api/method/frappe.core.doctype.user.user.generate_keys",
		owner_of_acme,
		"POST",
		data={"user": acme.owner_email},
		headers=csrf(module_bench, acme, owner_of_acme),
	)
	assert answer.status_code == 200, answer.text
	secret = answer.json()["message"]["api_secret"]
	key = module_bench.on_site(
		acme.name, "frappe.client.get_value", doctype="User", fieldname="api_key", filters=acme.owner_email
	)
	headers = {"Authorization": f"token {key['api_key']}:{secret}"}
	path = "/api/method/buildpro_saas.api.feature_gating.check_feature_access?feature=rfi"
	assert web(module_bench, acme.site, path, headers=headers).json()["message"]["allowed"] is True


def csrf(bench, tenant, session) -> dict:
	"""The token that a signed-in browser sends with what it changes."""
	page = web(bench, tenant.site, "/app", session).text
	return {"X-Frappe-CSRF-Token": page.split('csrf_token = "')[1].split('"')[0]}


def test_the_guides_snippet_runs_and_grants_nothing(module_bench, acme, owner_of_acme):
	"""Also over HTTP, as a System Manager could."""
	before = decision(module_bench, acme, owner_of_acme, "bim").json()["message"]
	answer = web(
		module_bench,
		acme.site,
		"/api/method/frappe.client.insert",
		owner_of_acme,
		"POST",
		headers=csrf(module_bench, acme, owner_of_acme),
		json={
			"doc": {"doctype": "Nexelya Plan Settings", "plan_type": "Enterprise", "company": acme.company}
		},
	)
	assert answer.status_code == 200, answer.text
	after = decision(module_bench, acme, owner_of_acme, "bim").json()["message"]
	assert before["allowed"] is after["allowed"] is False
	assert decision(module_bench, acme, owner_of_acme, "rfi").json()["message"]["allowed"] is True


@pytest.mark.parametrize("field, value", [("plan_type", "Enterprise"), ("token", "eyJhbGciOiJub25lIn0.e30.")])
def test_editing_plan_or_token_in_desk_grants_nothing(module_bench, acme, owner_of_acme, field, value):
	headers = csrf(module_bench, acme, owner_of_acme)
	path = "/api/resource/Nexelya Plan Settings/Nexelya Plan Settings"
	web(module_bench, acme.site, path, owner_of_acme, "PUT", headers=headers, json={field: value})
	web(
		module_bench,
		acme.site,
		"/api/method/frappe.client.set_value",
		owner_of_acme,
		"POST",
		headers=headers,
		json={
			"doctype": "Nexelya Plan Settings",
			"name": "Nexelya Plan Settings",
			"fieldname": field,
			"value": value,
		},
	)
	assert decision(module_bench, acme, owner_of_acme, "bim").json()["message"]["allowed"] is False
	assert decision(module_bench, acme, owner_of_acme, "rfi").json()["message"]["allowed"] is True


@contextmanager
def other_token(bench, tenant, token):
	"""The site holds another token within the block, where only somebody with a shell could put it."""
	path = bench.path / "sites" / tenant.site / "entitlement.json"
	own = path.read_text()
	path.write_text(json.dumps({**json.loads(own), "token": token}))
	try:
		yield
	finally:
		path.write_text(own)


def token_of(bench, tenant) -> str:
	return json.loads((bench.path / "sites" / tenant.site / "entitlement.json").read_text())["token"]


def test_a_neighbours_token_grants_nothing(module_bench, acme, neighbour):
	session = owner_session(module_bench, neighbour)
	assert decision(module_bench, neighbour, session, "rfi").json()["message"]["reason"] == "NOT_IN_PLAN"
	with other_token(module_bench, neighbour, token_of(module_bench, acme)):
		answer = decision(module_bench, neighbour, session, "rfi").json()["message"]
		assert (answer["allowed"], answer["reason"]) == (False, "WRONG_SITE")
	assert decision(module_bench, neighbour, session, "rfi").json()["message"]["reason"] == "NOT_IN_PLAN"


def test_a_neighbours_token_in_the_database_changes_nothing(module_bench, acme, neighbour):
	session = owner_session(module_bench, neighbour)
	module_bench.on_site(neighbour.name, "on_tenant.put_token", value=token_of(module_bench, acme))
	assert decision(module_bench, neighbour, session, "rfi").json()["message"]["reason"] == "NOT_IN_PLAN"
	assert decision(module_bench, neighbour, session, "daily_log").json()["message"]["allowed"] is True


def test_a_forged_statement_grants_nothing(module_bench, acme, owner_of_acme):
	from buildpro_saas.entitlements import packing

	head, body, signature = token_of(module_bench, acme).split(".")
	claims = json.loads(base64.urlsafe_b64decode(body + "=="))
	granted = packing.inflate(claims["layers"])
	granted["plans"][0]["features"].append("bim")
	claims["layers"] = packing.pack(granted)
	forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
	with other_token(module_bench, acme, f"{head}.{forged}.{signature}"):
		answer = decision(module_bench, acme, owner_of_acme, "bim").json()["message"]
		assert (answer["allowed"], answer["reason"]) == (False, "BAD_SIGNATURE")
	assert decision(module_bench, acme, owner_of_acme, "rfi").json()["message"]["allowed"] is True


@pytest.mark.parametrize(
	"doctype",
	["Tenant", "Plan", "Bench", "Feature", "Provisioning Job", "SaaS Settings", "Provisioning Job Step"],
)
def test_a_tenants_system_manager_sees_no_admin_doctype(module_bench, acme, owner_of_acme, doctype):
	for path in (
		f"/api/resource/{doctype}",
		f"/api/resource/{doctype}/{doctype}",
		f"/api/method/frappe.client.get_list?doctype={doctype}",
		f'/api/method/frappe.desk.reportview.get?doctype={doctype}&fields=["name"]',
		f"/api/method/frappe.client.get_value?doctype={doctype}&fieldname=name",
		f"/api/method/frappe.desk.form.load.getdoc?doctype={doctype}&name={doctype}",
	):
		answer = web(module_bench, acme.site, path, owner_of_acme)
		assert tells_nothing(answer), (path, answer.status_code, answer.text[:300])
	# some versions of Frappe count without asking for permission: there is nothing to count
	count = web(
		module_bench, acme.site, f"/api/method/frappe.client.get_count?doctype={doctype}", owner_of_acme
	)
	assert count.status_code != 200 or count.json() == {"message": 0}


def tells_nothing(answer: requests.Response) -> bool:
	"""Refused, or an answer without any record: the form's own loader says "no such record" with a 200."""
	if answer.status_code in (403, 404, 417):
		return True
	body = answer.json()
	return answer.status_code == 200 and not body.get("docs") and not body.get("message")


def test_a_tenants_system_manager_cannot_run_the_control_plane(module_bench, acme, owner_of_acme):
	headers = csrf(module_bench, acme, owner_of_acme)
	answer = web(
		module_bench,
		acme.site,
		"/api/method/buildpro_saas.api.tenants.create",
		owner_of_acme,
		"POST",
		headers=headers,
		json={
			"subdomain": "mine",
			"company": "M",
			"owner_name": "M",
			"owner_email": "m@m.example",
			"plan": "Core",
		},
	)
	assert answer.status_code == 403, answer.text
	for method in (
		"jobs.lifecycle.run",
		"jobs.lifecycle.recover_lost_jobs",
		"fleet.database_account.make_account",
		"fleet.owner_link.login_link",
	):
		path = f"/api/method/buildpro_saas.{method}"
		assert web(module_bench, acme.site, path, owner_of_acme, "POST", headers=headers).status_code == 403


def test_the_signing_key_is_nowhere_near_a_tenant(module_bench, acme):
	key = module_bench.frappe.conf.buildpro_signing_key["private"]
	folder = module_bench.path / "sites" / acme.site
	assert "buildpro_signing_key" not in (folder / "site_config.json").read_text()
	assert all(key.encode() not in file.read_bytes() for file in folder.rglob("*") if file.is_file())
	with module_bench.root() as cursor:
		cursor.execute(f"use `{module_bench.frappe.conf.db_name}`")
		cursor.execute("select count(*) from `tabSingles` where value like %s", (f"%{key}%",))
		assert cursor.fetchone()[0] == 0


def test_secrets_are_readable_by_their_owner_only(module_bench, acme, admin_site_name):
	for site in (acme.site, admin_site_name):
		mode = (module_bench.path / "sites" / site / "site_config.json").stat().st_mode
		assert stat.S_IMODE(mode) == 0o600
	account_file = module_bench.path / "config/buildpro_database.json"
	assert stat.S_IMODE(account_file.stat().st_mode) == 0o600
	password = json.loads(account_file.read_text())["password"]
	for file in (module_bench.path / "sites").glob("*/*.json"):
		assert password not in file.read_text()


def test_no_secret_is_in_the_jobs_record(module_bench, acme, bench_account):
	config = json.loads((module_bench.path / "sites" / acme.site / "site_config.json").read_text())
	job = module_bench.job(acme.name)
	record = job.as_json() + "".join(row.output or "" for row in job.steps)
	secrets = [config[key] for key in ("db_password", "encryption_key", "buildpro_sync_token")]
	secrets.append(bench_account()["password"])
	assert not [secret for secret in secrets if secret in record]


def test_a_tenants_database_user_reaches_its_own_database_only(module_bench, acme, neighbour):
	import pymysql

	conf = json.loads((module_bench.path / "sites" / acme.site / "site_config.json").read_text())
	connection = pymysql.connect(
		host=module_bench.frappe.conf.db_host,
		port=int(module_bench.frappe.conf.db_port),
		user=conf["db_name"],
		password=conf["db_password"],
	)
	with connection.cursor() as cursor:
		cursor.execute("show databases")
		assert {row[0] for row in cursor.fetchall()} == {conf["db_name"], "information_schema"}
	connection.close()


def test_the_control_planes_account_is_not_root(module_bench, bench_account):
	import pymysql

	conf = module_bench.frappe.conf
	connection = pymysql.connect(
		host=conf.db_host,
		port=int(conf.db_port),
		user=bench_account()["user"],
		password=bench_account()["password"],
	)
	with connection.cursor() as cursor:
		for statement in (
			"select * from mysql.global_priv",
			"create database somebody_elses",
			"grant all privileges on *.* to current_user()",
			"set global max_connections = 10",
		):
			with pytest.raises(pymysql.err.MySQLError):
				cursor.execute(statement)
	connection.close()


def test_the_owners_link_works_once(module_bench, acme):
	from buildpro_saas.fleet import owner_link

	link = owner_link.login_link(acme.name)
	assert link.startswith(f"http://{acme.site}:{module_bench.services.port('web')}/")
	key = link.split("key=")[1].split("&")[0]
	path = "/api/method/frappe.core.doctype.user.user.update_password"
	data = {"key": key, "new_password": "Yq8#construct-it"}
	assert web(module_bench, acme.site, path, None, "POST", data=data).status_code == 200
	assert web(module_bench, acme.site, path, None, "POST", data=data).status_code != 200


def test_a_custom_database_name(module_bench):
	name = f"c{module_bench.frappe.generate_hash(length=8)}_db"
	assert module_bench.active_tenant(database_name=name).database == name
	with module_bench.root() as cursor:
		cursor.execute("select Db from mysql.db where User = %s", (name,))
		assert cursor.fetchall() == ((name.replace("_", r"\_"),),)


def test_the_worker_is_as_before_after_visiting_a_site(module_bench, acme, admin_site_name):
	"""Site context, user, connection and open files of the process that entered another site."""
	frappe = module_bench.frappe
	before = (frappe.local.site, frappe.session.user, id(frappe.local.db), len(os.listdir("/proc/self/fd")))
	assert module_bench.on_site(acme.name, "frappe.get_installed_apps")
	with pytest.raises(frappe.DoesNotExistError):
		module_bench.on_site(acme.name, "frappe.client.get", doctype="User", name="nobody@nowhere.example")
	after = (frappe.local.site, frappe.session.user, id(frappe.local.db), len(os.listdir("/proc/self/fd")))
	assert before == after and frappe.local.site == admin_site_name
