"""Past due, expired, suspended, and back: what a tenant's users can do then, and what waits."""

import json
import time

import pytest

DAY = 24 * 60 * 60


@pytest.fixture
def tenant(site, monkeypatch):
	"""The site in the role of a tenant's, asked by a web request."""
	frappe = site.frappe
	site.todo = frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert()
	monkeypatch.setitem(frappe.conf, "buildpro_role", "tenant")
	monkeypatch.setattr(frappe.local, "form_dict", frappe._dict())
	site.ask = lambda path="/api/method/x", method="POST", **headers: monkeypatch.setattr(
		frappe.local, "request", frappe._dict(path=path, method=method, headers=headers), raising=False
	)
	site.ask()
	yield site
	frappe.flags.read_only = False
	frappe.db.rollback()
	# a request of an expired site commits what came before it
	frappe.db.delete("ToDo", {"name": site.todo.name})
	frappe.db.delete("Singles", {"doctype": "Nexelya Plan Settings"})
	frappe.db.commit()


def valid(site):
	site.apply()


def in_grace(site):
	site.apply(now=time.time() - 32 * DAY)


def expired(site):
	site.apply(now=time.time() - 60 * DAY)


def suspended(site):
	site.apply(status="Suspended")


def insert(frappe, doctype="ToDo", **values):
	return frappe.get_doc({"doctype": doctype, "description": "x", **values}).insert()


@pytest.mark.parametrize("state", [valid, in_grace])
def test_all_can_be_done_while_the_plan_holds(tenant, state):
	state(tenant)
	insert(tenant.frappe)
	tenant.frappe.delete_doc("ToDo", tenant.todo.name)


@pytest.mark.parametrize("state", [expired, suspended])
def test_nothing_is_written_on_a_restricted_site(tenant, state):
	state(tenant)
	frappe = tenant.frappe
	todo = frappe.get_doc("ToDo", tenant.todo.name)
	for write in (
		lambda: insert(frappe),
		lambda: todo.update({"description": "y"}).save(),
		lambda: frappe.delete_doc("ToDo", todo.name),
		lambda: insert(frappe, "Note", title="x"),
		lambda: frappe.get_doc("System Settings").save(),
	):
		with pytest.raises(tenant.gating.SiteRestrictedError, match=r"support@example\.com") as error:
			write()
		assert error.value.http_status_code == 403
	assert frappe.get_list("ToDo", {"name": todo.name})


@pytest.mark.parametrize("state", [expired, suspended])
def test_and_all_of_it_with_the_next_entitlement(tenant, state):
	state(tenant)
	with pytest.raises(tenant.gating.SiteRestrictedError):
		insert(tenant.frappe)
	valid(tenant)
	insert(tenant.frappe)


def test_jobs_of_users_are_refused_and_calls_of_the_operators_are_not(tenant, monkeypatch):
	from buildpro_saas.tenant_site import maintenance, restriction

	expired(tenant)
	frappe = tenant.frappe
	monkeypatch.delattr(frappe.local, "request")
	insert(frappe)
	frappe.call(restriction.on_job, method="frappe.client.insert", kwargs={}, transaction_type="job")
	with pytest.raises(tenant.gating.SiteRestrictedError):
		insert(frappe)
	valid(tenant)
	insert(frappe)
	frappe.flags.pop(maintenance.IN_JOB)


def test_a_site_without_its_entitlement_is_not_read_only(tenant):
	insert(tenant.frappe)
	tenant.apply()
	tenant.frappe.conf.buildpro_public_keys = {}
	tenant.entitlement.forget_in_request()
	insert(tenant.frappe)


def test_what_frappe_keeps_of_what_happens_is_still_kept(tenant):
	expired(tenant)
	insert(tenant.frappe, "Activity Log", subject="Signed in")
	tenant.settings().save()


@pytest.mark.parametrize("role", ["admin", None])
def test_only_tenants_sites_are_restricted(tenant, role):
	from buildpro_saas.tenant_site import restriction

	suspended(tenant)
	tenant.frappe.conf.buildpro_role = role
	insert(tenant.frappe)
	restriction.on_request()


# -- the request -------------------------------------------------------------------------------------------------


def request(tenant, path, **headers):
	from buildpro_saas.tenant_site import restriction

	tenant.ask(path, **headers)
	restriction.on_request()
	is_read_only, tenant.frappe.flags.read_only = bool(tenant.frappe.flags.read_only), False
	tenant.frappe.db.rollback()
	return is_read_only


def test_an_expired_site_reads_and_signs_people_in(tenant):
	expired(tenant)
	assert request(tenant, "/app") and request(tenant, "/api/resource/ToDo")
	assert not request(tenant, "/api/method/login") and not request(tenant, "/api/v1/method/logout/")
	assert not request(tenant, "/api/method/frappe.core.doctype.user.user.update_password")
	valid(tenant)
	assert not request(tenant, "/app")


@pytest.mark.parametrize("cmd", ["frappe.client.insert", ["logout"], {"a": 1}])
def test_a_request_is_what_frappe_takes_it_for(tenant, cmd):
	expired(tenant)
	tenant.frappe.local.form_dict.cmd = cmd
	assert request(tenant, "/api/method/logout")


def test_a_script_of_a_users_under_such_a_name_gains_nothing(tenant, monkeypatch):
	from buildpro_saas.tenant_site import restriction

	expired(tenant)
	monkeypatch.setattr(restriction, "get_server_script_map", lambda: {"_api": {"logout": "S", "ping": "S"}})
	assert request(tenant, "/api/method/logout")
	suspended(tenant)
	with pytest.raises(restriction.HTTPException):
		request(tenant, "/api/method/ping")


def test_the_database_refuses_what_no_hook_sees(tenant):
	expired(tenant)
	frappe = tenant.frappe
	from buildpro_saas.tenant_site import restriction

	tenant.ask("/api/method/x")
	restriction.on_request()
	for _ in range(2):
		with pytest.raises(frappe.InReadOnlyMode):
			frappe.db.set_value("User", "Guest", "bio", "x")
		frappe.db.commit()  # what code may do meanwhile
	assert frappe.db.get_value("User", "Guest", "name") == "Guest"


def test_a_suspended_site_answers_programs_and_people(tenant):
	from buildpro_saas.tenant_site import restriction

	tenant.apply(status="Suspended", contact="<b>sales</b>@example.com")
	with pytest.raises(restriction.HTTPException) as stopped:
		request(tenant, "/api/resource/ToDo", Accept="text/html")
	response = stopped.value.response
	assert response.status_code == 402
	answer = json.loads(response.get_data())
	assert answer["reason"] == "SUSPENDED" and "<b>sales</b>@example.com" in answer["message"]
	with pytest.raises(restriction.HTTPException) as stopped:
		request(tenant, "/app/todo", Accept="text/html,*/*")
	page = stopped.value.response
	assert page.status_code == 402 and page.mimetype == "text/html"
	assert "&lt;b&gt;sales" in page.get_data(as_text=True) and "<b>" not in page.get_data(as_text=True)
	assert request(tenant, "/api/method/ping") is False
	valid(tenant)
	assert request(tenant, "/app/todo") is False


# -- scheduled jobs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	"method, waits",
	[
		("frappe.email.queue.flush", False),
		("frappe.deferred_insert.save_to_db", False),
		("buildpro_saas.tenant_site.usage.store", False),
		("frappe.automation.doctype.auto_repeat.auto_repeat.make_auto_repeat_entry", True),
		("erpnext.accounts.utils.auto_create_exchange_rate_revaluation_daily", True),
		("construction_demo.tasks.daily", True),
	],
)
@pytest.mark.parametrize("state", [expired, suspended])
def test_jobs_that_would_write_business_data_wait(tenant, state, method, waits):
	frappe = tenant.frappe
	job = frappe.get_doc({"doctype": "Scheduled Job Type", "method": method, "frequency": "Daily"})
	state(tenant)
	assert job._pauses() is waits
	valid(tenant)
	assert job._pauses() is False


def test_a_waiting_job_is_neither_put_into_a_queue_nor_run(tenant, monkeypatch):
	frappe = tenant.frappe
	ran = []
	method = "frappe.automation.doctype.auto_repeat.auto_repeat.make_auto_repeat_entry"
	module = "frappe.core.doctype.scheduled_job_type.scheduled_job_type"
	monkeypatch.setattr(f"{module}.enqueue", lambda *args, **kwargs: ran.append("queued"))
	monkeypatch.setattr(method, lambda: ran.append("run"))
	monkeypatch.setattr(type(frappe.local.db), "commit", lambda self: None)
	job = frappe.get_doc("Scheduled Job Type", {"method": method})
	monkeypatch.setattr(type(job), "is_job_in_queue", lambda self: False)
	expired(tenant)
	assert job.enqueue(force=True) is False
	job.execute()
	assert ran == []
	valid(tenant)
	assert job.enqueue(force=True) is True
	job.execute()
	assert ran == ["queued", "run"]


# -- the banner --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	"state, level, words",
	[
		(valid, None, ()),
		(lambda site: site.apply(status="Past Due"), "warning", ("past due", "support@example.com")),
		(in_grace, "warning", ("expired on", "read-only", "support@example.com")),
		(expired, "danger", ("read-only", "Nothing is lost", "support@example.com")),
		(lambda site: site.take_entitlement_off(), "danger", ("cannot be told",)),
	],
)
def test_desk_says_how_it_stands(tenant, state, level, words):
	from buildpro_saas.tenant_site import restriction

	state(tenant)
	banner = restriction.banner(tenant.entitlement.current_decisions())
	assert (banner and banner["level"]) == level
	assert all(word in banner["text"] for word in words)
