import frappe
from frappe import _
from frappe.model.naming import append_number_if_name_exists

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.doctype.bench import proxy_settings
from buildpro_saas.control_plane.host_names import check_domain
from buildpro_saas.fleet import benches
from buildpro_saas.jobs import queue
from buildpro_saas.refusal import refuse


class Bench(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.bench_app.bench_app import BenchApp

		apps: DF.Table[BenchApp]
		backup_folder: DF.Data | None
		base_domain: DF.Data | None
		bench_name: DF.Data
		cname_target: DF.Data | None
		database_server: DF.Data | None
		database_user: DF.Data | None
		frappe_version: DF.Data | None
		http_port: DF.Int
		https_port: DF.Int
		is_local: DF.Check
		is_reachable: DF.Check
		max_backups: DF.Int
		max_drills: DF.Int
		max_heavy_jobs: DF.Int
		max_sites: DF.Int
		min_free_disk_gb: DF.Float
		path: DF.Data | None
		proxy: DF.Literal["Not managed", "nginx"]
		public_address: DF.Data | None
		public_addresses: DF.SmallText | None
		python: DF.Data | None
		queue: DF.Data | None
		redis_servers: DF.SmallText | None
		socketio_port: DF.Int
		status: DF.Literal["Active", "Inactive"]
		trusted_balancers: DF.SmallText | None
		web_port: DF.Int
	# end: auto-generated types

	def before_insert(self) -> None:
		"""The name becomes the record's: without blanks around it."""
		self.bench_name = (self.bench_name or "").strip()

	def validate(self) -> None:
		"""Normalise the base domain, and set `is_local` and `is_reachable` by the folder. Refuse a queue that there is not.

		`is_local`: this process runs on that bench. `is_reachable`: it is local, or a shell has registered it.
		"""
		if self.base_domain:
			self.base_domain = check_domain(self.base_domain)
		self.backup_folder = (self.backup_folder or "").strip()
		proxy_settings.check(self)
		self.path = benches.same_path(self.path)
		self.is_local = int(benches.is_here(self.path))
		self.is_reachable = int(self.is_local or self._was_registered())
		if self.backup_folder and self.is_reachable and self.has_value_changed("backup_folder"):
			self.backup_folder = benches.backup_folder(self.path, self.backup_folder)
		if self.is_local and (
			other := frappe.db.exists("Bench", {"path": self.path, "name": ("!=", self.name)})
		):
			refuse(_("The bench at {0} is registered as {1} already: edit that record."), self.path, other)
		self.queue = (self.queue or "").strip()
		if self.is_reachable and self.queue and self.queue not in (known := queue.names()):
			refuse(
				_("This bench has no queue {0}: choose one of {1}, or leave it empty."),
				self.queue,
				", ".join(sorted(known)),
			)

	def on_update(self) -> None:
		"""Have the proxy follow what was changed."""
		proxy_settings.follow(self)

	def _was_registered(self) -> bool:
		"""Whether a shell named the folder. That bench's Python runs with our rights, so only a shell may say where it is."""
		before = self.get_doc_before_save()
		is_as_before = before and before.path == self.path and before.is_reachable
		return bool(self.path and (self.flags.is_from_shell or is_as_before))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def refresh_facts(self) -> None:
		"""Read apps, versions and port from disk again. For SaaS Manager and SaaS Support: it changes nothing on the bench."""
		staff.only_for_staff()
		self.reload()
		self.take_facts()
		self.save(ignore_permissions=True)

	def take_facts(self) -> None:
		"""Set what is known of the bench; raises frappe.ValidationError for one that cannot be reached."""
		if not (benches.is_here(self.path) or self.is_reachable or self.flags.is_from_shell):
			refuse(_("{0} cannot be reached from this site: its facts are read there."), self.name)
		facts, server = benches.facts_at(self.path), benches.server_at(self.path)
		self.frappe_version = facts["frappe_version"]
		self.web_port = facts["web_port"]
		self.socketio_port = facts["socketio_port"]
		self.python = facts["python"]
		self.redis_servers = "\n".join(facts["redis"])
		self.database_server = f"{server['kind']} at {server['host']}:{server['port']}"
		self.database_user = server["user"]
		self.set("apps", facts["apps"])

	@property
	def domain(self) -> str:
		"""The base domain of new tenants' sites: the bench's own, else that of SaaS Settings; may be empty."""
		return self.base_domain or frappe.db.get_single_value("SaaS Settings", "base_domain") or ""


def ensure_local_bench() -> str:
	"""Register the bench that this site runs on, or bring its record up to date with its disk; return its name."""
	facts = benches.facts_here()
	name = _registered(facts["path"]) or _moved(facts["path"])
	if name:
		bench = frappe.get_doc("Bench", name)
		bench.path = facts["path"]
	else:
		bench = frappe.get_doc(
			{"doctype": "Bench", "bench_name": _free_name(facts["name"]), "path": facts["path"]}
		)
	bench.take_facts()
	return bench.save(ignore_permissions=True).name


def register(path: str, name: str | None = None) -> str:
	"""Register the bench in a folder of this machine, or bring its record up to date; returns its name. For a shell only.

	name: what a new record is called, its folder's name without. Raises AgentError where that is no bench with this app.
	"""
	path = benches.same_path(path)
	if benches.is_here(path):
		return ensure_local_bench()
	if known := _registered(path):
		bench = frappe.get_doc("Bench", known)
	else:
		wanted = name or benches.facts_at(path)["name"]
		bench = frappe.get_doc({"doctype": "Bench", "bench_name": _free_name(wanted), "path": path})
	bench.flags.is_from_shell = True
	bench.take_facts()
	return bench.save(ignore_permissions=True).name


def _registered(path: str) -> str | None:
	"""The record of the bench at `path`, however its path was spelled when it was saved."""
	rows = frappe.get_all(
		"Bench", {"path": ("is", "set")}, ["name", "path"], order_by="is_local desc, creation"
	)
	return next((row.name for row in rows if benches.same_path(row.path) == path), None)


def _moved(path: str) -> str | None:
	"""The record of the local bench whose folder is gone: it was moved to `path`."""
	for bench in frappe.get_all("Bench", {"is_local": 1}, ["name", "path"]):
		if not benches.is_folder(bench.path):
			return bench.name
	return None


def _free_name(folder: str) -> str:
	"""The folder's name as the bench's; counted up when another bench has it."""
	wanted = folder.strip(". ") or "bench"
	return append_number_if_name_exists("Bench", wanted)
