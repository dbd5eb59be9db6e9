# Copyright (c) 2025, BuildPro and contributors
# For license information, please see license.txt

from frappe.model.document import Document
from frappe.utils import now_datetime


class PunchListItem(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		closed_on: DF.Datetime | None
		description: DF.SmallText | None
		due_date: DF.Date | None
		location: DF.Data
		naming_series: DF.Literal["PL-.YYYY.-.#####"]
		photo: DF.AttachImage | None
		priority: DF.Literal["Low", "Medium", "High"]
		project: DF.Data
		status: DF.Literal["Open", "Ready for Review", "Closed"]
		title: DF.Data
		trade: DF.Literal[
			"General",
			"Concrete",
			"Steel",
			"Drywall",
			"Painting",
			"Flooring",
			"Electrical",
			"Plumbing",
			"HVAC",
		]

	# end: auto-generated types

	def validate(self):
		self.closed_on = (self.closed_on or now_datetime()) if self.status == "Closed" else None
