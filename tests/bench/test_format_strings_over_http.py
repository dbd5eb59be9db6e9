"""A tenant's System Manager writes texts that Frappe fills in, over HTTP: they tell him nothing of the web process."""

import json

import pytest
from mallory import Site

MAIL = "Error connecting via IMAP/POP3: {e}"
LEAK = "LEAK: {e.__traceback__.tb_frame.f_globals[frappe].local.conf[db_password]}"
# The newline gets past Frappe's own look at the template.
TITLE = "{rows[0].copy.__globals__[os].sys.modules[frappe].local.conf[db_password]!r:\n<1}"


@pytest.fixture(scope="module")
def mallorys(module_bench):
	return Site(module_bench, module_bench.active_tenant())


@pytest.fixture
def secret(mallorys):
	return json.loads((mallorys.folder / "site_config.json").read_text())["db_password"]


def refused_mail_server(mallorys) -> str:
	server = {"email_server": "127.0.0.1", "smtp_server": "127.0.0.1"}
	answer = mallorys.request(
		"/api/resource/Email Domain", "POST", domain_name="mallory.example.com", **server
	)
	assert answer.status_code == 417, answer.text
	return answer.text


def test_a_translation(mallorys, secret):
	row = {"language": "en", "source_text": MAIL}
	answer = mallorys.request("/api/resource/Translation", "POST", **row, translated_text=LEAK)
	assert answer.status_code == 403 and "Use the source's placeholders" in answer.text
	answer = mallorys.request("/api/resource/Translation", "POST", **row, translated_text="No mail: {e}")
	assert answer.status_code == 200, answer.text
	told = refused_mail_server(mallorys)
	assert "No mail: " in told and secret not in told
	path = f"/api/resource/Translation/{answer.json()['data']['name']}"
	assert mallorys.request(path, "PUT", translated_text=LEAK).status_code == 403
	told = refused_mail_server(mallorys)
	assert "No mail: " in told and secret not in told


def test_a_title(mallorys, secret):
	doctype = f"Mallory {mallorys.bench.frappe.generate_hash(length=6)}"
	answer = mallorys.request(
		"/api/resource/DocType",
		"POST",
		name=doctype,
		module="Custom",
		custom=1,
		title_field="title",
		fields=[
			{"fieldname": "title", "label": "Title", "fieldtype": "Long Text", "options": TITLE},
			{"fieldname": "rows", "label": "Rows", "fieldtype": "Table", "options": "Note Seen By"},
		],
		permissions=[{"role": "System Manager", "read": 1, "write": 1, "create": 1}],
	)
	assert answer.status_code == 200, answer.text
	answer = mallorys.request(f"/api/resource/{doctype}", "POST", rows=[{"user": "Guest"}])
	assert answer.status_code == 403, answer.text
	assert "without dots or brackets" in answer.text and secret not in answer.text
