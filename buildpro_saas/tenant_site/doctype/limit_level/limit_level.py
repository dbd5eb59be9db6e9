import frappe
from frappe import _
from frappe.model.document import Document


class LimitLevel(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		batch: DF.Data | None
		day: DF.Date | None
		grown: DF.Float
		in_batch: DF.Int
		limit_key: DF.Data
		measured_on: DF.Datetime | None
		sent: DF.Int
		used: DF.Float
	# end: auto-generated types

	def before_validate(self) -> None:
		"""tenant_site/limit_usage.py writes the rows; a document of this kind is never saved, by whatever role."""
		frappe.throw(_("What was measured cannot be written by hand."), frappe.PermissionError)

	def on_trash(self) -> None:
		frappe.throw(_("What was measured cannot be deleted by hand."), frappe.PermissionError)
