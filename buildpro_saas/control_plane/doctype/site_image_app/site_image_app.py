from frappe.model.document import Document


class SiteImageApp(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		app: DF.Data | None
		commit: DF.Data | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		schema_digest: DF.Data | None
		version: DF.Data | None
	# end: auto-generated types

	pass
