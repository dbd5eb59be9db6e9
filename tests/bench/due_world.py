"""A world in which certificates are due: names of a tenant that has a record and a folder, and two authorities.

Nothing here asks the tenant's site anything, so it has no database. The clock is moved by moving what is on record: when a certificate is
tried next.
"""

import json
import subprocess
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

from domains_world import BASE, SECONDS, TARGET, World

# isort: split
# which domains_world has made reachable
from acme_authority import EAB_HMAC, EAB_KID
from made_certificates import Maker

from dev.service_list import frappe_command

DUE, FRESH = "due.test", "fresh.test"
WILD = f"* 60 CNAME {TARGET}."
TENANT, PLAN = "due", "Due Plan"
A_SECOND, FILE_MB = 1, 3  # requests of one client, and the largest file: what the plan gives
CERTIFICATE, JOB = "Site Certificate", "Provisioning Job"
LIFE, LEFT = timedelta(days=90), timedelta(hours=12)


class DueWorld(World):
	"""The servers, the tenant, and what the scheduler does with its certificates."""

	def __init__(self, bench, folder: Path):
		super().__init__(bench, folder, {DUE: WILD, FRESH: WILD})
		self.second = None

	def start(self) -> None:
		"""Start the servers, and make the tenant."""
		super().start()
		self.maker = Maker()  # of what was there before; browsers of this world trust it
		self.ca.write_bytes(self.ca.read_bytes() + self.maker.root_pem)
		self._make_tenant()

	def end(self) -> None:
		"""Leave all as it was."""
		self.frappe.db.rollback()
		self.frappe.db.delete("Notification Log", {"document_type": CERTIFICATE})
		if self.frappe.db.exists("Tenant", TENANT):
			self.bench.remove(TENANT)
		if self.frappe.db.exists("Plan", PLAN):
			self.frappe.delete_doc("Plan", PLAN, force=True)
		if self.second:
			self._set_second("", "", "")
			self.second.end()
		super().end()

	def _make_tenant(self) -> None:
		limits = {"requests_per_second": A_SECOND, "max_file_size_mb": FILE_MB}
		rows = [{"limit_key": key, "value": value, "is_hard": 1} for key, value in limits.items()]
		self.frappe.get_doc({"doctype": "Plan", "plan_name": PLAN, "limits": rows}).insert()
		site = f"{TENANT}.{BASE}"
		folder = self.bench.path / "sites" / site
		folder.mkdir(exist_ok=True)  # a run that was interrupted has left it
		(folder / "site_config.json").write_text(json.dumps({"buildpro_tenant": TENANT}))
		values = {"name": TENANT, "subdomain": TENANT, "company": "Due Construction", "site": site}
		of = {"bench": self.name, "status": "Active", "plan": PLAN}
		self.frappe.get_doc({"doctype": "Tenant", **values, **of}).db_insert()
		self.frappe.db.commit()

	def add_second_authority(self) -> None:
		"""From now on there is a second one, which takes accounts of its own alone (EAB)."""
		self.second = self.authority("second", with_eab=True)
		# each kind of trust is one file, for both authorities
		directories = self.folder / "directories.pem"
		both = [Path(each.authority.ca_file).read_bytes() for each in (self.pebble, self.second)]
		directories.write_bytes(b"".join(both))
		self.ca.write_bytes(self.ca.read_bytes() + self.second.root())
		self.set_conf(buildpro_acme_ca_file=str(directories))
		self._set_second(self.second.authority.directory, EAB_KID, EAB_HMAC)

	def _set_second(self, directory: str, kid: str, hmac: str) -> None:
		"""As staff do it in SaaS Settings."""
		settings = self.frappe.get_doc("SaaS Settings")
		settings.update({"acme_directory_2": directory, "acme_eab_kid": kid, "acme_eab_hmac": hmac})
		settings.save()
		self.frappe.db.commit()

	# -- names and certificates ----------------------------------------------------------------------------------------

	def have(self, hosts: list[str], *, is_new: bool = False) -> dict[str, str]:
		"""The tenant is reached by these names, each with a certificate that ends soon; is_new: with none yet.

		Returns {host: its Site Certificate}.
		"""
		from buildpro_saas.domains import issuing, records

		found = {}
		for host in hosts:
			name = found[host] = records.note_certificate(self.name, host, [host], TENANT)
			if not is_new:
				issuing.write(name, self._ending_soon(host))
			records.make(
				**{"host": host, "shown": host, "tenant": TENANT, "bench": self.name, "certificate": name},
				**{"kind": records.CUSTOMERS, "serves": records.SERVES},
				state=records.VERIFIED if is_new else records.LIVE,
				checked_at=self.frappe.utils.now_datetime(),
			)
		self.frappe.db.commit()
		return found

	def _ending_soon(self, host: str):
		from buildpro_saas.agent.bench import Bench
		from buildpro_saas.agent.certificate_facts import HTTP_01
		from buildpro_saas.agent.certificate_store import CertificateStore

		store = CertificateStore(Bench(self.bench.path))
		chain, key = self.maker.issue([host], begin=datetime.now(timezone.utc) - LIFE + LEFT, life=LIFE)
		authority = self.pebble.authority.directory
		return store.install(host, store.put(host, chain, key, authority=authority, method=HTTP_01))

	def publish(self) -> None:
		"""Bring what the records say into the proxy."""
		from buildpro_saas.domains import publishing

		publishing.want(self.name)
		self.frappe.db.commit()
		self.wait_until_idle(publishing.PLAYBOOK)

	def row(self, name: str):
		"""The Site Certificate as it is now."""
		from buildpro_saas.domains import records

		self.frappe.db.commit()
		return records.certificate(name)

	def presented(self, *hosts: str) -> dict:
		"""What the proxy shows for them, as browsers of this world judge it."""
		from buildpro_saas.agent.served_certificates import served

		return served(list(hosts), self.https, "127.0.0.1", str(self.ca))

	def asked_of(self, server, what: str) -> list:
		"""What the bench's account has asked of an authority."""
		from buildpro_saas.domains import settings
		from buildpro_saas.jobs.bench_door import door_of

		who = vars(settings.authority_at(server.authority.directory))
		return [each for each in door_of(self.name).do("acme_history", authority=who) if each.what == what]

	# -- time ----------------------------------------------------------------------------------------------------------

	def scheduler_looks(self) -> None:
		"""What the scheduler does every ten minutes; returns when all that it began has ended."""
		from buildpro_saas.domains import flow

		flow.renew_due()
		self.wait_until_idle(flow.RENEW)

	def let_time_pass(self, name: str) -> None:
		"""Until the certificate is tried next."""
		self.frappe.db.set_value(CERTIFICATE, name, "next_try", self.frappe.utils.now_datetime())
		self.frappe.db.commit()

	def under_way(self, playbook: str) -> int:
		"""How many jobs of the playbook have not ended."""
		from buildpro_saas.jobs.ending import UNFINISHED

		self.frappe.db.commit()
		return self.frappe.db.count(JOB, {"playbook": playbook, "status": ("in", UNFINISHED)})

	def wait_until_idle(self, playbook: str) -> None:
		"""Wait until all jobs of the playbook have ended."""
		self.bench.wait_for(self.bench.looked_after(lambda: not self.under_way(playbook)), SECONDS)

	@contextmanager
	def further_workers(self, number: int):
		"""So many more workers of light jobs, within the block: much of the time of an order is waiting."""
		command = [*frappe_command(self.bench.path), "worker", "--queue", "short", "--quiet"]
		where = {"cwd": self.bench.path / "sites", "env": self.bench.services.environment}
		silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
		workers = [subprocess.Popen(command, **where, **silent) for _number in range(number)]
		try:
			yield
		finally:
			for each in workers:
				each.terminate()  # it ends the job that it is at
			for each in workers:
				each.wait(SECONDS)
