from buildpro_saas.control_plane.access.managed_child_row import Row


class FeatureGate(Row):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		gates_create: DF.Check
		gates_delete: DF.Check
		gates_submit: DF.Check
		gates_write: DF.Check
		kind: DF.Literal["DocType", "Report", "Page", "Method", "Workspace"]
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		target: DF.Data
	# end: auto-generated types

	pass
