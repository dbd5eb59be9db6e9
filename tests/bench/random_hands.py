"""What a story's lines do: the operator's hands on Desk and shell, an owner at work, and parts of the bench that break."""

import os
import shutil
import subprocess
import time
from pathlib import Path

from random_faults import PATIENCE, Faults
from random_owner import QUEUES, Customer, Owner, Refused, read_config
from random_story import TENANTS
from random_witness import Witness
from redis.exceptions import RedisError

from dev.service_list import bench_environment, frappe_command

ENDS_THE_WORKER = ("killed", "without_mariadb")
STOPPED_FOR_A_RESTORE = ("web", "worker", "provisioning")


class Hands(Faults, Owner):
	"""Plays the lines of one story on a bench. `is_private`: MariaDB may be killed."""

	def __init__(self, bench, folder: Path, is_private: bool):
		self.bench, self.frappe, self.services = bench, bench.frappe, bench.services
		self.sites, self.admin_site = bench.path / "sites", self.frappe.local.site
		self.folder, self.is_private = folder, is_private
		self.customers: dict[str, Customer] = {}
		self.dumps: list[Path] = []
		self.was_restored = False
		self.told: list[str] = []
		self.witness = Witness(bench)
		self.token = self.frappe.generate_hash(length=7).lower()

	def play(self, line: str) -> None:
		"""Do what the line says, and note how it went. Raises what is no refusal: requests never end in a traceback."""
		word, *words = line.split()
		began = time.monotonic()
		try:
			said = getattr(self, word)(*words) or "done"
		except (Refused, self.frappe.ValidationError) as refusal:
			self.frappe.db.rollback()
			said = f"refused: {refusal}"
		except (RedisError, OSError) as error:
			# a webhook of the operator's that Frappe could not queue: committed all the same
			self.frappe.db.rollback()
			if self.services.is_running("redis_queue") and self.services.is_running("redis_cache"):
				raise
			said = f"without Redis: {error}"
		self.told.append(f"{line:50} {time.monotonic() - began:5.1f} s  {said}")
		self.watch()

	def watch(self) -> None:
		"""Note which sites live by now, and what makes them what they are."""
		self.frappe.db.commit()
		completed = self.witness.completed()
		for customer in self.customers.values():
			status = self.frappe.db.get_value("Tenant", customer.name, "status")
			is_used = customer.has_worked or customer.name in completed
			customer.lived |= is_used or status in ("Active", "Past Due", "Suspended")
			if customer.lived and not customer.facts:
				config = read_config(self.folder_of(customer))
				if config.get("encryption_key"):
					customer.facts = {key: config[key] for key in ("db_name", "encryption_key")}

	def folder_of(self, customer: Customer) -> Path:
		here = self.sites / customer.site
		return here if here.exists() or not customer.away else customer.away

	# -- the operator --------------------------------------------------------------------------------------------

	def insert(self, way: str, incident: str, step: str = "", status: str = "") -> str:
		"""A tenant, and what happens to its job at the moment at which the step gets the status."""
		letter = TENANTS[len(self.customers)]
		name = f"r{self.token}{letter}"
		# a tenant with a database name of its own gets no standby site
		fields = {"database_name": f"r{self.token}{letter}_db"} if way == "image" else {}
		self.customers[letter] = customer = Customer(letter, name, "")
		if incident == "undisturbed":
			self._new(customer, fields)
			return name
		self.start_everything()
		with self._meeting(incident, step, status):
			self._new(customer, fields)
			met = self._meet(customer, is_held=incident != "unwritten")
			if met and incident != "unwritten":
				getattr(self, f"meet_{incident}")(customer)
				if incident not in ENDS_THE_WORKER:
					self._let_go_on()
		if incident in ("killed", "callback_raises"):
			self.services.start_all("redis_queue", "provisioning")
		return f"{name}: {'met' if met else 'not met'}, then {self._status(customer)}"

	def again(self, letter: str) -> str:
		"""Staff does not see the tenant any more, or sees it as Draft, and has it made again."""
		customer = self._customer(letter)
		if self.frappe.db.exists("Tenant", customer.name):
			self.frappe.get_doc("Tenant", customer.name).provision()
			self.frappe.db.commit()
		else:
			self._new(customer, {})
		return self._status(customer)

	def cancel(self, letter: str) -> str:
		job = self._job(letter)
		job.cancel_job()
		self.frappe.db.commit()
		return f"{job.name} was {job.status}"

	def retry(self, letter: str) -> str:
		job = self._job(letter)
		job.retry()
		self.frappe.db.commit()
		return job.name

	def two_at_once(self, letter: str) -> str:
		"""One cancels the job in a shell, another one retries it at the same moment."""
		job = self._job(letter).name
		if not all(self.services.is_running(name) for name in QUEUES):
			raise Refused("nobody works without Redis")
		racers = [
			subprocess.Popen(
				[*frappe_command(self.bench.path), "--site", self.admin_site, "saas", word, job],
				cwd=self.sites,
				env=bench_environment(self.services.home, self.bench.path),
				stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT,
				text=True,
			)
			for word in ("cancel", "retry")
		]
		said = [(racer.communicate(timeout=120)[0].strip().splitlines() or [""])[-1] for racer in racers]
		return " / ".join(said)

	def delete(self, letter: str) -> None:
		self._tenant(letter).delete()
		self.frappe.db.commit()

	def suspend(self, letter: str) -> None:
		self._tenant(letter).suspend("no payment")
		self.frappe.db.commit()

	def past_due(self, letter: str) -> None:
		self._tenant(letter).mark_past_due("no payment")
		self.frappe.db.commit()

	def resume(self, letter: str) -> None:
		self._tenant(letter).resume("paid")
		self.frappe.db.commit()

	def plan(self, letter: str, plan: str) -> None:
		self._tenant(letter).set_plan(plan)
		self.frappe.db.commit()

	def backup(self) -> str:
		"""Of the admin site's database, in whatever state it is."""
		self.dumps.append(self.folder / f"{len(self.dumps)}.sql")
		self.dump(self.dumps[-1])
		return self.dumps[-1].stem

	def restore(self, back: str) -> str:
		"""The admin site as it was at one of the last backups, the way an operator does it: nobody works on it meanwhile."""
		if not self.dumps:
			raise Refused("there is no backup")
		self.start_everything()
		for name in STOPPED_FOR_A_RESTORE:
			self.services.stop(name, 10)
		chosen = self.dumps[-1 - int(back) % len(self.dumps)]
		self.load(chosen)
		self.was_restored = True
		self.services.start_all(*STOPPED_FOR_A_RESTORE)
		return f"to backup {chosen.stem}"

	def move(self, letter: str) -> str:
		"""`mv sites/acme sites/acme-old`."""
		customer = self._customer(letter)
		here = self._site_folder(customer)
		if customer.away:
			raise Refused("it was moved before")
		customer.away = here.with_name(f"{customer.name}-old.localhost")
		os.rename(here, customer.away)
		return customer.away.name

	def put_back(self, letter: str) -> None:
		customer = self._customer(letter)
		if not customer.away or (self.sites / customer.site).exists():
			raise Refused("nothing to put back, or something in its place")
		os.rename(customer.away, self.sites / customer.site)
		customer.away = None

	def copy(self, letter: str) -> str:
		"""`cp -a`, by one who is about to try something."""
		customer = self._customer(letter)
		here = self._site_folder(customer)
		copy = here.with_name(f"{customer.name}-copy{len(customer.copies)}.localhost")
		shutil.copytree(here, copy, symlinks=True)
		customer.copies.append(copy)
		return copy.name

	# -- the scheduler -------------------------------------------------------------------------------------------

	def minute(self) -> None:
		"""What is done each minute; later ones come at once, too."""
		from buildpro_saas.fleet import standby
		from buildpro_saas.jobs import lifecycle

		if not all(self.services.is_running(name) for name in QUEUES):
			raise Refused("the scheduler has no Redis")
		self.frappe.db.commit()
		self.frappe.db.set_value(
			"Provisioning Job", {"status": "Waiting"}, "run_after", None, update_modified=False
		)
		self.frappe.db.commit()
		lifecycle.recover_lost_jobs()
		standby.fill_pools()
		self.frappe.db.commit()

	def reconcile(self) -> str:
		"""The bench is compared with the records, and once more two hours later."""
		from buildpro_saas.fleet import reconciliation

		for _look in range(3):
			self.frappe.db.commit()
			reconciliation.compare_benches()
			self._two_hours_pass()
		self.frappe.db.commit()
		return ", ".join(self.frappe.get_all("Drift Finding", {"status": "Open"}, pluck="subject")) or "none"

	def _two_hours_pass(self) -> None:
		"""For what reconciliation has seen, and for what lies on the bench."""
		self.frappe.db.sql("update `tabDrift Finding` set first_found = first_found - interval 2 hour")
		self.frappe.db.commit()
		then = time.time() - 2 * 3600
		for pattern in ("*", ".*", ".buildpro/*/*", ".buildpro/*/.*"):
			for path in self.sites.glob(pattern):
				if path.is_dir():
					os.utime(path, (then, then))

	def rest(self) -> str:
		"""Nobody does anything until no job is at work; the scheduler does what it does."""
		end = time.monotonic() + PATIENCE
		while self.jobs_at_work() and time.monotonic() < end:
			self.minute()
			time.sleep(0.5)
		return f"{self.jobs_at_work()} at work"

	# -- helpers -------------------------------------------------------------------------------------------------

	def _new(self, customer: Customer, fields: dict) -> None:
		tenant = self.bench.new_tenant(customer.name, plan="Core", **fields)
		customer.site = tenant.site_name

	def _customer(self, letter: str) -> Customer:
		return self.customers[letter]

	def _tenant(self, letter: str):
		name = self._customer(letter).name
		self.frappe.db.commit()
		if not self.frappe.db.exists("Tenant", name):
			raise Refused(f"{name} is on no record")
		return self.frappe.get_doc("Tenant", name)

	def _job(self, letter: str):
		name = self._customer(letter).name
		self.frappe.db.commit()
		if not self.frappe.db.exists("Provisioning Job", {"tenant": name}):
			raise Refused(f"{name} has no job on record")
		return self.bench.job(name)

	def _status(self, customer: Customer) -> str:
		self.frappe.db.commit()
		status = self.frappe.db.get_value("Tenant", customer.name, "status")
		return f"tenant {status}, job {self._job(customer.letter).status}"

	def _site_folder(self, customer: Customer) -> Path:
		here = self.sites / customer.site
		if not here.exists():
			raise Refused(f"there is no {here.name}")
		return here

	def jobs_at_work(self) -> list[str]:
		"""Jobs that have not ended."""
		self.frappe.db.commit()
		filters = {"status": ("in", ("Waiting", "Queued", "Running", "Cancelling"))}
		return self.frappe.get_all("Provisioning Job", filters, pluck="name")
