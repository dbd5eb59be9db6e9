# Copyright (c) 2025, BuildPro and contributors
# For license information, please see license.txt

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cint

# What a reviewer gets before the material has to be ordered.
REVIEW_DAYS = 14


class Submittal(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attachment: DF.Attach | None
		lead_time_days: DF.Int
		naming_series: DF.Literal["SUB-.YYYY.-.#####"]
		project: DF.Data
		remarks: DF.SmallText | None
		required_on_site: DF.Date | None
		reviewer: DF.Data | None
		revision: DF.Int
		specification_section: DF.Data | None
		status: DF.Literal[
			"Draft", "Submitted", "Approved", "Approved as Noted", "Revise and Resubmit", "Rejected"
		]
		submit_by: DF.Date | None
		submittal_type: DF.Literal["Shop Drawing", "Product Data", "Sample", "Mock-up", "Close-out"]
		title: DF.Data

	# end: auto-generated types

	def validate(self):
		self.submit_by = None
		if self.required_on_site:
			self.submit_by = add_days(self.required_on_site, -(cint(self.lead_time_days) + REVIEW_DAYS))
		if self.status == "Revise and Resubmit" and not self.remarks:
			frappe.throw(_("Say in the remarks what is to be revised."), title=_("Remarks"))
