import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.domains import changes, seeing


class SiteDomain(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		asked_by: DF.Data | None
		bench: DF.Link | None
		certificate: DF.Link | None
		checked_at: DF.Datetime | None
		claim: DF.Data | None
		dns_record: DF.Data | None
		failures: DF.Int
		host: DF.Data | None
		hsts_seconds: DF.Int
		is_failing: DF.Check
		is_primary: DF.Check
		kind: DF.Literal["Own Subdomain", "Customer's Domain"]
		live_since: DF.Datetime | None
		next_check: DF.Datetime | None
		records: DF.SmallText | None
		says: DF.SmallText | None
		serves: DF.Literal["Serves", "Redirects"]
		shown: DF.Data | None
		state: DF.Literal["Waiting for DNS", "Verified", "Certificate", "Live", "Removed"]
		tenant: DF.Link | None
		token: DF.Data | None
		token_name: DF.Data | None
		verified_at: DF.Datetime | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Host names are kept by jobs and buttons: nobody else makes or edits their records."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("Host names are added on the tenant: press Add Domain there."),
				frappe.PermissionError,
			)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def check(self) -> dict:
		"""Start the job that looks at the name and brings it as far as it goes: {"job"}. For SaaS Manager."""
		staff.only_for_manager()
		return {"job": changes.check(self.name)}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def walk_name(self) -> list:
		"""Ask for the name as a browser does, stage by stage: [{"name", "is_ok", "sentence", "seconds"}]. For SaaS Manager and SaaS Support."""
		staff.only_for_staff()
		row = changes.of_record(self.name)
		stages = seeing.of_name(row, frappe.get_doc("Bench", row.bench).as_dict())
		return [vars(stage) for stage in stages]

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def make_primary(self) -> dict:
		"""Have links begin with this name, and names that redirect lead to it: {"job"}. For SaaS Manager."""
		staff.only_for_manager()
		return {"job": changes.make_primary(self.name)}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def set_serving(self, serves: int = 0, hsts_seconds: int | None = None) -> dict:
		"""Have the site answer under the name itself (serves 1) or redirect to the primary; for how long browsers come over https only.

		Returns {"job"}. For SaaS Manager, and HSTS only with the customer's consent.
		"""
		staff.only_for_manager()
		return {"job": changes.set_serving(self.name, bool(serves), hsts_seconds)}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def remove_name(self) -> dict:
		"""Let the name be anybody's again, and take it out of proxy, links and certificates: {"job"}. For SaaS Manager."""
		staff.only_for_manager()
		return {"job": changes.remove(self.name)}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def upload_certificate(self, chain: str, key: str) -> dict:
		"""Serve the name with a certificate that the customer has: {"job"}. For SaaS Manager.

		chain: PEM, its own certificate first. key: PEM; it goes to the bench's disk, and is kept nowhere else. Raises frappe.ValidationError
		with what is wrong with them.
		"""
		staff.only_for_manager()
		return {"job": changes.upload(self.name, chain, key)}
