"""Operations on tenants' sites: from the shell and over HTTP, for one and for many; what the sites answer meanwhile, and what stays on record."""

import json
import os

import pytest
import requests
from site_of_tenant import config

SECONDS = 300
MESSAGE = "Back at <noon>, we move house"


@pytest.fixture(scope="module")
def acme(module_bench):
	"""One tenant for this module."""
	return module_bench.active_tenant()


@pytest.fixture
def frappe(module_bench, acme):
	"""frappe on the admin site; the tenant's site is open, and its scheduler goes on, when a test ends."""
	before = config(module_bench, acme)
	yield module_bench.frappe
	module_bench.frappe.db.rollback()
	path = module_bench.path / "sites" / acme.site / "site_config.json"
	now = json.loads(path.read_text())
	path.write_text(json.dumps(before))
	assert now == before


def ask(bench, tenant, path: str, method: str = "GET", **headers) -> requests.Response:
	url = f"http://127.0.0.1:{bench.services.port('web')}{path}"
	return requests.request(
		method, url, headers={"Host": tenant.site, **headers}, timeout=SECONDS, allow_redirects=False
	)


@pytest.fixture
def saas(bench_command, admin_site_name):
	"""Run a command of ours: saas(*words) → what it printed; what it said where it is to exit with another number."""

	def run(*words: str, exits: int = 0, text: str | None = None) -> str:
		done = bench_command("--site", admin_site_name, "saas", *words, text=text)
		assert done.returncode == exits, done.stdout + done.stderr
		return done.stderr if exits else done.stdout

	return run


@pytest.fixture
def staff(module_bench, admin_site_name):
	"""Call an endpoint of ours over HTTP, as Administrator of the admin site: staff(verb, endpoint, **arguments)."""
	session = requests.Session()
	url = f"http://127.0.0.1:{module_bench.services.port('web')}/api/method/"
	session.headers.update({"Host": admin_site_name, "Accept": "application/json"})
	usr, pwd = "Administrator", os.environ["BUILDPRO_ADMIN_PASSWORD"]
	signed_in = session.post(f"{url}login", data={"usr": usr, "pwd": pwd}, timeout=SECONDS)
	assert signed_in.status_code == 200
	# the cookie is for the site's own name, which the address is not
	session.headers["Cookie"] = f"sid={signed_in.cookies['sid']}"
	page = session.get(url.replace("/api/method/", "/app"), timeout=SECONDS).text
	session.headers["X-Frappe-CSRF-Token"] = page.split('csrf_token = "')[1].split('"')[0]

	def call(verb: str, endpoint: str, /, **arguments) -> requests.Response:
		where = f"{url}buildpro_saas.api.{endpoint}"
		given = {"params": arguments} if verb == "GET" else {"json": arguments}
		return session.request(verb, where, timeout=SECONDS, **given)

	return call


def ended(bench, answer: requests.Response) -> list:
	"""Wait for the batch that an endpoint started; what was said of each tenant."""
	from buildpro_saas.jobs import batch_rows

	assert answer.status_code == 200, answer.text
	name = answer.json()["message"]["batch"]

	def is_over() -> bool:
		bench.frappe.db.rollback()
		return bench.frappe.db.get_value("Batch", name, "status") in ("Completed", "Stopped")

	bench.wait_for(bench.looked_after(is_over), SECONDS)
	return batch_rows.messages(name)


# -- maintenance and scheduler -----------------------------------------------------------------------------------------


def test_a_site_in_maintenance_says_what_staff_have_to_say(module_bench, acme, frappe, saas, staff):
	from buildpro_saas.fleet import site_state

	told = saas("maintenance", acme.name, "--on", "--message", MESSAGE, "--wait")
	assert f"{acme.name}: Completed. The site is in maintenance." in told
	page = ask(module_bench, acme, "/app", Accept="text/html")
	assert page.status_code == 503 and int(page.headers["Retry-After"]) > 1
	assert "Back at &lt;noon&gt;, we move house" in page.text and "text/html" in page.headers["Content-Type"]
	answer = ask(module_bench, acme, "/api/method/frappe.auth.get_logged_user")
	assert answer.status_code == 503 and answer.json()["message"] == MESSAGE
	(state,) = site_state.of_tenant(acme)
	assert "In maintenance since" in state and "in a shell" in state and MESSAGE in state
	(listed,) = staff("GET", "sites.overview", tenants=acme.name).json()["message"]
	assert listed["state"] == [state]

	# again: nothing changes for the worse, and what reads were before is not forgotten
	again = staff("POST", "sites.maintenance", is_on=1, message="later", tenants=[acme.name])
	(row,) = ended(module_bench, again)
	assert row.status == "Completed" and "later" in site_state.of_tenant(acme)[0]
	ended(module_bench, staff("POST", "sites.maintenance", is_on=0, tenants=acme.name))
	assert ask(module_bench, acme, "/login").status_code == 200 and site_state.of_tenant(acme) == []


def test_a_scheduler_is_paused_and_goes_on(module_bench, acme, frappe, staff):
	from buildpro_saas.fleet import site_state

	(row,) = ended(
		module_bench, staff("POST", "sites.scheduler", is_paused=1, message="x", tenants=acme.name)
	)
	assert row.message == "The scheduler is paused."
	assert module_bench.on_site(acme.name, "frappe.utils.scheduler.is_scheduler_inactive") is True
	assert "Scheduler paused since" in site_state.of_tenant(acme)[0]
	ended(module_bench, staff("POST", "sites.scheduler", is_paused=0, tenants=acme.name))
	assert site_state.of_tenant(acme) == []


def test_what_was_set_in_a_shell_is_said_to_be_and_is_taken_back(module_bench, acme, frappe, staff):
	from buildpro_saas.fleet import site_state

	# as `bench set-maintenance-mode on` does
	site_config = module_bench.path / "sites" / acme.site / "site_config.json"
	site_config.write_text(json.dumps({**config(module_bench, acme), "maintenance_mode": 1}))
	assert site_state.of_tenant(acme) == ["In maintenance by somebody in a shell."]
	assert ask(module_bench, acme, "/login").status_code == 503
	ended(module_bench, staff("POST", "sites.maintenance", is_on=0, tenants=acme.name))
	assert ask(module_bench, acme, "/login").status_code == 200


# -- cache, functions, console -----------------------------------------------------------------------------------------


def test_a_cache_is_cleared(module_bench, acme, frappe, staff):
	module_bench.on_site(acme.name, "on_tenant_cache.put")
	assert module_bench.on_site(acme.name, "on_tenant_cache.has") is True
	(row,) = ended(module_bench, staff("POST", "sites.clear_cache", tenants=acme.name))
	assert (row.status, row.message) == ("Completed", "The cache is cleared.")
	assert module_bench.on_site(acme.name, "on_tenant_cache.has") is False


@pytest.mark.parametrize(
	("method", "args", "says"),
	[
		("frappe.ping", None, 'frappe.ping answered "pong"'),
		("frappe.client.get_count", '{"doctype": "DocType"}', "frappe.client.get_count answered "),
		("frappe.destroy", None, "is not whitelisted"),
		("frappe.no_such", None, "There is no function"),
	],
)
def test_a_whitelisted_function_is_run_and_no_other(module_bench, acme, frappe, staff, method, args, says):
	given = {"args": args} if args else {}
	(row,) = ended(
		module_bench, staff("POST", "sites.run_function", method=method, tenants=acme.name, **given)
	)
	assert says in row.message and row.status == ("Completed" if "answered" in says else "Failed")


def test_a_console_is_opened_and_stays_on_record(module_bench, acme, frappe, saas):
	told = saas(
		"console", acme.name, "--why", "a look at <their> notes", text="print('at', frappe.local.site)\n"
	)
	assert f"at {acme.site}" in told
	frappe.db.rollback()
	comments = frappe.get_all("Comment", {"reference_name": acme.name}, pluck="content")
	assert any("opened a console: a look at &lt;their&gt; notes" in content for content in comments)
	there = module_bench.on_site(acme.name, "on_tenant_cache.console_notes")
	assert there == [["a look at &lt;their&gt; notes", "Administrator"]]


# -- whom --------------------------------------------------------------------------------------------------------------


def test_whom_it_meets_is_shown_first_and_wrong_ones_are_refused(module_bench, acme, frappe, saas, staff):
	found = json.loads(saas("clear-cache", "--plan", "Core", "--preview", "--json"))
	assert [acme.site] == [row["site"] for row in found if row["tenant"] == acme.name]
	assert acme.name in staff("GET", "sites.preview", plan="Core").text
	acme.add_tag("pilots")
	frappe.db.commit()
	tagged = staff("GET", "sites.overview", tag="pilots").json()["message"]
	assert [(row["tenant"], row["last_backup"]) for row in tagged] == [(acme.name, None)]
	assert "No tenant with a site meets that" in staff("GET", "sites.preview", tag="pilot").text
	assert "Say whom" in saas("clear-cache", exits=1)
	before = frappe.db.count("Batch")
	for arguments, says in (
		({}, "Say whom"),
		({"tenants": []}, "say which"),
		({"tenants": "no-such"}, "There is no tenant no-such"),
		({"tenants": acme.name, "plan": "Enterprise"}, "No tenant with a site meets that"),
		({"status": "Removed"}, "has no site"),
		({"bench": "nowhere"}, "There is no Bench nowhere"),
		({"tenants": acme.name, "width": "x"}, "width"),
	):
		answer = staff("POST", "sites.clear_cache", **arguments)
		assert answer.status_code == 417 and says in answer.text, answer.text
	answer = staff("POST", "sites.maintenance", is_on=1, message="x" * 501, tenants=acme.name)
	assert answer.status_code == 417 and "500 at most" in answer.text
	for method in ("frappe", "a b.c"):
		answer = staff("POST", "sites.run_function", method=method, tenants=acme.name)
		assert answer.status_code == 417 and "dotted name" in answer.text
	frappe.db.rollback()
	assert frappe.db.count("Batch") == before


def test_sites_are_listed_with_their_apps_and_sizes(module_bench, acme, frappe, saas):
	row = next(row for row in json.loads(saas("sites", "--json")) if row["tenant"] == acme.name)
	assert row["site"] == acme.site and row["plan"] == "Core" and row["database_mb"] > 1
	assert row["apps"].keys() >= {"frappe", "construction_demo"} and row["state"] == []


# -- a hold ------------------------------------------------------------------------------------------------------------


def test_a_held_site_can_be_read_and_its_jobs_wait(module_bench, acme, frappe):
	from buildpro_saas.agent import door

	here, before = door.here(), config(module_bench, acme)
	here.do("stop_writes", site=acme.site, by={"by": "a test", "since": "now"})
	try:
		here.do("stop_writes", site=acme.site, by={"by": "a test", "since": "now"})  # again: the same
		assert ask(module_bench, acme, "/login").status_code == 200
		module_bench.on_site(acme.name, "on_tenant_cache.enqueue", title="while held")
		# it is put back, again and again, and whoever holds the site need not wait for it
		module_bench.wait_for(lambda: module_bench.on_site(acme.name, "on_tenant_cache.is_put_back"), SECONDS)
		assert here.do("running_jobs", site=acme.site) == []
		assert module_bench.on_site(acme.name, "on_tenant_cache.titles") == []
	finally:
		assert here.do("let_go_of_site", site=acme.site) is True
	assert here.do("let_go_of_site", site=acme.site) is False and config(module_bench, acme) == before
	module_bench.wait_for(
		lambda: module_bench.on_site(acme.name, "on_tenant_cache.titles") == ["while held"], SECONDS
	)


def test_a_hold_opens_no_site_that_is_in_maintenance(module_bench, acme, frappe, staff):
	from buildpro_saas.agent import door

	ended(module_bench, staff("POST", "sites.maintenance", is_on=1, tenants=acme.name))
	closed = config(module_bench, acme)
	door.here().do("stop_writes", site=acme.site, by={"by": "a test", "since": "now"})
	assert ask(module_bench, acme, "/login").status_code == 503
	door.here().do("let_go_of_site", site=acme.site)
	assert config(module_bench, acme) == closed
	ended(module_bench, staff("POST", "sites.maintenance", is_on=0, tenants=acme.name))
