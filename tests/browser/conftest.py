"""Desk in a real browser, as staff see it: Debian's Chromium, real services, screenshots kept beside the bench."""

import importlib.util
import os
import re
from pathlib import Path

import pytest
import requests

# The bench tests' own fixtures: a browser test needs the same services, and removes its tenants in the same way.
# By path: `tests` is also the name of somebody's package in the bench's env.
spec = importlib.util.spec_from_file_location(
	"bench_fixtures", Path(__file__).parents[1] / "bench/conftest.py"
)
bench_fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench_fixtures)
module_bench, services = bench_fixtures.module_bench, bench_fixtures.services
kept_images, quick_installer = bench_fixtures.kept_images, bench_fixtures.quick_installer

SECONDS = 1000  # milliseconds, which is what playwright counts in
PLAN = "Browser Plan"
IN_DESK = re.compile("/app(/|$)")


@pytest.fixture(scope="session")
def chromium():
	"""One browser for all tests."""
	from playwright.sync_api import sync_playwright

	flags = ["--no-sandbox"] if os.geteuid() == 0 else []
	site = os.environ["BUILDPRO_ADMIN_SITE"]
	with sync_playwright() as playwright:
		browser = playwright.chromium.launch(
			executable_path=os.environ["BUILDPRO_CHROMIUM"],
			args=[*flags, f"--host-resolver-rules=MAP {site} 127.0.0.1"],
		)
		yield browser
		browser.close()


@pytest.fixture(scope="module")
def staff(module_bench):
	"""A SaaS Manager, a SaaS Support and a plan without apps; removed afterwards."""
	from frappe.utils.password import update_password

	frappe = module_bench.frappe
	people = {}
	for role in ("SaaS Manager", "SaaS Support"):
		email = f"{frappe.generate_hash(length=8)}@staff.example"
		user = frappe.get_doc(
			{"doctype": "User", "email": email, "first_name": role, "send_welcome_email": 0}
		)
		user.flags.no_welcome_mail = True
		user.append("roles", {"role": role})
		user.insert()
		password = frappe.generate_hash(length=20)
		update_password(email, password)
		people[role] = (email, password)
	if not frappe.db.exists("Plan", PLAN):
		frappe.get_doc({"doctype": "Plan", "plan_name": PLAN, "features": [{"feature": "rfi"}]}).insert()
	frappe.db.commit()
	yield people
	module_bench.clean_up()
	for email, _ in people.values():
		# not delete_doc, which will not go on where no System Manager but Administrator is left
		frappe.db.delete("Has Role", {"parent": email})
		frappe.db.delete("User", {"name": email})
	frappe.delete_doc("Plan", PLAN, force=True)
	frappe.db.commit()


@pytest.fixture
def desk(chromium, staff, module_bench):
	"""Open Desk as somebody: `desk("SaaS Manager")`, or `desk((user, password), site)` elsewhere than on the admin site.

	through_page: through the login page and Desk's first one, which take the browser longer than what most tests look at. A script error
	in the page fails the test.
	"""
	opened = []

	def open_desk(
		who: str | tuple[str, str],
		site: str = os.environ["BUILDPRO_ADMIN_SITE"],
		*,
		through_page: bool = False,
	) -> Desk:
		credentials = staff[who] if isinstance(who, str) else who
		opened.append(Desk(chromium, module_bench.services.port("web"), site))
		sign_in = opened[-1].sign_in_through_page if through_page else opened[-1].sign_in
		sign_in(*credentials)
		return opened[-1]

	yield open_desk
	errors = [error for desk in opened for error in desk.errors]
	for desk in opened:
		desk.page.context.close()
	assert errors == []


class Desk:
	"""Desk in a window of its own."""

	def __init__(self, browser, port: int, site: str):
		self.site, self.port = site, port
		self.address = f"http://{site}:{port}"
		self.page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
		self.page.set_default_timeout(30 * SECONDS)
		self.errors: list[str] = []
		self.page.on("pageerror", lambda error: self.errors.append(str(error)))
		self.page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))

	def sign_in(self, email: str, password: str) -> None:
		"""With the request that the login page makes; the window gets its cookies."""
		answer = requests.post(
			f"http://127.0.0.1:{self.port}/api/method/login",
			data={"usr": email, "pwd": password},
			headers={"Host": self.site},
			timeout=60,
		)
		assert answer.status_code == 200, answer.text
		cookies = [{"name": each.name, "value": each.value, "url": self.address} for each in answer.cookies]
		self.page.context.add_cookies(cookies)

	def sign_in_through_page(self, email: str, password: str) -> None:
		self.page.goto(f"{self.address}/login")
		self.page.fill("#login_email", email)
		self.page.fill("#login_password", password)
		self.page.click(".form-login button[type=submit]")
		self.page.wait_for_url(IN_DESK)

	def go(self, path: str) -> None:
		self.page.goto(f"{self.address}/app/{path}")

	def field(self, name: str):
		"""A control of the form that is shown."""
		return self.page.locator(f".page-container:visible .frappe-control[data-fieldname={name}]").first

	def fill(self, name: str, value: str) -> None:
		self.field(name).locator("input, textarea").first.fill(value)
		self.page.keyboard.press("Tab")
		self.page.wait_for_function("([name, value]) => cur_frm.doc[name] === value", arg=[name, value])

	def choose(self, name: str, value: str) -> None:
		"""Pick a record in a link field, from the list that it offers."""
		field = self.field(name)
		field.locator("input").first.click()
		field.locator("input").first.fill(value)
		field.locator("[role=listbox] > *").filter(has_text=value).first.click()

	def button(self, name: str):
		return self.page.locator(f'.page-container:visible .page-actions button:visible:has-text("{name}")')

	def status(self) -> str:
		"""What the coloured pill beside the title says."""
		return self.page.locator(".page-container:visible .title-area .indicator-pill").inner_text().strip()

	def wait_for_status(self, status: str, seconds: float = 30) -> None:
		pill = f".page-container:visible .title-area .indicator-pill:has-text('{status}')"
		self.page.wait_for_selector(pill, timeout=seconds * SECONDS)

	def new_tenant(self, name: str) -> None:
		"""Fill the form of a new Tenant and press Save."""
		self.go("tenant/new")
		self.page.wait_for_function("window.cur_frm?.is_new() && !frappe.request.ajax_count")
		self.fill("subdomain", name)
		self.fill("company", f"{name.title()} Construction")
		self.choose("plan", PLAN)
		self.fill("owner_name", "Olga Owner")
		self.fill("owner_email", f"olga@{name}.example")
		self.choose("country", "Germany")
		self.page.wait_for_function(
			"cur_frm.doc.currency === 'EUR' && cur_frm.doc.time_zone === 'Europe/Berlin'"
		)
		self.keep("tenant-new")
		self.page.keyboard.press("Control+s")

	def steps(self) -> dict[str, str]:
		"""Title → status of the steps that a job's form shows."""
		rows = self.page.locator(".job-steps > li").all()
		return {row.locator(".job-title").inner_text(): row.get_attribute("data-status") for row in rows}

	def keep(self, name: str) -> None:
		"""Keep a screenshot in the bench's home, under screenshots/."""
		folder = Path(os.environ["BUILDPRO_HOME"]) / "screenshots"
		folder.mkdir(exist_ok=True)
		self.page.screenshot(path=folder / f"{name}.png")
