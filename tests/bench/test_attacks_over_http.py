"""The attacks that go over HTTP, on a tenant's real site: its System Manager, and its Administrator."""

import pytest
from mallory import GATED, PASSWORD, Site
from raw_http import ask
from test_create_tenant import csrf, decision, web

INTERNALS = (
	"buildpro_saas.tenant_site.entitlement_in_force.apply_entitlement",
	"buildpro_saas.tenant_site.entitlement.apply",
	"buildpro_saas.agent.site_config.update_own",
	"buildpro_saas.tenant_site.entitlement.remove",
	"buildpro_saas.tenant_site.installed_apps_guard.restore",
	"buildpro_saas.agent.site_config.update",
	"buildpro_saas.entitlements.statement.issue",
	"buildpro_saas.testing.entitled",
	"buildpro_saas.install.after_install",
	"frappe.installer.update_site_config",
)
ADMINS_OWN = (
	"buildpro_saas.api.tenants.create",
	"buildpro_saas.api.tenants.status",
	"buildpro_saas.api.tenants.owner_link",
)


@pytest.fixture(scope="module")
def mallorys(module_bench):
	return Site(module_bench, module_bench.active_tenant())


def test_a_gated_record_is_refused_with_the_reason(mallorys):
	answer = mallorys.make_note()
	assert answer.status_code == 403 and "Growth" in answer.text, answer.text
	assert mallorys.request("/api/resource/ToDo", "POST", description="x").status_code == 200


@pytest.mark.parametrize("method", INTERNALS)
def test_internals_are_not_to_be_called(mallorys, method):
	before = mallorys.files()
	arguments = {
		"token": "x",
		"catalogue": {},
		"values": {"buildpro_role": "admin"},
		"folder": ".",
		"features": "rfi",
	}
	answer = mallorys.request(f"/api/method/{method}", "POST", **arguments)
	assert answer.status_code == 403, answer.text
	assert "not whitelisted" in answer.text, answer.text
	assert mallorys.files() == before


@pytest.mark.parametrize("method", ADMINS_OWN)
def test_what_is_the_admin_sites_is_refused_here(mallorys, method):
	asked = dict.fromkeys(("tenant", "subdomain", "company", "owner_name", "owner_email", "plan"), "x")
	answer = mallorys.request(f"/api/method/{method}", "POST", **asked)
	assert answer.status_code in (403, 417), answer.text


@pytest.mark.parametrize(
	"path", ["/entitlement.json", "/files/../entitlement.json", "/private/files/../../site_config.json"]
)
def test_the_sites_own_files_are_not_served(mallorys, path):
	answer = mallorys.request(path)
	assert answer.status_code in (403, 404), answer.text
	assert "db_password" not in answer.text and "catalogue" not in answer.text


WRITES_CODE = (
	"{% set made = frappe.get_doc({'doctype': 'Module Def', 'name': 'Mallory', 'module_name': 'Mallory', 'app_name': 'frappe'}) %}"
	"{{ made.create_modules_folder() }}"
)


def test_an_email_template_that_writes_code(mallorys):
	"""A System Manager without Server Scripts; frappe.call would import what it wrote."""
	name = mallorys.bench.frappe.generate_hash()
	path = "/api/resource/Email Template"
	answer = mallorys.request(path, "POST", name=name, subject="x", response=WRITES_CODE)
	assert answer.status_code == 200, answer.text
	method = "/api/method/frappe.email.doctype.email_template.email_template.get_email_template"
	answer = mallorys.request(method, "POST", template_name=name, doc="{}")
	assert answer.status_code == 403 and "may only read" in answer.text, answer.text
	package = mallorys.bench.path / "apps/frappe/frappe"
	assert not [each for each in package.iterdir() if "mallory" in each.name.lower()]


def test_administrator_takes_the_app_out_of_the_list_over_rest(mallorys):
	"""Frappe lets him write the row; the gates stay, and the next delivery puts the row right."""
	import requests

	bench, tenant = mallorys.bench, mallorys.tenant
	bench.on_site(tenant.name, "frappe.utils.password.update_password", user="Administrator", pwd=PASSWORD)
	session = requests.Session()
	answer = web(
		bench,
		tenant.site,
		"/api/method/login",
		session,
		"POST",
		data={"usr": "Administrator", "pwd": PASSWORD},
	)
	assert answer.status_code == 200, answer.text
	cookies = session.cookies.get_dict()
	session.cookies.clear()
	session.headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in cookies.items())
	row = bench.on_site(tenant.name, "on_tenant.installed_apps_row")
	path = f"/api/resource/DefaultValue/{row}"
	# Frappe saves the parent, too; that of these rows is no document, unless one of some kind is given its name
	answer = mallorys.request("/api/resource/Client Script", "POST", session, dt="ToDo", name="__global")
	assert answer.status_code == 200, answer.text
	answer = mallorys.request(path, "PUT", session, defvalue='["frappe"]', parenttype="Client Script")
	assert answer.status_code == 200, answer.text
	assert mallorys.request("/api/method/frappe.sessions.clear", "POST", session).status_code == 200
	bench.on_site(tenant.name, "frappe.clear_cache")
	assert bench.on_site(tenant.name, "on_tenant.listed_apps") == ["frappe"]
	assert mallorys.make_note(session).status_code == 403
	assert mallorys.make_note().status_code == 403
	assert decision(bench, tenant, mallorys.session, "rfi").json()["message"]["allowed"] is False
	mallorys.apply_gates()
	assert "buildpro_saas" in bench.on_site(tenant.name, "on_tenant.listed_apps")


def of_field(doctype: str, field: str, name: str, value: str) -> tuple[str, str, dict]:
	"""A Property Setter of a doctype's field."""
	where = {"doctype_or_field": "DocField", "doc_type": doctype, "field_name": field}
	return "Property Setter", "POST", {**where, "property": name, "property_type": "Data", "value": value}


BECOMING_ANOTHER = {
	"a field that is not written": of_field("User", "enabled", "is_virtual", "1"),
	"a field that has no value": of_field("User", "enabled", "fieldtype", "HTML"),
	"a field that is fetched later": of_field("User", "enabled", "fetch_from", "language.enabled"),
	"a field of another name": of_field("User", "enabled", "fieldname", "x"),
	"a folder that is none": of_field("File", "is_folder", "is_virtual", "1"),
	"a table of others": of_field("Event", "event_participants", "options", "Note"),
	"a custom table": ("DocType/Note", "PUT", {"custom": 1, "istable": 1}),
	"a table by Property Setter": (
		"Property Setter",
		"POST",
		{
			**{"doctype_or_field": "DocType", "doc_type": "Note", "property": "istable"},
			**{"property_type": "Check", "value": "1"},
		},
	),
	"of another module": ("DocType/Note", "PUT", {"custom": 1, "module": "Custom"}),
	"without its module": ("Module Def/Desk", "PUT", {"custom": 1}),
}


@pytest.mark.parametrize("change", BECOMING_ANOTHER)
def test_an_apps_doctype_is_made_another(mallorys, change):
	path, method, values = BECOMING_ANOTHER[change]
	answer = mallorys.request(f"/api/resource/{path}", method, **values)
	assert answer.status_code == 403 and "part of an app" in answer.text, answer.text


def test_gated_rows_in_a_doctype_of_his_own(mallorys):
	fields = [
		{"fieldname": "people", "label": "People", "fieldtype": "Table", "options": "Event Participants"}
	]
	answer = mallorys.request(
		"/api/resource/DocType",
		"POST",
		name="Site Diary",
		module="Custom",
		custom=1,
		fields=fields,
		permissions=[{"role": "System Manager", "read": 1, "write": 1, "create": 1}],
	)
	assert answer.status_code == 200, answer.text
	rows = [{"reference_doctype": "User", "reference_docname": "Guest"}]
	answer = mallorys.request("/api/resource/Site Diary", "POST", people=rows)
	assert answer.status_code == 403 and "Growth" in answer.text, answer.text
	assert mallorys.request("/api/resource/Site Diary", "POST").status_code == 200


def test_the_benchs_workers_are_not_listed(mallorys):
	answer = mallorys.request("/api/resource/RQ Worker")
	assert answer.status_code == 200 and answer.json()["data"] == [], answer.text


TITLES = {401: "Session Expired", 403: "Not Permitted"}


@pytest.mark.parametrize("accepts", ["application/json", "text/html"])
@pytest.mark.parametrize("authorization", ["", "token a:b", "nothing known"])
@pytest.mark.parametrize("is_admin_site", [True, False])
def test_strangers_are_told_no_traceback(mallorys, accepts, authorization, is_admin_site):
	"""Without a token that the admin site knows: 401. Elsewhere there is nothing to ask: 403, or 401 for who is nobody.

	Frappe of 2023 takes a header that it does not understand for none.
	"""
	bench = mallorys.bench
	site = bench.frappe.local.site if is_admin_site else mallorys.tenant.site
	headers = {"Accept": accepts, **({"Authorization": authorization} if authorization else {})}
	path = "/api/method/buildpro_saas.api.entitlements.pull"
	answer = web(bench, site, path, None, "POST", json={"tenant": "x"}, headers=headers)
	statuses = {401} if is_admin_site or authorization.startswith("token") else {403}
	if authorization == "nothing known":
		statuses.add(401)
	if accepts == "text/html":
		# Frappe of 2023 sends its page of the refusal as 200
		assert answer.status_code in {*statuses, 200}, answer.text
		assert any(TITLES[status] in answer.text for status in statuses), answer.text
	else:
		assert answer.status_code in statuses, answer.text
	assert "Traceback" not in answer.text and "File \\" not in answer.text, answer.text


def test_a_setting_of_a_site_is_not_to_be_uploaded(mallorys):
	tokens = csrf(mallorys.bench, mallorys.tenant, mallorys.session)
	files = {"file": ("site_config.json", b'{"db_name": "_mine"}')}
	answer = web(
		mallorys.bench,
		mallorys.tenant.site,
		"/api/method/upload_file",
		mallorys.session,
		"POST",
		files=files,
		data={"is_private": 1},
		headers={**tokens, "Accept": "application/json"},
	)
	assert answer.status_code == 417 and "Rename the file first" in answer.text, answer.text
	assert not list(mallorys.folder.glob("*/files/site_config*"))


def test_another_spelling_of_a_suspended_site_is_no_way_in(mallorys):
	from buildpro_saas.entitlements import layers

	site, port = mallorys.tenant.site, mallorys.bench.services.port("web")
	path = "/api/resource/ToDo"
	mallorys.bench.entitle(mallorys.tenant.name, layers.single_plan("Core", []), GATED, status="Suspended")
	try:
		assert ask(port, path, host=site)[0] == 402
		for name in (
			f"./{site}",
			f"{site}/",
			f"{site}/.",
			site.upper(),
			f"../sites/{site}",
			str(mallorys.folder),
		):
			assert ask(port, path, host="x.localhost", X_Frappe_Site_Name=name)[0] == 404, name
			assert ask(port, path, host=name)[0] in (400, 404), name
		(mallorys.folder / "entitlement.json").unlink()
		assert ask(port, path, host=site)[0] == 402
	finally:
		mallorys.apply_gates()
