"""Every entrance of the admin site over real HTTP, with JSON of any kind: success or a sentence, never a server error.

The examples are the same in each run. What succeeds is taken away again; nothing here can begin a site: the tenants are those of a bench
elsewhere.
"""

import json

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TENANT = "fuzz-away"
PLAN, FEATURE, ADDON, BENCH = "Fuzz Plan", "fuzz_feature", "Fuzz Add-on", "fuzz-elsewhere"
NASTY = [
	*(
		"\ud800",
		"a\udfffb",
		"Ac\u202eme",
		"a\0b",
		"\ufeff",
		"0001-01-01",
		"9999-12-31 23:59:59",
		"2026-13-45",
		"2026-12-31T00:00Z",
	),
	*(
		"' or 1=1 -- ",
		"{{ 7*7 }}",
		"%s %(x)s",
		"../../../etc/passwd",
		"<img src=x onerror=alert(1)>",
		"x" * 300,
		"y" * 70_000,
	),
	*(
		10**30,
		-(10**30),
		2**31,
		1e308,
		float("nan"),
		float("inf"),
		-1,
		0,
		True,
		[],
		{},
		[None],
		[[]],
		[{}],
		{"a": {"b": []}},
		"",
	),
	*(
		TENANT,
		PLAN,
		FEATURE,
		ADDON,
		BENCH,
		"Core",
		"max_users",
		"Limit",
		"Feature",
		"admin@example.com",
		"acme",
	),
]
values = st.one_of(
	st.sampled_from(NASTY),
	st.recursive(
		st.none()
		| st.booleans()
		| st.integers()
		| st.floats()
		| st.text(st.characters(exclude_categories=()), max_size=20),
		lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
		max_leaves=5,
	),
)
WRITABLE = {
	"Tenant": TENANT,
	"Plan": PLAN,
	"Feature": FEATURE,
	"Add-on": ADDON,
	"Bench": BENCH,
	"SaaS Settings": "SaaS Settings",
}
# Of these the app itself makes records; a caller gets a refusal, whatever comes.
OTHERS = (
	"Kill Switch",
	"Provisioning Job",
	"Site Image",
	"Standby Site",
	"Drift Finding",
	"Tenant Usage",
	"Plan Version",
)
ROWS = (
	"Tenant Override",
	"Tenant Add-on",
	"Plan Limit",
	"Plan Feature",
	"Plan App",
	"Standby Pool",
	"Feature Gate",
)
# Without what fills the other fields, the first one that is missing would be all that is ever said.
COMPLETE = {
	"Tenant": {
		**{
			"subdomain": "fuzz-new",
			"company": "Fuzz Ltd",
			"owner_name": "Olga",
			"owner_email": "o@fuzz.example",
		},
		**{"plan": PLAN, "bench": BENCH, "country": "Germany"},
	},
	"Plan": {"plan_name": "Fuzz New"},
	"Feature": {"key": "fuzz_new", "label": "Fuzz"},
	"Add-on": {"addon_name": "Fuzz New", "features": [{"feature": FEATURE}]},
	"Bench": {"bench_name": "fuzz-new"},
}
ENDPOINTS = {
	"buildpro_saas.api.tenants.create": COMPLETE["Tenant"],
	"buildpro_saas.api.tenants.status": {"tenant": TENANT},
	"buildpro_saas.api.tenants.owner_link": {"tenant": TENANT},
	"buildpro_saas.api.tenants.set_plan": {
		"tenant": TENANT,
		"plan": PLAN,
		"at": None,
		"trial_until": None,
		"then": None,
	},
	"buildpro_saas.api.tenants.suspend": {"tenant": TENANT, "reason": "fuzz"},
	"buildpro_saas.api.tenants.mark_past_due": {"tenant": TENANT, "reason": "fuzz"},
	"buildpro_saas.api.tenants.resume": {"tenant": TENANT, "reason": "fuzz"},
	"buildpro_saas.api.plans.preview_changes": {"plan": PLAN, "features": [], "limits": [], "includes": None},
	"buildpro_saas.api.feature_gating.check_feature_access": {"feature": FEATURE, "tenant": TENANT},
	"buildpro_saas.api.entitlements.pull": {"tenant": TENANT, "sequence": 0, "keys": [], "usage_batch": {}},
	# a plan that there is would be built
	"buildpro_saas.api.images.build": {"plan": "No Such Plan", "bench": BENCH},
}
METHODS = {
	"Tenant": {
		"set_plan": ("plan", "at", "trial_until", "then"),
		"suspend": ("reason",),
		"resume": ("reason",),
		"owner_link": (),
	},
	"Plan": {"preview_changes": ("features", "limits", "includes")},
	"Bench": {"refresh_facts": ()},
}
GUESTS = ("buildpro_saas.api.feature_gating.check_feature_access", "buildpro_saas.api.entitlements.pull")


def examples(number: int):
	return settings(
		max_examples=number,
		derandomize=True,
		database=None,
		deadline=None,
		suppress_health_check=list(HealthCheck),
	)


class Entrances:
	"""HTTP to the admin site as a SaaS Manager with an API key, and as a guest."""

	def __init__(self, bench, site: str):
		self.bench, self.frappe, self.session = bench, bench.frappe, requests.Session()
		self.base = f"http://127.0.0.1:{bench.services.port('web')}/api"
		self.session.headers.update(
			{
				"Host": site,
				"Accept": "application/json",
				"Content-Type": "application/json",
			}
		)
		self.key = None

	def fields(self, doctype: str) -> list[str]:
		meta = self.frappe.get_meta(doctype)
		return [df.fieldname for df in meta.fields] + [
			"name",
			"owner",
			"creation",
			"modified",
			"docstatus",
			"idx",
			"nonsense",
		]

	def ask(self, verb: str, path: str, body: object, is_guest: bool = False) -> requests.Response:
		"""Send any JSON, also what no strict writer of JSON would write; a server error is a failure of the test."""
		headers = {} if is_guest else {"Authorization": self.key}
		answer = self.session.request(
			verb, f"{self.base}/{path}", data=json.dumps(body).encode(), headers=headers, timeout=60
		)
		assert answer.status_code < 500, f"{verb} {path} {body!r:.500}\n{_said(answer)}"
		if answer.status_code >= 400:
			assert _said(answer), f"{verb} {path} {body!r:.500}: {answer.status_code} without a word"
		return answer


def _said(answer: requests.Response) -> str:
	try:
		told = answer.json()
	except ValueError:
		return answer.text[:2000]
	return str(
		told.get("_server_messages") or told.get("exception") or told.get("exc_type") or told.get("exc")
	)[-2000:]


@pytest.fixture(scope="module")
def entrances(module_bench, admin_site_name):
	"""Records of a bench elsewhere, and a manager's key; afterwards everything is as it was."""
	frappe = module_bench.frappe
	doors = Entrances(module_bench, admin_site_name)
	before = {
		doctype: set(frappe.get_all(doctype, pluck="name"))
		for doctype in (*WRITABLE, *OTHERS)
		if doctype != "SaaS Settings"
	}
	singles = frappe.db.sql("select field, value from tabSingles where doctype = 'SaaS Settings'")
	for fields in (
		{"doctype": "Feature", "key": FEATURE, "label": "Fuzz"},
		{"doctype": "Plan", "plan_name": PLAN, "features": [{"feature": FEATURE}], "rank": -1},
		{"doctype": "Add-on", "addon_name": ADDON, "features": [{"feature": FEATURE}]},
		{"doctype": "Bench", "bench_name": BENCH, "path": "/nowhere", "base_domain": "localhost"},
	):
		frappe.get_doc(fields).insert()
	there = {"site": f"{TENANT}.localhost", "status": "Active", "name": TENANT, "subdomain": TENANT}
	frappe.get_doc({"doctype": "Tenant", **COMPLETE["Tenant"], **there}).db_insert()
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": "fuzz@staff.example",
			"first_name": "Fuzz",
			"send_welcome_email": 0,
			"api_key": frappe.generate_hash(length=15),
			"api_secret": "fuzz-secret",
			"roles": [{"role": "SaaS Manager"}],
		}
	).insert()
	frappe.db.commit()
	doors.key = f"token {user.api_key}:fuzz-secret"
	yield doors
	frappe.db.rollback()
	for doctype, names in before.items():
		for name in set(frappe.get_all(doctype, pluck="name")) - names:
			for table in frappe.get_meta(doctype).get_table_fields():
				frappe.db.delete(table.options, {"parent": name, "parenttype": doctype})
			frappe.db.delete(doctype, {"name": name})
	frappe.db.delete("Singles", {"doctype": "SaaS Settings"})
	for field, value in singles:
		frappe.db.sql(
			"insert into tabSingles (doctype, field, value) values ('SaaS Settings', %s, %s)", (field, value)
		)
	frappe.db.delete("Has Role", {"parent": user.name})
	frappe.db.delete("User", {"name": user.name})
	frappe.clear_cache()
	frappe.db.commit()


@st.composite
def changed(draw, names: list[str], most: int = 4) -> dict:
	"""Some of the names, each with any value."""
	chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True))
	return {name: draw(values) for name in chosen}


@pytest.mark.parametrize("doctype", [*WRITABLE, *OTHERS, *ROWS])
def test_making_a_document(entrances, doctype):
	fields = entrances.fields(doctype)

	@examples(15 if doctype == "Tenant" else 6)
	@given(changed(fields))
	def post(fuzz):
		entrances.ask("POST", f"resource/{doctype}", {**COMPLETE.get(doctype, {}), **fuzz})

	post()


@pytest.mark.parametrize("doctype", WRITABLE)
def test_changing_a_document(entrances, doctype):
	fields = [field for field in entrances.fields(doctype) if field != "database_password"]

	@examples(25 if doctype == "Tenant" else 10)
	@given(changed(fields))
	def put(fuzz):
		entrances.ask("PUT", f"resource/{doctype}/{WRITABLE[doctype]}", fuzz)

	put()


@pytest.mark.parametrize("field", ["addons", "overrides"])
def test_changing_rows(entrances, field):
	rows = entrances.fields("Tenant Add-on" if field == "addons" else "Tenant Override")

	@examples(8)
	@given(st.lists(changed(rows, most=6), min_size=1, max_size=2))
	def put(fuzz):
		entrances.ask(
			"PUT", f"resource/Tenant/{TENANT}", {field: [{"reason": "fuzz", **row} for row in fuzz]}
		)

	put()


@pytest.mark.parametrize("is_guest", [False, True])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint(entrances, endpoint, is_guest):
	usual = ENDPOINTS[endpoint]
	verb = "GET" if endpoint.endswith("status") else "POST"

	@examples(8 if endpoint in GUESTS or not is_guest else 2)
	@given(changed(list(usual)), st.sets(st.sampled_from(list(usual)), max_size=2))
	def call(fuzz, left_out):
		body = {**usual, **fuzz}
		if not endpoint.endswith("images.build"):  # which without a plan builds all
			body = {name: value for name, value in body.items() if name not in left_out}
		elif not body["plan"]:
			body["plan"] = "No Such Plan"
		answer = entrances.ask(verb, f"method/{endpoint}", body, is_guest)
		if is_guest:
			assert answer.status_code != 200, f"{endpoint} {body!r:.300}"

	call()


@pytest.mark.parametrize(
	("doctype", "method"), [(doctype, method) for doctype in METHODS for method in METHODS[doctype]]
)
def test_a_button(entrances, doctype, method):
	@examples(8)
	@given(changed([*METHODS[doctype][method], "nonsense"]) | values)
	def press(arguments):
		body = {"dt": doctype, "dn": WRITABLE[doctype], "method": method, "args": json.dumps(arguments)}
		entrances.ask("POST", "method/run_doc_method", body)

	press()
