from buildpro_saas.control_plane.access.managed_child_row import Row


class TenantAddon(Row):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		addon: DF.Link
		ends_on: DF.Datetime | None
		granted_by: DF.Link | None
		granted_on: DF.Datetime | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		quantity: DF.Int
		reason: DF.SmallText
		starts_on: DF.Datetime | None
	# end: auto-generated types

	pass
