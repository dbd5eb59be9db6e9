"""`make demo`: makes a tenant whose site allows RFI and refuses BIM, seen over HTTP. It goes on from whatever is there."""

from __future__ import annotations

import json
import sys
import time
import urllib.parse
from pathlib import Path

from dev.bench import Bench
from dev.home import write_json
from dev.shell import DevError, say
from dev.site_client import SiteClient, message_of
from dev.sites import BASE_DOMAIN, AdminSite

COMPANY = "Acme Construction"
OWNER = ("Ada Acme", "ada@acme.example")
PLAN = "Growth"
# The apps that each plan installs, of those that the bench has; construction_demo stands for the customer's own app.
PLAN_APPS = {
	"Core": ("construction_demo", "erpnext"),
	"Growth": ("construction_demo", "erpnext", "crm", "hrms"),
	"Enterprise": ("construction_demo", "erpnext", "crm", "hrms"),
}
EXPECTED = {"rfi": True, "bim": False}
JOB_ENDS = ("Completed", "Failed", "Cancelled")
JOB_SECONDS = 3600  # ERPNext and HRMS on a small machine take minutes; longer is a fault


class Demo:
	"""One demo on one bench. Running it again goes on where the last run stopped."""

	domain = BASE_DOMAIN

	def __init__(self, bench: Bench, admin: AdminSite, subdomain: str, facts_file: Path):
		self.bench = bench
		self.admin = admin
		self.subdomain = subdomain
		self.facts_file = facts_file
		port = bench.home.ports()["web"]
		self.staff = SiteClient(admin.name, port)
		self.owner = SiteClient(f"{subdomain}.{self.domain}", port)

	def run(self) -> None:
		self.admin.make()
		self._give_plans_their_apps()
		if not self.staff.login("Administrator", self.bench.home.secret("administrator_password")):
			raise DevError(f"{self.staff.url} refuses the Administrator's password of secrets.json.")
		self._prepare()
		job = self._follow(self._start_or_find_job())
		self._sign_in_as_owner()
		decisions = {feature: self._decision(feature) for feature in EXPECTED}
		self._use_features()
		facts = self._facts(job, decisions) | self._further_facts()
		write_json(self.facts_file, facts)
		self._show(facts)
		wrong = [
			feature for feature, allowed in EXPECTED.items() if decisions[feature]["allowed"] is not allowed
		]
		if wrong:
			raise DevError(f"The decisions are not those of the plan {PLAN}: {', '.join(wrong)}.")

	# what a demo with more in it adds ----------------------------------------------------------------------

	def _prepare(self) -> None:
		"""Set up what the tenant is made with."""

	def _further_facts(self) -> dict:
		"""Do more with the tenant, and return what is to be known of it."""
		return {}

	def _show_further(self, facts: dict) -> None:
		"""Print it."""

	# making the tenant -------------------------------------------------------------------------------------

	def _give_plans_their_apps(self) -> None:
		there = self.bench.apps()
		wanted = {plan: [app for app in apps if app in there] for plan, apps in PLAN_APPS.items()}

		def give() -> None:
			for plan, apps in wanted.items():
				self.admin.command("saas", "set-plan-apps", plan, *apps)

		self.bench.home.stage(f"site-{self.admin.name}-plans", "Giving the plans their apps", give, wanted)

	def _start_or_find_job(self) -> str:
		"""The name of the job that makes the tenant: the running or finished one, or a new one."""
		if not self.staff.find("Tenant", self.subdomain):
			say(f"Creating the tenant {self.subdomain} ({COMPANY}, plan {PLAN}) …")
			answer = self.admin.command(
				*("saas", "create-tenant", "--json", "--subdomain", self.subdomain, "--company", COMPANY),
				*(
					"--owner-name",
					OWNER[0],
					"--email",
					OWNER[1],
					"--plan",
					PLAN,
					"--country",
					"United States",
				),
				*("--currency", "USD", "--timezone", "America/New_York", "--language", "en"),
			)
			return json.loads(answer)["job"]
		filters = [["tenant", "=", self.subdomain], ["playbook", "=", "create_tenant"]]
		jobs = self.staff.list("Provisioning Job", filters, "name", "status")
		if not jobs:
			raise DevError(
				f"The tenant {self.subdomain} is there without a job that made it; `make clean` starts anew."
			)
		name, status = jobs[0]["name"], jobs[0]["status"]
		if status in ("Failed", "Cancelled"):
			say(f"The job {name} of the last run ended as {status}; trying it again …")
		if status == "Failed":
			self.staff.post("/api/method/run_doc_method", dt="Provisioning Job", dn=name, method="retry")
		if status == "Cancelled":  # its tenant is a draft again
			answer = self.staff.post(
				"/api/method/run_doc_method", dt="Tenant", dn=self.subdomain, method="provision"
			)
			return answer["message"]
		return name

	def _follow(self, name: str) -> dict:
		"""Show the steps of the job as they end, and return the job when it is completed."""
		shown: set[str] = set()
		end = time.monotonic() + JOB_SECONDS
		while time.monotonic() < end:
			job = self.staff.find("Provisioning Job", name)
			for step in job["steps"]:
				if step["status"] == "Completed" and step["step_key"] not in shown:
					shown.add(step["step_key"])
					say(f"  {step['title']:<44} {step['duration'] or 0:7.2f} s")
			if job["status"] == "Completed":
				return job
			if job["status"] in JOB_ENDS:
				raise DevError(
					f"The job {name} ended as {job['status']}: {job.get('error')} {job.get('hint') or ''}"
				)
			time.sleep(0.5)
		raise DevError(f"The job {name} did not end within {JOB_SECONDS} s; see it at {self.staff.url}/app.")

	# using it ----------------------------------------------------------------------------------------------

	def _sign_in_as_owner(self) -> None:
		"""Sign in at the tenant's site; the first time, set the password through the single-use link as a person would."""
		password = self.bench.home.secret("owner_password")
		if self.owner.login(OWNER[1], password):
			return
		link = self.admin.command("saas", "owner-link", self.subdomain).split()[-1]
		key = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["key"][0]
		self.owner.post(
			"/api/method/frappe.core.doctype.user.user.update_password", key=key, new_password=password
		)
		if not self.owner.login(OWNER[1], password):
			raise DevError(f"{self.owner.url} refuses the password that was just set for {OWNER[1]}.")

	def _decision(self, feature: str) -> dict:
		path = "/api/method/buildpro_saas.api.feature_gating.check_feature_access"
		return self.owner.get(path, feature=feature)["message"]

	def _use_features(self) -> None:
		"""Show the decisions in use: the owner makes an RFI, and is refused a BIM Model."""
		if not self.owner.list("RFI", [], "name"):
			question = {
				"subject": "Slab edge at grid B-4",
				"project": "Harbour Hall",
				"question": "Which detail applies?",
			}
			self.owner.post("/api/resource/RFI", data=json.dumps(question))
		model = {"model_name": "Harbour Hall", "project": "Harbour Hall", "discipline": "Structural"}
		status, answer = self.owner.request("POST", "/api/resource/BIM%20Model", {"data": json.dumps(model)})
		if status != 403:
			raise DevError(
				f"A BIM Model was to be refused with HTTP 403, and was answered {status}: {message_of(answer)}"
			)

	# telling -----------------------------------------------------------------------------------------------

	def _facts(self, job: dict, decisions: dict) -> dict:
		steps = [
			{"step": step["step_key"], "title": step["title"], "seconds": round(step["duration"] or 0, 3)}
			for step in job["steps"]
		]
		return {
			"admin_url": self.staff.url,
			"tenant_url": self.owner.url,
			"way": job["way"],
			"seconds": round(job["duration"], 3),
			"steps": steps,
			"decisions": decisions,
		}

	def _show(self, facts: dict) -> None:
		say(f"The tenant {self.subdomain} was made {facts['way']} in {facts['seconds']:.1f} s.")
		say(f"\nDecisions of {self.owner.site} for {OWNER[1]}, over HTTP:")
		for feature, decision in facts["decisions"].items():
			answer = "yes" if decision["allowed"] else "no"
			say(
				f"  check_feature_access({feature!r}): {answer} ({decision['reason']}) {decision['message'] or ''}"
			)
		say("\nMade an RFI there, and was refused a BIM Model with HTTP 403.\n")
		say(
			f"Admin site   {facts['admin_url']}/app   Administrator, {self._password('administrator_password')}"
		)
		say(f"Tenant site  {facts['tenant_url']}   {OWNER[1]}, {self._password('owner_password')}")
		self._show_further(facts)
		say("`make stop` stops it all, `make clean` removes it.")

	def _password(self, name: str) -> str:
		"""For a person at a terminal the password itself; for a log only the place where it is kept."""
		if sys.stdout.isatty():
			return f"password {self.bench.home.secret(name)}"
		return f"password: {name} in {self.bench.home.path / 'secrets.json'}"
