"""The other two doors: `bench saas` and HTTP. Thin: they check, and call what Desk calls."""

import json
import os

import pytest
import requests


@pytest.fixture
def saas(bench_command, admin_site_name):
	def run(*arguments, text=None, site=admin_site_name):
		return bench_command("--site", site, "saas", *arguments, text=text)

	return run


@pytest.fixture
def staff_session(module_bench, admin_site_name):
	"""A function that signs a user of the admin site in over HTTP, made with the given role; removed afterwards."""
	frappe = module_bench.frappe
	made = []

	def sign_in(role):
		user = frappe.get_doc(
			{
				"doctype": "User",
				"email": f"{frappe.generate_hash(length=8)}@staff.example",
				"first_name": "Staff",
				"send_welcome_email": 0,
				"new_password": "Zr9#of-the-house",
				"roles": [{"role": role}],
			}
		).insert()
		frappe.db.commit()
		made.append(user.name)
		return Door(module_bench, admin_site_name, user.name, "Zr9#of-the-house")

	yield sign_in
	for user in made:
		# not delete_doc, which will not part with a site's only System Manager
		frappe.db.delete("Has Role", {"parent": user})
		frappe.db.delete("User", {"name": user})
	frappe.clear_cache()
	frappe.db.commit()


class Door:
	"""A signed-in session of one user at one site."""

	def __init__(self, bench, site, user, password):
		self.base = f"http://127.0.0.1:{bench.services.port('web')}"
		self.session = requests.Session()
		self.session.headers["Host"] = site
		answer = self.session.post(
			f"{self.base}/api/method/login", data={"usr": user, "pwd": password}, timeout=30
		)
		assert answer.status_code == 200, answer.text
		# requests keeps cookies by the address it called, not by the Host header
		cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)
		self.session.cookies.clear()
		self.session.headers["Cookie"] = cookies
		page = self.session.get(f"{self.base}/app", timeout=60).text
		self.session.headers["X-Frappe-CSRF-Token"] = page.split('csrf_token = "')[1].split('"')[0]

	def call(self, endpoint, verb="POST", **data):
		return self.session.request(verb, f"{self.base}/api/method/{endpoint}", json=data or None, timeout=60)

	def resource(self, path, verb="GET", **data):
		return self.session.request(verb, f"{self.base}/api/resource/{path}", json=data or None, timeout=60)


NEW = {"company": "Door Ltd", "owner_name": "Dora", "owner_email": "dora@door.example", "plan": "Core"}


def test_create_and_cancel_from_the_shell(module_bench, saas):
	"""Held at its first step: a standby site, where another test left one, is a tenant's sooner than a command starts."""
	subdomain = f"sh{module_bench.frappe.generate_hash(length=8)}"
	before = module_bench.everything()
	with module_bench.held("make_site", "Running"):
		done = saas(
			"create-tenant",
			*(
				"--subdomain",
				subdomain.upper(),
				"--company",
				"Shell Ltd",
				"--owner-name",
				"Sue",
				"--plan",
				"Core",
			),
			*("--email", "sue@shell.example", "--country", "Germany", "--json"),
		)
		module_bench.tenants.append(subdomain)
		assert done.returncode == 0, done.stderr
		answer = json.loads(done.stdout.strip().splitlines()[-1])
		assert answer["tenant"] == subdomain and answer["site"].startswith(f"{subdomain}.")
		assert answer["job"] in saas("jobs").stdout and subdomain in saas("tenants").stdout
		assert "Make site" in saas("job", answer["job"]).stdout
		module_bench.wait_held(subdomain)
		done = saas("cancel", answer["job"])
		assert done.returncode == 0, done.stderr
		module_bench.let_go()
		assert module_bench.wait_job(subdomain).status == "Cancelled"
	assert module_bench.everything() == before
	done = saas("retry", answer["job"])
	assert done.returncode == 1 and "Cancelled" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
	"subdomain, word", [("two.labels", "dot"), ("admin", "reserved"), ("a;drop", "letters"), ("-a", "hyphen")]
)
def test_bad_input_is_one_sentence(module_bench, saas, subdomain, word):
	before = module_bench.everything()
	done = saas(
		"create-tenant",
		*(
			f"--subdomain={subdomain}",
			"--company",
			"X",
			"--owner-name",
			"X",
			"--email",
			"x@x.example",
			"--plan",
			"Core",
		),
	)
	assert done.returncode == 1 and word in done.stderr, done.stdout + done.stderr
	assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1
	assert module_bench.everything() == before


def test_it_refuses_on_a_site_that_is_not_the_admin_site(module_bench, saas, bench_path):
	done = saas("tenants", site=module_bench.active_tenant().site)
	assert done.returncode == 1 and "admin site" in done.stderr


@pytest.mark.usefixtures("quick_installer")
def test_an_image_is_built_listed_and_pruned_from_the_shell(saas, module_bench):
	"""Of a plan whose image no other test needs."""

	def listed() -> dict[str, str]:
		rows = json.loads(saas("images", "list", "--json").stdout.splitlines()[0])
		return {row["name"]: row["status"] for row in rows}

	before = listed()
	built = saas("images", "build", "--plan", "Enterprise", "--wait")
	assert built.returncode == 0, built.stdout + built.stderr
	name = built.stdout.split()[0]
	assert listed() == {**before, name: "Ready"}
	pruned = saas("images", "prune", name)
	assert pruned.returncode == 0, pruned.stderr
	module_bench.wait_for_end(pruned.stdout.split()[1])
	assert listed() == before


def test_setup_can_be_run_again(module_bench, saas, bench_account):
	before = bench_account()
	done = saas("setup", "--root-password-stdin", text=os.environ["BUILDPRO_DB_ROOT_PASSWORD"] + "\n")
	assert done.returncode == 0, done.stderr
	module_bench.frappe.utils.scheduler.disable_scheduler()
	module_bench.frappe.db.commit()
	assert bench_account() == before
	assert before["password"] not in done.stdout + done.stderr


def test_a_wrong_root_password_is_one_sentence(saas):
	done = saas("setup", "--root-password-stdin", text="not-it\n")
	assert (
		done.returncode == 1 and "Traceback" not in done.stderr and "not-it" not in done.stdout + done.stderr
	)


def test_a_manager_creates_over_http_and_support_may_not(module_bench, staff_session):
	subdomain = f"ht{module_bench.frappe.generate_hash(length=8)}"
	support, manager = staff_session("SaaS Support"), staff_session("SaaS Manager")
	create = "buildpro_saas.api.tenants.create"
	assert support.call(create, subdomain=subdomain, **NEW).status_code == 403
	assert support.resource("Tenant", "POST", subdomain=subdomain, **NEW).status_code == 403
	assert manager.call(create, "GET").status_code == 403
	answer = manager.call(create, subdomain=subdomain, **NEW)
	assert answer.status_code == 200, answer.text
	module_bench.tenants.append(subdomain)
	message = answer.json()["message"]
	assert message["status"] == "Provisioning" and message["job"]
	again = manager.call(create, subdomain=subdomain, **NEW)
	assert again.status_code in (409, 417) and "taken" in again.text
	job = f"Provisioning Job/{message['job']}"
	assert support.resource(job).status_code == 200
	assert support.resource(job, "PUT", status="Completed").status_code == 403
	assert manager.resource(job, "PUT", status="Completed").status_code == 403
	assert manager.resource(job, "DELETE").status_code == 403
	cancel = {"dt": "Provisioning Job", "dn": message["job"], "method": "cancel_job"}
	assert support.call("run_doc_method", **cancel).status_code == 403
	assert manager.call("run_doc_method", **cancel).status_code == 200
	assert module_bench.wait_job(subdomain).status == "Cancelled"


def test_a_plans_change_is_previewed_over_http_as_the_guide_says(staff_session):
	manager = staff_session("SaaS Manager")
	url = f"{manager.base}/api/method/buildpro_saas.api.plans.preview_changes"

	def ask(features, limits='[{"limit_key": "max_users", "value": 5}]'):
		return manager.session.post(
			url, data={"plan": "Core", "features": features, "limits": limits}, timeout=60
		)

	rows, names = ask('[{"feature": "rfi"}]'), ask('["rfi"]')
	assert (rows.status_code, names.status_code) == (200, 200), rows.text + names.text
	assert "Core" in rows.json()["message"]["plans"]
	assert rows.json() == names.json()
	for given, sentence in (
		(('["nope"]',), "There is no feature nope"),
		(("{'feature': 'rfi'}",), "Features must be a JSON list"),
		(("[]", "[5]"), "Row 1 of Limits"),
	):
		answer = ask(*given)
		assert answer.status_code == 417 and sentence in answer.text, answer.text


def test_a_plain_user_of_the_admin_site_sees_nothing(module_bench, staff_session):
	user = staff_session("System Manager")
	for doctype in ("Tenant", "Plan", "Provisioning Job", "Bench", "SaaS Settings"):
		assert user.resource(doctype).status_code == 403, doctype
