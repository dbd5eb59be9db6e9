import frappe
from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument


class TenantLimitLevel(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		is_limited: DF.Check
		is_over: DF.Check
		limit_key: DF.Data
		received_on: DF.Datetime | None
		tenant: DF.Link
		used: DF.Int
		value: DF.Int
	# end: auto-generated types

	def validate(self) -> None:
		"""licensing/usage_reports.py writes what tenants' sites tell: nobody else makes or edits it."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("What a tenant's site has told cannot be written by hand."), frappe.PermissionError
			)
