from buildpro_saas.control_plane.access.managed_child_row import Row


class StandbyPool(Row):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		company_country: DF.Link | None
		company_language: DF.Link | None
		most_sites: DF.Int
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		plan: DF.Link
		sites: DF.Int
	# end: auto-generated types

	def is_for(self, plan: str, country: str | None, language: str | None) -> bool:
		"""Whether this is the pool of these tenants."""
		return (self.plan, self.company_country or None, self.company_language or None) == (
			plan,
			country,
			language,
		)
