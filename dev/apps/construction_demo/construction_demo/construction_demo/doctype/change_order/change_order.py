# Copyright (c) 2025, BuildPro and contributors
# For license information, please see license.txt

from frappe.model.document import Document
from frappe.utils import flt, today


class ChangeOrder(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from construction_demo.construction_demo.doctype.change_order_item.change_order_item import (
			ChangeOrderItem,
		)

		approved_on: DF.Date | None
		description: DF.TextEditor | None
		extra_days: DF.Int
		items: DF.Table[ChangeOrderItem]
		naming_series: DF.Literal["CO-.YYYY.-.#####"]
		project: DF.Data
		reason: DF.Literal[
			"Owner Request", "Design Error", "Unforeseen Condition", "Regulation", "Value Engineering"
		]
		rfi: DF.Link | None
		status: DF.Literal["Draft", "Pending", "Approved", "Rejected"]
		title: DF.Data
		total: DF.Currency

	# end: auto-generated types

	def validate(self):
		for item in self.items:
			item.amount = flt(item.quantity) * flt(item.rate)
		self.total = sum(item.amount for item in self.items)
		self.approved_on = (self.approved_on or today()) if self.status == "Approved" else None
