# Copyright (c) 2025, BuildPro and contributors
# For license information, please see license.txt

import frappe
from frappe import _
from frappe.model.document import Document


class BIMModel(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		authoring_tool: DF.Data | None
		coordinate_system: DF.Data | None
		discipline: DF.Literal[
			"Architectural", "Structural", "Mechanical", "Electrical", "Plumbing", "Civil", "Federated"
		]
		file_format: DF.Literal["IFC", "RVT", "NWD", "DWG", "DGN", "SKP"]
		level_of_development: DF.Literal["100", "200", "300", "350", "400", "500"]
		model_file: DF.Attach | None
		model_name: DF.Data
		naming_series: DF.Literal["BIM-.YYYY.-.#####"]
		notes: DF.TextEditor | None
		project: DF.Data
		status: DF.Literal["Work in Progress", "Shared", "Published", "Archived"]
		version: DF.Data

	# end: auto-generated types

	def validate(self):
		if self.status == "Published" and not self.model_file:
			frappe.throw(_("Attach the model file before publishing."), title=_("Model File"))
