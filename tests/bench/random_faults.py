"""What breaks in a story: at the moment of a tenant's job that the story names, or between its lines."""

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from random_owner import QUEUES, Customer, Refused

HOOK = "Random Story"
FULL, DEADLOCK = 1114, 1213  # MariaDB's codes: one fault that stays, and one that passes by itself
PATIENCE = 300  # seconds for a job to come to its moment, on a busy machine too


class Faults:
	"""A part of Hands, which has the bench, its services and the customers."""

	@contextmanager
	def _meeting(self, incident: str, step: str, status: str):
		"""The worker is held, or refused the writing, where it gives the step that status."""
		if incident == "callback_raises":
			self._make_hook()  # a process that is at the job already would not know of it
		if incident != "unwritten":
			with self.bench.held(step, status):
				yield
			return
		code = DEADLOCK if len(self.customers) % 2 else FULL
		self.frappe.db.commit()
		with self.bench.root() as cursor:
			cursor.execute(f"use `{self.frappe.conf.db_name}`")
			cursor.execute(
				"create trigger hold_step before update on `tabProvisioning Job Step` for each row"
				f" if new.step_key = '{step}' and new.status = '{status}' and old.status <> '{status}'"
				f" then signal sqlstate '45000' set mysql_errno = {code}, message_text = 'the disk is full'; end if"
			)
		try:
			yield
		finally:
			self.bench.release()

	def _meet(self, customer: Customer, *, is_held: bool) -> bool:
		"""Wait until the job comes to its moment; False when it ended before. A story that waits in vain would try nothing."""
		end = time.monotonic() + PATIENCE
		while time.monotonic() < end:
			if is_held and self.bench.waiting():
				return True
			job = self._job(customer.letter)
			if job.status in ("Completed", "Failed", "Cancelled"):
				return not is_held
			if not is_held and job.status == "Waiting" and job.runs:
				return True
			self.bench.look_after()
			time.sleep(0.3)
		raise AssertionError(f"{job.name} does not come to its moment: it is {job.status}")

	def _let_go_on(self) -> None:
		"""The worker that was held goes on, where it lives still. The block's end would end its connection otherwise."""
		self.bench.let_go()
		self.bench.wait_for(lambda: not self.bench.waiting(), PATIENCE)

	def _wait_until_let_go(self, customer: Customer) -> None:
		"""No process works on the tenant's job any more."""
		from buildpro_saas.jobs.lifecycle import JOB_LOCK
		from buildpro_saas.jobs.named_locks import is_held

		job = self._job(customer.letter).name
		self.bench.wait_for(lambda: not is_held(JOB_LOCK, job), PATIENCE, lambda: f"{job} does not end")

	# -- at a job's moment, with its worker held ---------------------------------------------------------------------

	def meet_killed(self, customer: Customer) -> None:
		self.services.kill("provisioning")

	def meet_cancelled(self, customer: Customer) -> None:
		self.cancel(customer.letter)
		self.bench.let_go()
		self._wait_until_let_go(customer)

	def meet_backed_up(self, customer: Customer) -> None:
		self.backup()

	def meet_moved(self, customer: Customer) -> None:
		self.move(customer.letter)

	def meet_worked_in(self, customer: Customer) -> None:
		self.work(customer.letter)

	def meet_callback_raises(self, customer: Customer) -> None:
		"""A webhook of the operator's on Tenant cannot be queued once the job's end is committed."""
		self.services.kill("redis_queue")
		self.bench.let_go()
		self._wait_until_let_go(customer)

	def meet_without_redis(self, customer: Customer) -> None:
		self.kill_redis()

	def meet_without_mariadb(self, customer: Customer) -> None:
		self.kill_mariadb()

	def _make_hook(self) -> None:
		if self.frappe.db.exists("Webhook", HOOK):
			return
		self.frappe.get_doc(
			{
				"doctype": "Webhook",
				"__newname": HOOK,
				"webhook_doctype": "Tenant",
				"webhook_docevent": "on_update",
				"request_url": f"http://127.0.0.1:{self.services.port('web')}/api/method/ping",
				"request_method": "POST",
				"webhook_headers": [{"key": "Host", "value": self.frappe.local.site}],
			}
		).insert()
		self.frappe.db.commit()

	# -- at any time ---------------------------------------------------------------------------------------------

	def kill_worker(self) -> None:
		if self.services.is_running("provisioning"):
			self.services.kill("provisioning")
		self.services.start("provisioning")

	def kill_redis(self) -> None:
		"""It stays away until something starts it."""
		for name in QUEUES:
			if self.services.is_running(name):
				self.services.kill(name)

	def kill_mariadb(self) -> None:
		if not self.is_private:
			raise Refused("this bench's MariaDB is somebody else's, too")
		self.frappe.db.close()
		self.services.kill("mariadb")
		self.services.start_all("mariadb")
		self.connect()

	def start_everything(self) -> None:
		"""What is down comes back, as under a supervisor."""
		listed = self.services.services.items()
		names = [name for name, service in listed if not service.is_spare and name != "scheduler"]
		if all(self.services.is_running(name) for name in names):
			return
		self.services.start_all(*names)

	# -- the admin site's database ---------------------------------------------------------------------------------

	def dump(self, path: Path) -> None:
		self.frappe.db.commit()
		options = ["--single-transaction", "--skip-triggers", "--quick", self.frappe.conf.db_name]
		with open(path, "wb") as output:
			self._client("mysqldump", *options, stdout=output)

	def load(self, path: Path) -> None:
		"""The database as it was dumped; Frappe's cache forgets what came later."""
		self.frappe.db.close()
		with open(path, "rb") as content:
			self._client("mysql", self.frappe.conf.db_name, stdin=content)
		self.connect()
		self.services.empty_redis("redis_cache")
		self.witness.watch()

	def connect(self) -> None:
		"""A new connection to the admin site, and nothing kept from before."""
		self.frappe.destroy()
		os.chdir(self.sites)
		self.frappe.init(site=self.admin_site, sites_path=".")
		self.frappe.connect()
		self.frappe.flags.mute_messages = True

	def _client(self, program: str, *arguments: str, **streams) -> None:
		conf = self.frappe.conf
		where = [f"--host={conf.db_host}", f"--port={conf.db_port}", "--user=root"]
		environment = {**os.environ, "MYSQL_PWD": os.environ["BUILDPRO_DB_ROOT_PASSWORD"]}
		subprocess.run([program, *where, *arguments], env=environment, check=True, **streams)
