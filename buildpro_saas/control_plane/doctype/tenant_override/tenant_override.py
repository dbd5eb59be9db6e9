from buildpro_saas.control_plane.access.managed_child_row import Row


class TenantOverride(Row):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		access: DF.Literal["Grant", "Revoke"]
		ends_on: DF.Datetime | None
		feature: DF.Link | None
		granted_by: DF.Link | None
		granted_on: DF.Datetime | None
		is_hard: DF.Check
		kind: DF.Literal["Feature", "Limit"]
		limit_key: DF.Data | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		reason: DF.SmallText
		starts_on: DF.Datetime | None
		value: DF.Int
	# end: auto-generated types

	pass
