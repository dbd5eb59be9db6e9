import frappe
from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument


class TenantUsage(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		allowed: DF.Int
		date: DF.Date
		denied: DF.Int
		feature: DF.Data
		shadow: DF.Int
		tenant: DF.Link
	# end: auto-generated types

	def validate(self) -> None:
		"""licensing/usage_reports.py writes what tenants' sites tell: nobody else makes or edits it."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("What a tenant's site has told cannot be written by hand."), frappe.PermissionError
			)
