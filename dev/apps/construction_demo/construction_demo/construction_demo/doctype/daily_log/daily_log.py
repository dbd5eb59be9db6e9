# Copyright (c) 2025, BuildPro and contributors
# For license information, please see license.txt

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt, getdate, today


class DailyLog(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from construction_demo.construction_demo.doctype.daily_log_crew.daily_log_crew import DailyLogCrew

		crews: DF.Table[DailyLogCrew]
		deliveries: DF.SmallText | None
		incidents: DF.SmallText | None
		is_weather_delay: DF.Check
		log_date: DF.Date
		naming_series: DF.Literal["DL-.YYYY.-.#####"]
		project: DF.Data
		superintendent: DF.Data | None
		temperature: DF.Float
		total_hours: DF.Float
		total_workers: DF.Int
		weather: DF.Literal["Clear", "Cloudy", "Rain", "Snow", "Wind", "Fog"]
		work_done: DF.TextEditor

	# end: auto-generated types

	def validate(self):
		if getdate(self.log_date) > getdate(today()):
			frappe.throw(
				_("A daily log tells what happened; choose today or an earlier day."), title=_("Date")
			)
		other = frappe.db.get_value(
			"Daily Log", {"project": self.project, "log_date": self.log_date, "name": ("!=", self.name)}
		)
		if other:
			frappe.throw(
				_("{0} is the log of {1} for this day already; add to it instead.").format(
					other, self.project
				),
				frappe.DuplicateEntryError,
				title=_("Date"),
			)
		self.total_workers = sum(cint(crew.workers) for crew in self.crews)
		self.total_hours = sum(cint(crew.workers) * flt(crew.hours) for crew in self.crews)
