import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.doctype.tenant import taking_in
from buildpro_saas.fleet import looks
from buildpro_saas.refusal import refuse

SITE, FOLDER, UPLOADED = "Site of a Bench", "Folder with a Backup", "Uploaded Backup"
PARTS = ("database_file", "private_files", "public_files", "config")
# What the report is about: another value, and it holds no more.
ASKED = ("source", "site", "files", *PARTS, "bench", "plan", "subdomain")
OPTIONS = ("in_place", "maintenance", "pause_scheduler", "without_key")
FACTS = ("status", "job", "looked_at", "tenant", "report", "told")
PEOPLE = ("company", "owner_name", "owner_email")


class SiteIntake(AdminDocument):
	"""A site that is to become a tenant's: what it is, what stands in the way, and what came of it."""

	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		bench: DF.Link | None
		company: DF.Data | None
		config: DF.Attach | None
		database_file: DF.Attach | None
		files: DF.Data | None
		in_place: DF.Check
		job: DF.Data | None
		looked_at: DF.Datetime | None
		maintenance: DF.Check
		owner_email: DF.Data | None
		owner_name: DF.Data | None
		pause_scheduler: DF.Check
		plan: DF.Link
		private_files: DF.Attach | None
		public_files: DF.Attach | None
		report: DF.LongText | None
		site: DF.Data | None
		source: DF.Literal["Site of a Bench", "Folder with a Backup", "Uploaded Backup"]
		status: DF.Literal["New", "Looking", "Ready", "Blocked", "Taken In"]
		subdomain: DF.Data | None
		tenant: DF.Link | None
		told: DF.LongText | None
		without_key: DF.Check
	# end: auto-generated types

	def validate(self) -> None:
		"""Forget the report where it is about something else by now; what was taken in is not changed any more."""
		before = self.get_doc_before_save()
		if self.flags.ignore_permissions:
			return
		if before and before.tenant:
			refuse(_("{0} was taken in as {1}, and is not changed any more."), self.name, before.tenant)
		self.update({field: before.get(field) if before else None for field in FACTS})
		self.status = self.status or looks.NEW
		if before and any(self.get(field) != before.get(field) for field in (*ASKED, *OPTIONS)):
			looks.cancel(self.name)
			self.update({"status": looks.NEW, "job": None, "looked_at": None, "report": None, "told": None})

	def on_trash(self) -> None:
		"""Nobody asks any more for what a job finds that looks."""
		looks.cancel(self.name)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def look(self) -> dict:
		"""Start the job that looks what the site is, and what stands in the way: {"job"}. Nothing is touched. For SaaS Manager.

		It writes status and report here. Raises frappe.ValidationError while one is under way that was asked the same.
		"""
		staff.only_for_manager()
		self._check_open()
		if job := looks.under_way(self.name):
			refuse(_("{0} looks already: wait for its end, or cancel it."), job)
		origin = self._origin()
		bench = taking_in.bench_for(origin, self.bench)
		job = taking_in.start_look(self.name, origin, self.plan, bench, self.subdomain)
		self.reload()
		return {"job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def take_in(self) -> dict:
		"""Make the tenant, and start the job that takes its site in: {"tenant", "job"}. For SaaS Manager.

		Raises frappe.ValidationError with what to change, and nothing is begun, unless it was looked at and is Ready.
		"""
		staff.only_for_manager()
		self._check_open()
		if self.status != looks.READY:
			refuse(_("{0} is {1}: press Look first, and mend what is in the way."), self.name, _(self.status))
		if not self.subdomain:
			refuse(_("Enter the new tenant's subdomain."), title=_("Subdomain"))
		origin = self._origin()
		people = {field: self.get(field) for field in PEOPLE}
		bench = taking_in.bench_for(origin, self.bench)
		tenant = taking_in.take_in(
			origin, frappe.parse_json(self.told), bench, subdomain=self.subdomain, plan=self.plan, **people
		)
		self.db_set({"status": looks.TAKEN_IN, "tenant": tenant.name})
		return {"tenant": tenant.name, "job": tenant.latest_job()["name"]}

	def _check_open(self) -> None:
		self.flags.for_update = True
		self.reload()
		self.flags.for_update = False
		if self.tenant:
			refuse(_("{0} was taken in as {1} already."), self.name, self.tenant)

	def _origin(self) -> dict:
		named = {
			SITE: {"site": self.site},
			FOLDER: {"files": self.files},
			UPLOADED: {"uploads": self._uploads()},
		}
		options = {option: bool(self.get(option)) for option in OPTIONS}
		if self.source != SITE:
			options |= {"in_place": False, "maintenance": False}
		return taking_in.origin_of(**named[self.source], of=self.name, **options)

	def _uploads(self) -> dict[str, str]:
		"""{part: the File's address} of what is attached to this very record. Raises frappe.ValidationError for what others can read."""
		if self.source != UPLOADED:
			return {}
		if not self.database_file:
			refuse(_("Attach the dump of the database."), title=_("Database"))
		parts = {field: self.get(field) for field in PARTS if self.get(field)}
		for field, address in parts.items():
			own = {"file_url": address, "attached_to_doctype": self.doctype, "attached_to_name": self.name}
			if not address.startswith("/private/files/") or not frappe.db.exists("File", own):
				label = _(self.meta.get_label(field))
				refuse(_("Attach {0} to this record, as a private file."), label, title=label)
		return {field.replace("database_file", "database"): address for field, address in parts.items()}
