import re

from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.licensing import delivery
from buildpro_saas.licensing.catalogue import gate
from buildpro_saas.refusal import refuse

KEY = re.compile(r"[a-z][a-z0-9_]{0,60}")
METHOD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


class Feature(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.feature_gate.feature_gate import FeatureGate

		category: DF.Data | None
		description: DF.SmallText | None
		gates: DF.Table[FeatureGate]
		hides_existing: DF.Check
		is_shadow: DF.Check
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

	def validate(self) -> None:
		"""Refuse gates that would close nothing."""
		seen = set()
		for row in self.gates:
			row.fill_defaults()
			row.target = (row.target or "").strip()
			_check_gate(row)
			if (row.kind, row.target) in seen:
				refuse(
					_("{0} {1} is in the gates twice: take one of the two rows out."), _(row.kind), row.target
				)
			seen.add((row.kind, row.target))

	def on_update(self) -> None:
		"""Tell the tenants' sites when the feature is new, or when they have to treat it in another way."""
		before = self.get_doc_before_save()
		if not before or self._told() != before._told():
			delivery.send(None, _("feature {0}").format(self.name))

	def after_delete(self) -> None:
		"""A site must not offer what there is no more."""
		delivery.send(None, _("feature {0}").format(self.name))

	def _told(self) -> tuple:
		return self.label, bool(self.is_shadow), bool(self.hides_existing), [gate(row) for row in self.gates]


def _check_gate(row) -> None:
	title = _("Row {0} of the gates").format(row.idx)
	if not row.target:
		refuse(_("{0}: enter the name of what is closed."), title, title=title)
	if row.kind == "DocType" and not gate(row)["operations"]:
		refuse(_("{0}: tick at least one of create, write, submit and delete."), title, title=title)
	if row.kind == "Method" and not METHOD.fullmatch(row.target):
		refuse(
			_("{0}: {1} is no dotted path of a method, like app.module.function."),
			title,
			row.target,
			title=title,
		)
