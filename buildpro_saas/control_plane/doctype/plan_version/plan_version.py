import frappe
from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.refusal import refuse


class PlanVersion(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		features: DF.Code | None
		limits: DF.Code | None
		plan: DF.Link
		version: DF.Int
		why: DF.SmallText | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Versions are the plan's record: saving a plan makes them, and nobody edits them."""
		if not self.is_new() or not self.flags.ignore_permissions:
			refuse(
				_("A plan's versions are made when the plan is saved, and stay as they are."),
				error=frappe.PermissionError,
			)

	def on_trash(self) -> None:
		"""Tenants may keep a version for years."""
		refuse(_("A plan's versions stay on record."), error=frappe.PermissionError)
