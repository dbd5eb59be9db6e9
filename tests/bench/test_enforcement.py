"""A tenant's site over HTTP: what the plan lacks is refused on every way in; expired, suspended, and back, without a restart."""

import importlib.util
import json
import time

import pytest
import requests

DAY = 24 * 60 * 60
PASSWORD = "Zr9#of-the-tenant"
ORDER = "Site Order"
REPORT = "Permitted Documents For User"
METHOD = "frappe.client.get_time_zone"
CATALOGUE = {
	"features": {
		"notes": {
			"label": "Notes",
			"plan": "Enterprise",
			"gates": [
				{"kind": "DocType", "name": "Note"},
				{"kind": "Report", "name": REPORT},
				{"kind": "Page", "name": "backups"},
				{"kind": "Method", "name": METHOD},
			],
		},
		"orders": {
			"label": "Orders",
			"plan": "Enterprise",
			"gates": [{"kind": "DocType", "name": ORDER, "operations": ["submit"]}],
		},
		"events": {
			"label": "Events",
			"plan": "Enterprise",
			"gates": [{"kind": "DocType", "name": "Event"}],
			"hides": True,
		},
		"rfi": {"label": "RFI", "plan": "Growth"},
	},
	"limits": {},
}
HAS_V2 = (
	importlib.util.find_spec("frappe.api")
	and importlib.util.find_spec("frappe.api").submodule_search_locations
)


class Site:
	"""A tenant's site: what the operator does to it, and its owner's session over HTTP."""

	def __init__(self, bench, tenant: str):
		self.bench, self.tenant, self.name = bench, tenant, bench.site(tenant)
		self.base = f"http://127.0.0.1:{bench.services.port('web')}"
		self.owner = bench.frappe.db.get_value("Tenant", tenant, "owner_email")
		self.on_site("frappe.utils.password.update_password", user=self.owner, pwd=PASSWORD)
		self.session = self.sign_in()

	def on_site(self, method: str, /, **arguments):
		from buildpro_saas.agent.bench import Bench

		return Bench(self.bench.path).site(self.name).call(method, **arguments)

	def apply(self, *features: str, now: float | None = None, **data) -> None:
		"""Put an entitlement with these features into force."""
		from buildpro_saas.entitlements import layers

		plan = layers.single_plan("Core", list(features), {})
		self.bench.entitle(self.tenant, plan, CATALOGUE, now, contact="sales@operator.example", **data)

	def sign_in(self, password: str = PASSWORD) -> requests.Session:
		session = requests.Session()
		session.headers.update({"Host": self.name, "Accept": "application/json"})
		answer = session.post(
			f"{self.base}/api/method/login", data={"usr": self.owner, "pwd": password}, timeout=60
		)
		assert answer.status_code == 200, answer.text
		# requests keeps cookies by the address it called, not by the Host header
		session.headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
		session.cookies.clear()
		page = session.get(f"{self.base}/app", headers={"Accept": "text/html"}, timeout=60).text
		session.headers["X-Frappe-CSRF-Token"] = page.split('csrf_token = "')[1].split('"')[0]
		return session

	def ask(self, verb: str, path: str, /, **data) -> requests.Response:
		kind = "params" if verb == "GET" else "data"
		return self.session.request(verb, f"{self.base}/{path}", **{kind: data}, timeout=60)

	def call(self, method: str, /, **data) -> requests.Response:
		return self.ask("POST", f"api/method/{method}", **data)


@pytest.fixture(scope="module")
def site(module_bench):
	site = Site(module_bench, module_bench.active_tenant().name)
	site.apply("notes", "orders", "events")
	site.on_site("frappe.client.insert", doc=ORDER_DOCTYPE)
	return site


@pytest.fixture
def records(site):
	"""Records from better days: {doctype: name}. The plan has RFI only since then."""
	site.apply("notes", "orders", "events")
	made = {}
	for doctype, values in {
		"Note": {"title": f"n{time.time_ns()}", "public": 1},
		"Event": {"subject": "e", "starts_on": "2026-01-01 10:00:00", "event_type": "Public"},
		"ToDo": {"description": "t"},
		ORDER: {"title": "o"},
	}.items():
		made[doctype] = site.on_site("frappe.client.insert", doc={"doctype": doctype, **values})["name"]
	site.apply("rfi")
	return made


ORDER_DOCTYPE = {
	"doctype": "DocType",
	"name": ORDER,
	"module": "Custom",
	"custom": 1,
	"is_submittable": 1,
	"fields": [{"fieldname": "title", "fieldtype": "Data", "label": "Title"}],
	"permissions": [
		dict.fromkeys(("read", "write", "create", "delete", "submit", "cancel"), 1)
		| {"role": "System Manager"}
	],
}


def is_denied(answer: requests.Response) -> bool:
	assert answer.status_code == 403, (answer.status_code, answer.text[-2000:])
	body = answer.json()
	assert body.get("exc_type", "FeatureNotAvailableError") == "FeatureNotAvailableError", answer.text[-2000:]
	assert "not part of your plan Core" in answer.text and "sales@operator.example" in answer.text
	return True


def test_rest_v1(site, records):
	note = f"api/resource/Note/{records['Note']}"
	assert is_denied(site.ask("POST", "api/resource/Note", title="x"))
	assert is_denied(site.ask("PUT", note, content="x"))
	assert is_denied(site.ask("DELETE", note))
	assert site.ask("GET", note).status_code == 200
	assert site.ask("GET", "api/resource/Note").json()["data"]
	assert site.ask("POST", "api/resource/ToDo", description="x").status_code == 200


def test_rest_v2(site, records):
	note = f"api/v2/document/Note/{records['Note']}"
	answers = [
		site.ask("POST", "api/v2/document/Note", title="x"),
		site.ask("PATCH", note, content="x"),
		site.ask("DELETE", note),
		site.ask("GET", f"api/v2/method/{METHOD}"),
	]
	if not HAS_V2:  # Frappe of 2023: there is no such way in
		assert {answer.status_code for answer in answers} <= {403, 404}
		return
	assert all(answer.status_code == 403 for answer in answers), [answer.text for answer in answers]


def test_rpc_on_all_its_ways(site, records):
	name = records["Note"]
	doc = {"doctype": "Note", "title": "x"}
	saved = site.ask("GET", f"api/resource/Note/{name}").json()["data"] | {"content": "x"}
	assert is_denied(site.call("frappe.client.insert", doc=json.dumps(doc)))
	assert is_denied(site.call("frappe.client.insert_many", docs=json.dumps([doc])))
	assert is_denied(site.call("frappe.client.save", doc=json.dumps(saved)))
	assert is_denied(
		site.call("frappe.client.set_value", doctype="Note", name=name, fieldname="content", value="x")
	)
	assert is_denied(site.call("frappe.client.delete", doctype="Note", name=name))
	assert is_denied(site.call("frappe.desk.form.save.savedocs", doc=json.dumps(saved), action="Save"))
	new = json.dumps(doc | {"name": "new-note-1", "__islocal": 1})
	assert is_denied(site.call("frappe.desk.form.save.savedocs", doc=new, action="Save"))
	assert is_denied(site.ask("POST", "", cmd="frappe.client.insert", doc=json.dumps(doc)))
	flags = json.dumps(doc | {"flags": {"in_patch": 1, "in_insert": 1, "ignore_validate": 1}})
	assert is_denied(site.ask("POST", "api/method/ping", cmd="frappe.client.insert", doc=flags))
	assert site.call("frappe.client.get", doctype="Note", name=name).status_code == 200


def test_submitting(site, records):
	order = {"doctype": ORDER, "name": records[ORDER]}
	whole = site.ask("GET", f"api/resource/{ORDER}/{order['name']}").json()["data"]
	assert is_denied(site.call("frappe.client.submit", doc=json.dumps(whole)))
	assert is_denied(site.ask("PUT", f"api/resource/{ORDER}/{order['name']}", docstatus=1))
	assert is_denied(site.ask("POST", f"api/resource/{ORDER}", title="x", docstatus=1))
	assert site.ask("PUT", f"api/resource/{ORDER}/{order['name']}", title="y").status_code == 200
	site.apply("orders")
	assert site.ask("PUT", f"api/resource/{ORDER}/{order['name']}", docstatus=1).status_code == 200
	site.apply("rfi")
	assert is_denied(site.call("frappe.client.cancel", doctype=ORDER, name=order["name"]))


def test_bulk_edit_changes_nothing(site, records):
	update = "frappe.desk.doctype.bulk_update.bulk_update.submit_cancel_or_update_docs"
	names = json.dumps([records["Note"]])
	answer = site.call(update, doctype="Note", docnames=names, action="update", data='{"content": "bulk"}')
	assert answer.json()["message"] == [records["Note"]]
	site.call("frappe.desk.reportview.delete_items", doctype="Note", items=names)
	assert site.on_site("frappe.client.get", doctype="Note", name=records["Note"])["content"] != "bulk"


def test_a_hidden_doctype_is_empty_rather_than_broken(site, records):
	listed = site.ask("GET", "api/resource/Event")
	assert listed.status_code == 200 and listed.json()["data"] == []
	viewed = site.call("frappe.desk.reportview.get", doctype="Event", fields='["name"]')
	assert viewed.status_code == 200 and not viewed.json()["message"]
	link = site.call("frappe.desk.search.search_link", doctype="Event", txt="")
	assert link.status_code == 200
	assert not (link.json().get("message") or link.json().get("results"))
	assert site.ask("GET", f"api/resource/Event/{records['Event']}").status_code == 403
	site.apply("events")
	assert site.ask("GET", f"api/resource/Event/{records['Event']}").status_code == 200
	assert site.ask("GET", "api/resource/Event").json()["data"]


def test_reports_and_pages(site, records):
	filters = json.dumps({"user": site.owner, "doctype": "ToDo"})
	arguments = {"report_name": REPORT, "filters": filters}
	assert is_denied(site.call("frappe.desk.query_report.run", **arguments))
	assert is_denied(site.call("frappe.desk.query_report.get_script", report_name=REPORT))
	export = {"file_format_type": "CSV", "visible_idx": "[0]", **arguments}
	assert is_denied(site.call("frappe.desk.query_report.export_query", **export))
	assert is_denied(site.call("frappe.desk.desk_page.getpage", name="backups"))
	site.apply("notes")
	assert site.call("frappe.desk.query_report.run", **arguments).status_code == 200
	assert site.call("frappe.desk.desk_page.getpage", name="backups").status_code == 200


def test_methods_by_all_their_names(site, records):
	ways = [
		lambda: site.ask("GET", f"api/method/{METHOD}"),
		lambda: site.ask("GET", f"api/method/{METHOD}/"),
		lambda: site.ask("GET", "", cmd=METHOD),
		lambda: site.call("upload_file", method=METHOD),
		# the module under another name
		lambda: site.ask("GET", "api/method/frappe.handler.frappe.client.get_time_zone"),
	]
	answers = [way() for way in ways]
	assert all(answer.status_code in (403, 417, 500) for answer in answers), [a.status_code for a in answers]
	assert not any("time_zone" in (answer.json().get("message") or {}) for answer in answers)
	assert all(is_denied(answer) for answer in answers[:4])
	site.apply("notes")
	assert ways[0]().json()["message"]["time_zone"]


# -- when the plan is over ---------------------------------------------------------------------------------------


def test_an_expired_site_is_read_only_and_back_without_a_restart(site, records):
	todo = f"api/resource/ToDo/{records['ToDo']}"
	site.apply("rfi", now=time.time() - 60 * DAY)
	writes = [
		lambda: site.ask("POST", "api/resource/ToDo", description="x"),
		lambda: site.ask("PUT", todo, description="x"),
		lambda: site.ask("DELETE", f"api/resource/{ORDER}/{records[ORDER]}"),
		lambda: site.call("frappe.client.insert", doc='{"doctype": "ToDo", "description": "x"}'),
	]
	for write in writes:
		answer = write()
		assert answer.status_code == 403 and "sales@operator.example" in answer.text, answer.text[-1500:]
		assert "read-only" in answer.text
	like = {"doctype": "ToDo", "name": records["ToDo"], "add": "Yes"}
	assert site.call("frappe.desk.like.toggle_like", **like).status_code >= 400  # no hook sees this one
	site.apply("rfi")
	assert site.ask("GET", todo).json()["data"]["description"] == "t"
	assert [write().status_code for write in writes] == [200, 200, 202, 200]


def test_an_expired_site_is_read_printed_exported_and_backed_up(site, records):
	site.apply("rfi", now=time.time() - 60 * DAY)
	name = records["ToDo"]
	reads = {
		"list": site.ask("GET", "api/resource/ToDo"),
		"form": site.ask("GET", "api/method/frappe.desk.form.load.getdoc", doctype="ToDo", name=name),
		"print": site.ask("GET", "printview", doctype="ToDo", name=name),
		"export": site.call(
			"frappe.desk.reportview.export_query",
			doctype="ToDo",
			fields='["`tabToDo`.`name`"]',
			file_format_type="CSV",
			title="ToDo",
		),
		"report": site.call(
			"frappe.desk.query_report.run",
			report_name="Document Share Report",
			filters="{}",
		),
		"backup": site.call("frappe.desk.page.backups.backups.schedule_files_backup", user_email=site.owner),
		"desk": site.session.get(f"{site.base}/app", headers={"Accept": "text/html"}, timeout=60),
	}
	assert {what: answer.status_code for what, answer in reads.items()} == dict.fromkeys(reads, 200)
	assert name in reads["export"].text and "This site is read-only" in reads["desk"].text


def test_an_expired_site_lets_people_in_and_change_their_password(site, records):
	site.apply("rfi", now=time.time() - 60 * DAY)
	other = f"{PASSWORD}2"
	change = "frappe.core.doctype.user.user.update_password"
	answer = site.call(change, old_password=PASSWORD, new_password=other, logout_all_sessions=0)
	assert answer.status_code == 200, answer.text
	site.session = site.sign_in(other)
	assert site.ask("GET", "api/method/frappe.auth.get_logged_user").json()["message"] == site.owner
	assert site.call("logout").status_code == 200
	assert site.ask("GET", "api/method/frappe.auth.get_logged_user").status_code in (401, 403)
	site.apply("rfi")
	site.on_site("frappe.utils.password.update_password", user=site.owner, pwd=PASSWORD)
	site.session = site.sign_in()


def test_a_suspended_site_shows_a_page_and_is_back_at_once(site, records):
	todo = f"api/resource/ToDo/{records['ToDo']}"
	site.apply("rfi", status="Suspended")
	for path in (todo, "api/method/frappe.auth.get_logged_user", "api/method/login", "api/method/logout"):
		answer = site.ask("POST" if "login" in path else "GET", path, usr=site.owner, pwd=PASSWORD)
		assert answer.status_code == 402 and answer.json()["reason"] == "SUSPENDED", answer.text
		assert "sales@operator.example" in answer.json()["message"]
	for path in ("", "login", "app/todo", "backups/x.sql.gz"):
		page = site.session.get(f"{site.base}/{path}", headers={"Accept": "text/html"}, timeout=60)
		assert page.status_code == 402 and "This site is suspended" in page.text, path
		assert "sales@operator.example" in page.text
	ping = requests.get(f"{site.base}/api/method/ping", headers={"Host": site.name}, timeout=60)
	assert ping.status_code == 200 and ping.json() == {"message": "pong"}
	site.apply("rfi")
	assert site.ask("GET", todo).json()["data"]["description"] == "t"
	assert site.ask("PUT", todo, description="y").status_code == 200


def test_a_users_job_writes_nothing_on_an_expired_site(site, records):
	"""Through the real queue and worker."""
	name = records["ToDo"]
	site.apply("rfi", now=time.time() - 60 * DAY)
	job = {"method": "frappe.client.set_value", "queue": "short", "enqueue_after_commit": True}
	value = {"doctype": "ToDo", "name": name, "fieldname": "description", "value": "by a job"}
	site.on_site("frappe.utils.background_jobs.enqueue", **job, **value)
	failed = {"doctype": "Error Log", "filters": {"method": ("like", "%set_value%")}}
	site.bench.wait_for(lambda: site.on_site("frappe.client.get_count", **failed), 120)
	assert site.on_site("frappe.client.get", doctype="ToDo", name=name)["description"] == "t"
	site.apply("rfi")
	site.on_site("frappe.utils.background_jobs.enqueue", **job, **value)
	site.bench.wait_for(
		lambda: site.on_site("frappe.client.get", doctype="ToDo", name=name)["description"] == "by a job", 120
	)
