from frappe.model.document import Document


class ProvisioningJobStep(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempts: DF.Int
		duration: DF.Float
		ended_at: DF.Datetime | None
		output: DF.Code | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		started_at: DF.Datetime | None
		status: DF.Literal["Pending", "Running", "Completed", "Failed", "Undone"]
		step_key: DF.Data | None
		title: DF.Data | None
	# end: auto-generated types
