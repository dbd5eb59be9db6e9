import frappe
from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument


class StandbySite(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		bench: DF.Link | None
		claimed_at: DF.Datetime | None
		claimed_by: DF.Link | None
		database: DF.Data | None
		image: DF.Link | None
		kind: DF.Data | None
		mark: DF.Data | None
		ready_at: DF.Datetime | None
		status: DF.Literal["Filling", "Ready", "Claimed", "Discarding", "Discarded"]
		tenant: DF.Link | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Standby sites are the pool's record: nobody else makes or edits them."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("Standby sites are made and given by jobs. Set their number in SaaS Settings."),
				frappe.PermissionError,
			)


def on_doctype_update() -> None:
	"""The order in which standby sites are claimed."""
	frappe.db.add_index("Standby Site", ["image", "status", "ready_at"])
