"""What this site may use, to look at.

The signed statement in the site's folder is what counts; this record shows it.
"""

import frappe
from frappe import _
from frappe.model.document import Document

from buildpro_saas.entitlements import statement
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import data_export, entitlement, own_domains, your_plan

STATUSES = {
	Reason.PLAN: "Active",
	Reason.GRACE: "In grace",
	Reason.EXPIRED: "Expired",
	Reason.NOT_YET_VALID: "Not yet valid",
	Reason.SUSPENDED: "Suspended",
	Reason.NO_ENTITLEMENT: "No entitlement",
}
PAST_DUE = "Past due"
NOT_GENUINE = "Not genuine"


class NexelyaPlanSettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		company: DF.Data | None
		plan_type: DF.Data | None
		status: DF.Data | None
		token: DF.LongText | None
		valid_until: DF.Datetime | None
	# end: auto-generated types

	def onload(self) -> None:
		self.follow_entitlement()
		self.set_onload("features", your_plan.render(entitlement.load_decisions(), self.status))
		self.set_onload("export", data_export.shown())
		self.set_onload("domains", own_domains.shown())

	def validate(self) -> None:
		self.keep_company()
		self.refuse_other_token()
		self.follow_entitlement()

	def keep_company(self) -> None:
		"""Saving without a company (a script's insert, an emptied field) does not take it away."""
		self.company = self.company or frappe.db.get_single_value(self.doctype, "company", cache=False)

	def refuse_other_token(self) -> None:
		"""Only the admin site changes the entitlement: refuse a token that is not the one in force."""
		if self.token and self.token not in (entitlement.stored_token(), self.get_db_value("token")):
			frappe.throw(
				_("Leave the token as it is: only the admin site can change the entitlement."),
				title=_("Token refused"),
			)

	def follow_entitlement(self) -> None:
		"""Set token, plan, status and validity from the entitlement in force, whatever was typed into them."""
		decisions = entitlement.load_decisions()
		self.token = entitlement.stored_token()
		self.status = STATUSES.get(decisions.standing, NOT_GENUINE)
		self.valid_until = decisions.statement and your_plan.as_system_time(decisions.statement.expires)
		if decisions.statement:
			self.plan_type = decisions.grants.plan
			if decisions.standing is Reason.PLAN and decisions.statement.status == statement.PAST_DUE:
				self.status = PAST_DUE

	def show_entitlement(self) -> None:
		"""Write the record as the entitlement in force has it, without what hangs on saving a document.

		It is written by a worker of the admin site while it brings new entitlements to many: a Server Script, a mandatory
		Custom Field or a workflow of one tenant must neither stop that nor run there.
		"""
		self.follow_entitlement()
		self.set_user_and_timestamp()
		self.update_single(self.get_valid_dict())
		self.clear_cache()
