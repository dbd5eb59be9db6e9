"""What must hold once a story is over: nothing lost, nothing left, nobody waiting for ever, nothing written that had ended."""

import json
import time
from pathlib import Path

import random_witness
from random_hands import Hands
from random_owner import Customer, read_config

from dev.site_client import SiteClient

WITH_SITE = ("Active", "Past Due", "Suspended")
WITHOUT_SITE = ("Draft", "Removed")
UNTIL_SETTLED = 240  # seconds
PAYMENT_REQUIRED = 402  # how a suspended site answers all but a ping
TRASH = (".buildpro/trash/", "_trash_")  # what lies there is nobody's, and goes in some days


class Story:
	"""The end of a story, and the judgement on it."""

	def __init__(self, hands: Hands, before: dict[str, set[str]], shell):
		"""`before`: what was on the bench; `shell`: runs a `bench` command."""
		self.shell = shell
		self.hands, self.bench, self.frappe, self.before = hands, hands.bench, hands.frappe, before

	# -- the dust settles ------------------------------------------------------------------------------------------

	def settle(self) -> None:
		"""All runs again; what waits is looked after, what failed is retried once, and the bench compared with the records."""
		from buildpro_saas.licensing import renewal

		self.hands.start_everything()
		self._finish_jobs()
		for job in self.frappe.get_all("Provisioning Job", {"status": "Failed"}, pluck="name"):
			self._retry(job)
		self._finish_jobs()
		self.hands.told.append(f"at the end: {self.hands.reconcile()}")
		renewal.renew_entitlements()
		self._finish_jobs()
		self.hands.watch()

	def _retry(self, job: str) -> None:
		try:
			self.frappe.get_doc("Provisioning Job", job).retry()
			self.hands.told.append(f"{job} is retried")
		except self.frappe.ValidationError as refusal:
			self.frappe.db.rollback()
			self.hands.told.append(f"{job} is not retried: {refusal}")
		self.frappe.db.commit()

	def _finish_jobs(self) -> None:
		end = time.monotonic() + UNTIL_SETTLED
		while jobs := self.hands.jobs_at_work():
			self.hands.minute()
			assert time.monotonic() < end, f"jobs stay unfinished: {jobs}"
			time.sleep(0.5)

	# -- the judgement ---------------------------------------------------------------------------------------------

	def faults(self) -> list[str]:
		"""What does not hold, a sentence each."""
		found = [f"an ended job was written: {text}" for text in self.hands.witness.written()]
		found += self._unclaimed()  # before folders are put back
		for customer in self.hands.customers.values():
			if customer.lived:
				found += [f"{customer.name}: {text}" for text in self._lost(customer)]
		return found

	def _lost(self, customer: Customer) -> list[str]:
		found = [f"its copy {copy.name} is gone" for copy in customer.copies if not self._is_back(copy)]
		status = self.frappe.db.get_value("Tenant", customer.name, "status")
		is_on_record = customer.name in self.hands.witness.completed() or not customer.away
		if not self.hands.was_restored and is_on_record and status not in WITH_SITE:
			found.append(f"was Active and is {status}")
		here = self.hands.sites / customer.site
		if not here.exists() and customer.away and self._is_back(customer.away):
			customer.away.rename(here)
		self._is_back(here)
		config = read_config(here)
		if not config:
			return [*found, f"its folder is gone: {here.name}"]
		found += [
			f"its {key} is another" for key, value in customer.facts.items() if config.get(key) != value
		]
		return found or self._unreadable(customer)

	def _is_back(self, folder: Path) -> bool:
		"""Whether the folder is there, or could be put back from the trash by the one command."""
		if not folder.exists():
			subject = str(folder.relative_to(self.hands.sites))
			trash = json.loads(self._saas("trash", "--json"))
			for entry in trash:
				if entry["subject"] == subject:
					self.hands.told.append(self._saas("put-back", entry["name"]))
			if not folder.exists():
				lying = [entry["subject"] for entry in trash]
				found = self.frappe.get_all(
					"Drift Finding", {"subject": subject}, ["status", "what", "action"]
				)
				self.hands.told.append(f"{subject} is gone. Trash: {lying}. Findings: {found}")
		return folder.exists()

	def _saas(self, *arguments: str) -> str:
		done = self.shell("--site", self.hands.admin_site, "saas", *arguments)
		assert done.returncode == 0, f"saas {' '.join(arguments)}: {done.stderr}"
		return done.stdout.strip()

	def _unreadable(self, customer: Customer) -> list[str]:
		"""What of the owner's notes and files is not there, and whether the site answers."""
		found = []
		database = customer.facts["db_name"]
		with self.bench.root() as cursor:
			cursor.execute("select 1 from information_schema.schemata where schema_name = %s", (database,))
			if not cursor.fetchall():
				return [f"its database {database} is gone"]
			cursor.execute(f"select description from `{database}`.tabToDo")
			there = " ".join(text for (text,) in cursor.fetchall())
		files = self.hands.sites / customer.site / "private/files"
		for note in customer.notes:
			if note not in there:
				found.append(f"its {note} is gone")
			if not any(path.read_text() == note for path in files.glob("note*")):
				found.append(f"the file of its {note} is gone")
		return found + self._silent(customer)

	def _silent(self, customer: Customer) -> list[str]:
		"""Whether this very site answers and lets its owner in to his work; or, where the operator has suspended it, keeps him out."""
		client = self.hands.client(customer)
		status, answer = client.request("GET", "/api/method/ping", {})
		if status != 200:
			return [f"it answers {status}: {str(answer)[:200]}"]
		is_suspended, found = self._is_suspended(customer)
		if found:
			return found
		status, answer = self.hands.sign_in(client, customer)
		if is_suspended:
			return (
				[] if status == PAYMENT_REQUIRED else [f"it is suspended, and a sign-in is answered {status}"]
			)
		if status != 200:
			return [f"its owner is not let in: {status} {str(answer)[:200]}"]
		return self._keeps_from_work(customer, client)

	def _is_suspended(self, customer: Customer) -> tuple[bool, list[str]]:
		"""Whether the site says that it is suspended; and a fault where its record, which could reach it, says something else."""
		on_site = self.hands.site_of(customer).call("on_tenant.restriction")
		on_record = self.frappe.db.get_value("Tenant", customer.name, "status")
		is_suspended = on_site == "SUSPENDED"
		was_reachable = not customer.away and on_record in WITH_SITE
		if on_site not in (None, "SUSPENDED"):
			return False, [f"its statement does not count: {on_site}"]
		if was_reachable and is_suspended != (on_record == "Suspended"):
			return is_suspended, [
				f"it is {on_record} on record, and its site says {on_site or 'nothing of it'}"
			]
		return is_suspended, []

	def _keeps_from_work(self, customer: Customer, client: SiteClient) -> list[str]:
		"""What its owner, who has signed in, does not find or cannot do."""
		who = client.get("/api/method/frappe.auth.get_logged_user")["message"]
		if who != customer.email:
			return [f"another site answers for it: he is {who} there"]
		for note in customer.notes:
			if not client.list("ToDo", [["description", "like", f"%{note}%"]], "name"):
				return [f"its owner does not see {note}"]
		status, answer = client.request("POST", "/api/resource/ToDo", {"description": "after the story"})
		return [] if status == 200 else [f"its owner cannot write: {status} {str(answer)[:200]}"]

	# -- what stays ------------------------------------------------------------------------------------------------

	def _unclaimed(self) -> list[str]:
		"""Folders, databases and users that came with the story and that no record has; in a story that goes back to an earlier
		moment, or in which folders were moved, staff may have been told of them instead."""
		now, claimed, told = self.bench.everything(), self._claimed(), self._told()
		came = {kind: now[kind] - self.before[kind] for kind in now}
		left = {kind: came[kind] - claimed[kind] for kind in came}
		by_hand = {
			path.name
			for customer in self.hands.customers.values()
			for path in filter(None, (customer.away, *customer.copies))
		}
		found = []
		for kind, names in left.items():
			for name in sorted(names):
				if name.startswith(TRASH) or name == random_witness.DATABASE:
					continue
				is_spared = name in told and (self.hands.was_restored or name in by_hand)
				if not is_spared and not self._is_of_spared(kind, name, told):
					found.append(
						f"nobody has {kind} {name}, and it stays{' untold' if name not in told else ''}"
					)
		return found

	def _is_of_spared(self, kind: str, name: str, told: set[str]) -> bool:
		"""A database and its user are told of with the folder that names them."""
		folders = (read_config(self.hands.sites / path) for path in told)
		names = {config.get("db_name") for config in folders}
		return kind != "folders" and (name in names or (kind == "users" and name in told))

	def _told(self) -> set[str]:
		return set(self.frappe.get_all("Drift Finding", {"status": "Open"}, pluck="subject"))

	def _claimed(self) -> dict[str, set[str]]:
		fields = ["site", "database"]
		tenants = self.frappe.get_all("Tenant", {"status": ("not in", WITHOUT_SITE)}, fields)
		# a failed job has not let go of what it made
		failed = self.frappe.get_all("Provisioning Job", {"status": "Failed"}, ["name", "state"])
		images = self.frappe.get_all("Site Image", {"mark": ("is", "set")}, pluck="database")
		standbys = self.frappe.get_all("Standby Site", {"status": "Ready"}, pluck="database")
		kept = {"status": "Claimed", "claimed_by": ("in", [job.name for job in failed])}
		standbys += self.frappe.get_all("Standby Site", kept, pluck="database")
		databases = {row.database for row in tenants} | {*images, *standbys}
		for job in failed:
			state = self.frappe.parse_json(job.state or "{}")
			databases |= {state.get("database"), state.get("reserved_database")}
		folders = {row.site for row in tenants}
		folders |= {f".buildpro/images/{name}" for name in images}
		folders |= {f".buildpro/standby/{name}" for name in standbys}
		return {"folders": folders, "databases": databases, "users": databases}
