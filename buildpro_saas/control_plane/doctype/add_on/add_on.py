import frappe
from frappe import _
from frappe.utils import cint

from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.access.row_checks import check_name, check_number, check_once
from buildpro_saas.licensing import delivery
from buildpro_saas.refusal import refuse


class Addon(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.add_on_feature.add_on_feature import AddonFeature
		from buildpro_saas.control_plane.doctype.add_on_limit.add_on_limit import AddonLimit

		addon_name: DF.Data
		billing_period: DF.Literal["Monthly", "Yearly"]
		currency: DF.Link | None
		description: DF.SmallText | None
		features: DF.Table[AddonFeature]
		is_active: DF.Check
		limits: DF.Table[AddonLimit]
		price: DF.Currency
	# end: auto-generated types

	def validate(self) -> None:
		"""Refuse what could not be counted later, and an add-on that sells nothing."""
		for row in self.limits:
			row.limit_key = check_name(row.limit_key, _("limit"))
			if cint(row.increment) < 1:
				refuse(_("{0} must raise the limit by 1 or more."), row.limit_key, title=_("Increment"))
			row.increment = check_number(row.increment, 1, _("What {0} is raised by").format(row.limit_key))
		check_once(self.features, "feature")
		check_once(self.limits, "limit_key")
		if not (self.features or self.limits):
			refuse(_("Say what the add-on sells: a feature, or a limit that it raises."))

	def on_update(self) -> None:
		"""The sites of tenants that have it are told when it sells something else."""
		before = self.get_doc_before_save()
		if before and self._sold() != before._sold():
			tenants = frappe.get_all(
				"Tenant Add-on", {"addon": self.name, "parenttype": "Tenant"}, pluck="parent"
			)
			delivery.send(set(tenants), _("add-on {0}").format(self.name))

	def _sold(self) -> tuple:
		return {row.feature for row in self.features}, {row.limit_key: row.increment for row in self.limits}
