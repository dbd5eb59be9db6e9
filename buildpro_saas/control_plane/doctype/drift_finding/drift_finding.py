import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.doctype.tenant.adoption import adopt
from buildpro_saas.fleet import adoption, drift_facts, reconciliation
from buildpro_saas.jobs import AgentError


class DriftFinding(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		action: DF.SmallText | None
		bench: DF.Link | None
		first_found: DF.Datetime | None
		is_ours: DF.Check
		kind: DF.Literal[
			"Site Folder",
			"Database",
			"Database User",
			"Image",
			"Standby Site",
			"Tenant",
			"Site Shadow",
			"Backup",
			"Backup Store",
			"Offsite Store",
			"DNS Record",
			"DNS Zone",
		]
		last_found: DF.Datetime | None
		mark: DF.Data | None
		status: DF.Literal["Open", "Resolved", "Removed", "Ignored"]
		subject: DF.Data | None
		trash: DF.Data | None
		what: DF.SmallText | None
	# end: auto-generated types

	def onload(self) -> None:
		"""Tell the form whether it is about a tenant's site that can be taken in again."""
		is_open = self.kind == drift_facts.SITE_FOLDER and self.status in reconciliation.OPEN
		self.set_onload("may_be_adopted", is_open and adoption.may_be_adopted(self.subject))

	def validate(self) -> None:
		"""Findings are the comparison's record: nobody else makes or edits them."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("Drift is found by comparing the bench with the records. Use Ignore, or Report Again."),
				frappe.PermissionError,
			)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def ignore(self) -> None:
		"""Report it no more, and leave the thing alone, for as long as it is there. For SaaS Manager only."""
		staff.only_for_manager()
		self._go("Open", status="Ignored")

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def report_again(self) -> None:
		"""Undo `ignore`. The hour before anything is removed begins anew. For SaaS Manager only."""
		staff.only_for_manager()
		self._go("Ignored", status="Open", first_found=now_datetime())

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def put_back(self) -> list[str]:
		"""Put back from the bench's trash what was removed, with what belongs to it; returns what was. For SaaS Manager only.

		From then on it is ignored. Raises frappe.ValidationError with what is in the way.
		"""
		staff.only_for_manager()
		if not self.trash:
			frappe.throw(_("{0} has nothing in the trash.").format(self.name))
		try:
			return [entry.subject for entry in reconciliation.put_back(self.trash)]
		except AgentError as error:
			frappe.throw(error.advice, title=_("Trash"))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def adopt(self, plan: str | None = None) -> str:
		"""Make the lost record of the tenant whose site this is about; returns the tenant's name. For SaaS Manager only.

		`plan`: instead of the one that the site's statement names. Raises frappe.ValidationError with what to do.
		"""
		staff.only_for_manager()
		if self.kind != drift_facts.SITE_FOLDER:
			frappe.throw(_("{0} is not about a site.").format(self.name), title=_("Adopt"))
		return adopt(self.subject, plan or None).name

	def _go(self, old: str, **values) -> None:
		"""Change the status from `old`. Raises frappe.ValidationError when the finding has another status by now."""
		# the row is locked until commit: a removal locks it, too, and then sees the status before or after
		found = frappe.db.get_value(self.doctype, self.name, "status", for_update=True)
		self.reload()
		if found != old:
			frappe.throw(_("{0} is {1} by now.").format(self.name, _(found)))
		self.update(values)
		self.save(ignore_permissions=True)
