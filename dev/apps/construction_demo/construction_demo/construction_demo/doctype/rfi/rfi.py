# Copyright (c) 2025, BuildPro and contributors
# For license information, please see license.txt

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import getdate, now_datetime, today


class RFI(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		answer: DF.TextEditor | None
		answered_on: DF.Datetime | None
		assigned_to: DF.Data | None
		discipline: DF.Literal["Architectural", "Structural", "Mechanical", "Electrical", "Plumbing", "Civil"]
		drawing_reference: DF.Data | None
		due_date: DF.Date | None
		has_cost_impact: DF.Check
		has_schedule_impact: DF.Check
		naming_series: DF.Literal["RFI-.YYYY.-.#####"]
		priority: DF.Literal["Low", "Medium", "High"]
		project: DF.Data
		question: DF.TextEditor
		status: DF.Literal["Open", "Answered", "Closed"]
		subject: DF.Data

	# end: auto-generated types

	def validate(self):
		if self.due_date and self.is_new() and getdate(self.due_date) < getdate(today()):
			frappe.throw(
				_("The answer is needed by a day in the past; choose today or a later day."),
				title=_("Due Date"),
			)
		if self.status != "Open" and not self.answer:
			frappe.throw(
				_("Write the answer before setting the status to {0}.").format(_(self.status)),
				title=_("Answer"),
			)
		self.answered_on = None if self.status == "Open" else self.answered_on or now_datetime()
