import frappe
from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument


class MetricSeries(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		begins: DF.Datetime | None
		bench: DF.Link | None
		is_open: DF.Check
		numbers: DF.LongText | None
		points: DF.Int
		span: DF.Literal["Hour", "Day", "Month"]
		tenant: DF.Link | None
	# end: auto-generated types

	def validate(self) -> None:
		"""monitoring/series.py writes what was measured: nobody else makes or edits it."""
		if not self.flags.ignore_permissions:
			frappe.throw(_("What was measured cannot be written by hand."), frappe.PermissionError)
