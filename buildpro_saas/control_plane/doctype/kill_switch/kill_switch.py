import frappe
from frappe import _
from frappe.utils import get_datetime

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.datetimes import minute, parse
from buildpro_saas.licensing import delivery
from buildpro_saas.refusal import refuse


class KillSwitch(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		ends_on: DF.Datetime | None
		feature: DF.Link
		reason: DF.SmallText
		starts_on: DF.Datetime | None
	# end: auto-generated types

	def validate(self) -> None:
		"""What was switched off, since when and why is a record. Only its end may be changed, until the end has come."""
		self.starts_on = parse(self.starts_on, _("From")) or minute()
		self.ends_on = parse(self.ends_on, _("Until"))
		self.reason = (self.reason or "").strip()
		if not self.reason:
			refuse(_("Enter the reason: staff and the record need to know why."), title=_("Reason"))
		if before := self.get_doc_before_save():
			self._keep_record(before)
		if self.ends_on and self.ends_on < self.starts_on:
			refuse(_("A kill switch cannot end before it begins: set a later end."), title=_("Until"))

	def on_update(self) -> None:
		"""Every tenant's site is told."""
		delivery.send(None, _("kill switch for {0}").format(self.feature))

	def on_trash(self) -> None:
		"""Raise frappe.ValidationError: a kill switch is a record, even after it has ended."""
		refuse(_("A kill switch stays on record: press Lift to end it."))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def lift(self) -> None:
		"""End it now; the feature is back wherever it is granted. For SaaS Manager."""
		staff.only_for_manager()
		frappe.db.get_value(self.doctype, self.name, "name", for_update=True)
		self.reload()
		moment = minute()
		# one that was to begin later never begins
		self.ends_on = max(moment, get_datetime(self.starts_on))
		self.save()

	def _keep_record(self, before) -> None:
		is_other = (before.feature, get_datetime(before.starts_on), before.reason) != (
			*(self.feature, self.starts_on),
			self.reason,
		)
		is_over = before.ends_on and get_datetime(before.ends_on) <= minute()
		if is_other or (is_over and get_datetime(before.ends_on) != self.ends_on):
			refuse(
				_(
					"Only the end of a kill switch can be changed, and only until it has come: make a new one for anything else."
				),
				title=self.name,
			)
