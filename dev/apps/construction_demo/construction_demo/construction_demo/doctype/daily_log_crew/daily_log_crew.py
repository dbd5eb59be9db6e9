# Copyright (c) 2025, BuildPro and contributors
# For license information, please see license.txt

from frappe.model.document import Document


class DailyLogCrew(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		company: DF.Data
		hours: DF.Float
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		trade: DF.Data | None
		workers: DF.Int
	# end: auto-generated types

	pass
