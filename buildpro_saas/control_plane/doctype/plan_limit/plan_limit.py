from buildpro_saas.control_plane.access.managed_child_row import Row


class PlanLimit(Row):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		is_hard: DF.Check
		limit_key: DF.Data
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		value: DF.Int
	# end: auto-generated types

	pass
