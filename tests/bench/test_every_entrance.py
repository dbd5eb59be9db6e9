"""Every entrance over real HTTP, on the admin site and on a tenant's, with JSON of any kind: success or a sentence, no server error.

The examples are the same in each run. What succeeds is taken away again. Nothing here can begin a site: the tenants on record are
those of a bench elsewhere, except the one whose site is tried.
"""

import json

import pytest
from entrances import (
	ADDON,
	BENCH,
	BUTTONS,
	COMPLETE,
	ENDPOINTS,
	FEATURE,
	GUESTS,
	ON_TENANTS,
	PLAN,
	READ,
	RECORDS,
	SHOWN_TO_TENANTS,
	TENANT,
	WRITTEN_BY_THE_APP,
	Door,
	changed,
	opened,
	values,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildpro_saas.hooks import ADMIN_DOCTYPES, ADMIN_TABLES

STAFF = "fuzz@staff.example"
UNFINISHED = ("Waiting", "Queued", "Running", "Cancelling")


def examples(number: int):
	return settings(
		max_examples=number,
		derandomize=True,
		database=None,
		deadline=None,
		suppress_health_check=list(HealthCheck),
	)


@pytest.fixture(scope="module")
def admin(module_bench, admin_site_name, tenants):
	"""Records of a bench elsewhere, and a manager's key; afterwards everything is as it was."""
	frappe = module_bench.frappe
	for doctype, name in RECORDS.items():
		forget(frappe, doctype, name)  # of a run that was interrupted
	frappe.db.delete("User", {"name": STAFF})
	kept = [doctype for doctype in ADMIN_DOCTYPES if doctype != "SaaS Settings"]
	before = {doctype: set(frappe.get_all(doctype, pluck="name")) for doctype in kept}
	singles = frappe.db.sql("select field, value from tabSingles where doctype = 'SaaS Settings'")
	make_records(frappe)
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": STAFF,
			"first_name": "Fuzz",
			"send_welcome_email": 0,
			"api_key": frappe.generate_hash(length=15),
			"api_secret": "fuzz-secret",
			"roles": [{"role": "SaaS Manager"}],
		}
	).insert()
	frappe.db.commit()
	yield Door(module_bench, admin_site_name, f"{user.api_key}:fuzz-secret")
	frappe.db.rollback()
	# deliveries of what was changed here, to the tenant of this module
	module_bench.wait_looking(lambda: not at_work(frappe), 120)
	for doctype, names in before.items():
		for name in set(frappe.get_all(doctype, pluck="name")) - names:
			forget(frappe, doctype, name)
	frappe.db.delete("Singles", {"doctype": "SaaS Settings"})
	for field, value in singles:
		frappe.db.sql(
			"insert into tabSingles (doctype, field, value) values ('SaaS Settings', %s, %s)", (field, value)
		)
	frappe.db.delete("Has Role", {"parent": user.name})
	frappe.db.delete("User", {"name": user.name})
	frappe.clear_cache()
	frappe.db.commit()


def forget(frappe, doctype: str, name: str) -> None:
	"""Take a record away with its rows, past what would keep it."""
	if doctype == name:
		return  # settings
	for table in frappe.get_meta(doctype).get_table_fields():
		frappe.db.delete(table.options, {"parent": name, "parenttype": doctype})
	frappe.db.delete(doctype, {"name": name})


def at_work(frappe) -> list[str]:
	frappe.db.commit()
	return frappe.get_all("Provisioning Job", {"status": ("in", UNFINISHED)}, pluck="name")


def make_records(frappe) -> None:
	"""The records of RECORDS, some as staff make them, the others as rows that look like the app's own."""
	from buildpro_saas.jobs import batch_rows

	for fields in (
		{"doctype": "Feature", "key": FEATURE, "label": "Fuzz"},
		{"doctype": "Plan", "plan_name": PLAN, "features": [{"feature": FEATURE}], "rank": -1},
		{"doctype": "Add-on", "addon_name": ADDON, "features": [{"feature": FEATURE}]},
		{"doctype": "Bench", "bench_name": BENCH, "path": "/nowhere", "base_domain": "localhost"},
	):
		frappe.get_doc(fields).insert()
	now = frappe.utils.now_datetime()
	of_job = {
		"playbook": "create_tenant",
		"status": "Failed",
		"tenant": TENANT,
		"inputs": "{}",
		"state": "{}",
	}
	of_finding = {"kind": "Site folder", "subject": f"{TENANT}.localhost", "status": "Open"}
	of_batch = {"playbook": "send_entitlements", "status": "Paused", "total": 1, "width": 1, "inputs": "{}"}
	for doctype, fields in {
		"Tenant": {
			**COMPLETE["Tenant"],
			**{"site": f"{TENANT}.localhost", "status": "Active", "subdomain": TENANT},
		},
		"Kill Switch": {**COMPLETE["Kill Switch"], "starts_on": now},
		"Provisioning Job": {"title": "Fuzz", "bench": BENCH, **of_job},
		"Site Image": {"kind": "fuzz", "bench": BENCH, "status": "Ready"},
		"Drift Finding": {"bench": BENCH, "first_found": now, "last_found": now, **of_finding},
		"Batch": {"title": "Fuzz", **of_batch},
		"Site Shadow": {
			"tenant": TENANT,
			"bench": BENCH,
			"status": "Ready",
			"database": "_shadow_fuzz",
			"mark": "fuzz",
		},
		"Backup": {"tenant": TENANT, "bench": BENCH, "status": "Kept", "backup_id": "00000000"},
		"Backup Store": {"tenant": TENANT, "bench": BENCH, "status": "In Use", "store_id": "00000000"},
		"Former Name": {"subdomain": "fuzz-old", "tenant": TENANT, "bench": BENCH, "status": "Leads There"},
		"Site Intake": {**COMPLETE["Site Intake"], "status": "New"},
		"Site Domain": {
			**{"host": "www.fuzz.example", "claim": "www.fuzz.example", "tenant": TENANT, "bench": BENCH},
			**{"kind": "Customer's Domain", "state": "Live"},
		},
		"Site Certificate": {"folder": "www.fuzz.example", "bench": BENCH, "status": "Valid"},
		"Metric Series": {"tenant": TENANT, "span": "Month", "begins": now, "is_open": 0},
		"DNS Provider": COMPLETE["DNS Provider"],
		"Monitoring Alert": {"check_key": "fuzz", "subject": "fuzz", "severity": "Info", "status": "Open"},
	}.items():
		frappe.get_doc({"doctype": doctype, "name": RECORDS[doctype], **fields}).db_insert()
	batch_rows.add(RECORDS["Batch"], [(TENANT, BENCH)])


@pytest.fixture(scope="module")
def tenants(module_bench):
	"""A tenant's site, with its Administrator's key: no permission stands before what is tried."""
	tenant = module_bench.active_tenant()
	return Door(module_bench, tenant.site, module_bench.on_site(tenant.name, "on_tenant.api_key"))


@pytest.fixture
def door(request):
	return request.getfixturevalue(request.param)


def on(*doors: str):
	return pytest.mark.parametrize("door", doors, indirect=True)


def test_every_entrance_is_tried(module_bench):
	"""One that is new needs an example in entrances.py, one that is gone needs none."""
	functions, buttons = opened()
	assert functions == set(ENDPOINTS)
	assert buttons == {(doctype, method) for doctype, methods in BUTTONS.items() for method in methods}
	doctypes = module_bench.frappe.get_all(
		"DocType", {"module": ("in", module_bench.frappe.get_module_list("buildpro_saas"))}, pluck="name"
	)
	assert set(doctypes) == {*ADMIN_DOCTYPES, *ADMIN_TABLES, *SHOWN_TO_TENANTS}


@on("admin")
@pytest.mark.parametrize("doctype", [*ADMIN_DOCTYPES, *ADMIN_TABLES])
def test_making_a_document(door, doctype):
	fields = door.fields(doctype)

	@examples(15 if doctype == "Tenant" else 6)
	@given(changed(fields))
	def post(fuzz):
		body = {**COMPLETE.get(doctype, {}), **fuzz}
		if doctype == "Tenant":
			body["bench"] = body["bench"] or BENCH
		door.ask("POST", f"resource/{doctype}", body)

	post()


@on("admin")
@pytest.mark.parametrize("doctype", RECORDS)
def test_changing_a_document(door, doctype):
	fields = [field for field in door.fields(doctype) if field != "database_password"]
	number = 25 if doctype == "Tenant" else 4 if doctype in WRITTEN_BY_THE_APP else 10

	@examples(number)
	@given(changed(fields))
	def put(fuzz):
		door.ask("PUT", f"resource/{doctype}/{RECORDS[doctype]}", fuzz)

	put()


@on("admin")
@pytest.mark.parametrize("field", ["addons", "overrides"])
def test_changing_rows(door, field):
	rows = door.fields("Tenant Add-on" if field == "addons" else "Tenant Override")

	@examples(8)
	@given(st.lists(changed(rows, most=6), min_size=1, max_size=2))
	def put(fuzz):
		door.ask("PUT", f"resource/Tenant/{TENANT}", {field: [{"reason": "fuzz", **row} for row in fuzz]})

	put()


@pytest.mark.parametrize("is_guest", [False, True])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@on("admin", "tenants")
def test_an_endpoint(door, endpoint, is_guest, request):
	usual = ENDPOINTS[endpoint]
	verb = "GET" if endpoint.rpartition(".")[2] in READ else "POST"

	is_on_admin_site = request.node.callspec.params["door"] == "admin"
	is_open = endpoint in GUESTS if is_guest else is_on_admin_site or endpoint in ON_TENANTS

	@examples(8 if is_open else 2)
	@given(changed([*usual, "nonsense"]), st.sets(st.sampled_from([*usual, "nonsense"]), max_size=2))
	def call(fuzz, left_out):
		body = {name: value for name, value in {**usual, **fuzz}.items() if name not in left_out}
		if endpoint.endswith("images.build"):  # without a plan it builds all
			body["plan"] = (
				body.get("plan") if body.get("plan") not in (None, "", "Core", PLAN) else "No Such Plan"
			)
		if endpoint.endswith("tenants.create"):
			body["bench"] = body.get("bench") or BENCH
		answer = door.ask(verb, f"method/{endpoint}", body, is_guest)
		if is_guest:
			assert answer.status_code != 200, f"{endpoint} {body!r:.300}"

	call()


@on("admin")
@pytest.mark.parametrize(
	("doctype", "method"), [(doctype, method) for doctype in BUTTONS for method in BUTTONS[doctype]]
)
def test_a_button(door, doctype, method):
	@examples(8 if BUTTONS[doctype][method] else 4)
	@given(changed([*BUTTONS[doctype][method], "nonsense"]) | values)
	def press(arguments):
		body = {"dt": doctype, "dn": RECORDS[doctype], "method": method, "args": json.dumps(arguments)}
		door.ask("POST", "method/run_doc_method", body)

	door.ask("POST", "method/run_doc_method", {"dt": doctype, "dn": RECORDS[doctype], "method": method})
	press()


@on("tenants")
@pytest.mark.parametrize("doctype", SHOWN_TO_TENANTS)
def test_what_a_tenant_is_shown(door, doctype):
	fields = door.fields(doctype)

	@examples(6)
	@given(changed(fields))
	def write(fuzz):
		door.ask("POST", f"resource/{doctype}", fuzz)
		door.ask("PUT", f"resource/{doctype}/{doctype}", fuzz)

	write()
