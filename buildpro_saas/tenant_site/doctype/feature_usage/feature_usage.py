import frappe
from frappe import _
from frappe.model.document import Document


class FeatureUsage(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		batch: DF.Data | None
		count: DF.Int
		date: DF.Date
		feature: DF.Data
		in_batch: DF.Int
		outcome: DF.Literal["ALLOWED", "DENIED", "SHADOW"]
		sent: DF.Int
	# end: auto-generated types

	def before_validate(self) -> None:
		"""tenant_site/usage.py writes the rows; a document of this kind is never saved, by whatever role."""
		frappe.throw(_("What was counted cannot be written by hand."), frappe.PermissionError)

	def on_trash(self) -> None:
		frappe.throw(_("What was counted cannot be deleted by hand."), frappe.PermissionError)
