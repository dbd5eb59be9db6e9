import frappe
from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument


class BatchRow(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempts: DF.Int
		batch: DF.Link | None
		bench: DF.Link | None
		ended_at: DF.Datetime | None
		message: DF.SmallText | None
		position: DF.Int
		run_after: DF.Datetime | None
		runner: DF.Data | None
		seconds: DF.Float
		status: DF.Literal["Waiting", "Running", "Completed", "Failed", "Left Out"]
		tenant: DF.Link | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Rows are the engine's record, which writes them by statements of its own."""
		frappe.throw(_("A row of a Batch is made and written by the engine."), frappe.PermissionError)


def on_doctype_update() -> None:
	"""Make the indexes for claiming (jobs/batch_rows.py says why two), and for finding a dead runner's rows."""
	frappe.db.add_index("Batch Row", ["batch", "bench", "position"], "turns")
	frappe.db.add_index("Batch Row", ["batch", "bench", "status", "position"], "states")
	frappe.db.add_index("Batch Row", ["runner"], "of_runner")
	frappe.db.add_unique("Batch Row", ["batch", "tenant"], "once")
