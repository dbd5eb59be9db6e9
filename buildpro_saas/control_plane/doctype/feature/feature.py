import re

import frappe
from frappe import _
from frappe.model.document import Document

from buildpro_saas.control_plane.doctype.plan.plan import available_in
from buildpro_saas.control_plane.refusal import refuse

KEY = re.compile(r"[a-z][a-z0-9_]{0,60}")


class Feature(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		category: DF.Data | None
		description: DF.SmallText | None
		key: DF.Data
		label: DF.Data
	# end: auto-generated types

	def before_insert(self) -> None:
		"""The key is the record's name, and what code asks for: checked before it becomes the name."""
		self.key = (self.key or "").strip().lower()
		if not KEY.fullmatch(self.key):
			refuse(
				_(
					"{0} cannot be a feature's key: use small letters, digits and underscores, starting with a letter."
				),
				self.key or _("Nothing"),
				title=_("Key"),
			)


def catalogue_for_tenants() -> dict:
	"""All features and limits as a tenant's site needs to know them, as entitlements/catalogue.py has it."""
	plans = available_in()
	return {
		"features": {
			feature.name: {"label": feature.label, "plan": plans.get(feature.name)}
			for feature in frappe.get_all("Feature", fields=["name", "label"])
		},
		"limits": {},
	}
