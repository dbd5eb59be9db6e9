"""The admin site of a benchmark, its tenants over HTTP, and a clean bench afterwards."""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass

from dev.bench import Bench
from dev.demo import PLAN_APPS
from dev.shell import DevError, say
from dev.site_client import SiteClient
from dev.sites import AdminSite

PLAN = "Growth"  # with ERPNext and HRMS where the bench has them
COUNTRY = "United States"
TENANT = {
	"company": "Benchmark Construction",
	"owner_name": "Bea Benchmark",
	"plan": PLAN,
	"country": COUNTRY,
	"currency": "USD",
	"time_zone": "America/New_York",
	"language": "en",
}
POLL = 0.01  # seconds
PATIENCE = 1800  # seconds for one job
ENDED = ("Active", "Failed", "Draft")


@dataclass(frozen=True)
class Made:
	"""One tenant as seen from outside; seconds since staff asked for it."""

	name: str
	way: str
	seconds_to_answer: float
	seconds_to_login: float


class Admin:
	"""Use as a context manager: the admin site is there in the block and gone, with all that it made, after it."""

	def __init__(self, bench: Bench):
		self.bench = bench
		self.site = AdminSite(bench, f"admin-benchmark{bench.site_suffix()}.localhost")
		self.port = bench.home.ports()["web"]
		self.client = SiteClient(self.site.name, self.port)
		self.count = 0

	def __enter__(self) -> Admin:
		self.drop()  # what an interrupted run left
		# images and standby sites are made when a benchmark says so, and not as soon as the site is there
		services = self.bench.services()
		services.stop("scheduler")
		self.site.make()
		for plan, apps in PLAN_APPS.items():
			self.command("set-plan-apps", plan, *(app for app in apps if app in self.bench.apps()))
		if not self.client.login("Administrator", self.bench.home.secret("administrator_password")):
			raise DevError(f"{self.client.url} refuses the Administrator's password.")
		self.set("build_images", 0)
		services.start_all("scheduler")
		return self

	def __exit__(self, *_error) -> None:
		self.drop()

	def drop(self) -> None:
		self.bench.drop_made_by(self.site.name)
		self.site.drop()

	def command(self, *arguments: str) -> str:
		"""`bench --site ADMIN saas …`."""
		return self.site.command("saas", *arguments)

	def set(self, field: str, value: object) -> None:
		"""Write a field of SaaS Settings."""
		self.client.post(
			"/api/method/frappe.client.set_value",
			doctype="SaaS Settings",
			name="SaaS Settings",
			fieldname=field,
			value=str(value),
		)

	# images and pools ----------------------------------------------------------------------------------------

	def build_images(self) -> None:
		"""The images of PLAN, without and with a company of COUNTRY."""
		say("Building the images …")
		self.set_pool(1)
		self.command("images", "build", "--plan", PLAN, "--wait")

	def set_pool(self, sites: int) -> None:
		self.command("set-pool", PLAN, str(sites), "--country", COUNTRY)

	def fill_pool(self, sites: int) -> None:
		"""So many standby sites wait when this returns."""
		self.set_pool(sites)
		filters = [["kind", "like", f"%; {COUNTRY}; %"], ["status", "=", "Ready"]]
		image = self.client.list("Site Image", filters, "name")[0]["name"]
		end = time.monotonic() + PATIENCE
		while self.count_of("Standby Site", image=image, status="Ready") < sites:
			if not self.count_of("Standby Site", image=image, status="Filling"):
				self.command("pool", "--fill")
			if not self.count_of("Site Image", name=image, status="Ready") or time.monotonic() > end:
				raise DevError("The pool was not filled: did an app of the bench change meanwhile?")
			time.sleep(0.2)

	def count_of(self, doctype: str, **filters: str) -> int:
		"""How many documents there are."""
		answer = self.client.get(
			"/api/method/frappe.client.get_count", doctype=doctype, filters=json.dumps(filters)
		)
		return answer["message"]

	# tenants -------------------------------------------------------------------------------------------------

	def new_subdomain(self) -> str:
		self.count += 1
		return f"b{self.count}{self.bench.site_suffix()}"

	def ask(self, subdomain: str, **fields: str) -> None:
		"""Ask for a tenant, as another system of the operator's would."""
		values = {**TENANT, "owner_email": f"owner@{subdomain}.example", "subdomain": subdomain, **fields}
		self.client.post("/api/method/buildpro_saas.api.tenants.create", **values)

	def make(self, **fields: str) -> Made:
		"""Make one tenant and sign in as its owner, with the clock running from before it was asked for."""
		subdomain = self.new_subdomain()
		began = time.monotonic()
		self.ask(subdomain, **fields)
		self.wait_answer(f"{subdomain}.localhost")
		answered = time.monotonic() - began
		self.wait_active([subdomain])
		self.sign_in(subdomain)
		signed_in = time.monotonic() - began
		return Made(subdomain, self.job(subdomain)["way"], answered, signed_in)

	def wait_answer(self, site: str) -> None:
		"""Return at the first HTTP 200 from the site under its own host name."""
		began = time.monotonic()
		while not self._answers(site):
			waited = time.monotonic() - began
			if waited > PATIENCE:
				raise DevError(f"{site} did not answer within {PATIENCE} s.")
			# to within one per cent: asking more often would take a slow way's processor time
			time.sleep(max(POLL, waited / 100))

	def wait_active(self, subdomains: list[str]) -> None:
		"""Return when all are Active. Raises DevError, with the reason, when one fails."""
		began = time.monotonic()
		left = list(subdomains)
		while left:
			status = self.client.get("/api/method/buildpro_saas.api.tenants.status", tenant=left[0])[
				"message"
			]
			if status["status"] == "Active":
				left.pop(0)
				continue
			waited = time.monotonic() - began
			if status["status"] in ENDED or waited > PATIENCE:
				job = self.job(left[0])
				raise DevError(f"{left[0]} is {status['status']}: {job.get('error')}")
			time.sleep(max(POLL, waited / 100))

	def sign_in(self, subdomain: str) -> None:
		"""Set the owner's password through the single-use link, which signs him in."""
		answer = self.client.post("/api/method/buildpro_saas.api.tenants.owner_link", tenant=subdomain)
		link = urllib.parse.urlsplit(answer["message"]["link"])
		password = self.bench.home.secret("owner_password")
		owner = SiteClient(f"{subdomain}.localhost", self.port)
		owner.post(
			"/api/method/frappe.core.doctype.user.user.update_password",
			key=urllib.parse.parse_qs(link.query)["key"][0],
			new_password=password,
		)
		if (user := urllib.parse.unquote(owner.cookies.get("user_id", ""))) != f"owner@{subdomain}.example":
			raise DevError(f"{owner.url} took the password, and signed {user or 'nobody'} in.")

	def job(self, subdomain: str) -> dict:
		"""The tenant's job: {"way", "duration", "peak_memory", "error"}."""
		filters = [["tenant", "=", subdomain]]
		return self.client.list("Provisioning Job", filters, "way", "duration", "peak_memory", "error")[0]

	def _answers(self, site: str) -> bool:
		connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
		try:
			connection.request("GET", "/api/method/ping", headers={"Host": site})
			return connection.getresponse().status == 200
		finally:
			connection.close()
