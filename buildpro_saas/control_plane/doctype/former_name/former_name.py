import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.fleet import benches, renames


class FormerName(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		bench: DF.Link | None
		site: DF.Data | None
		status: DF.Literal["Leads There", "Free"]
		subdomain: DF.Data | None
		tenant: DF.Link | None
		until: DF.Datetime | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Former names are kept by jobs: nobody else makes or edits their records."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("Former names are kept by jobs. Press Rename on the tenant."),
				frappe.PermissionError,
			)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def free_now(self) -> None:
		"""Let any tenant have the name from now on; it leads nowhere any more. For SaaS Manager."""
		staff.only_for_manager()
		benches.only_reached(self.bench)
		renames.free_now(self.name)
