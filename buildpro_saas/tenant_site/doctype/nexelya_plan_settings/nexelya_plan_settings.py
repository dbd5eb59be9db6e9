"""What this site may use, to look at.

The signed statement in the site's folder is what counts; this record shows it.
"""

from datetime import datetime, timezone

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import convert_utc_to_system_timezone

from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements import statement
from buildpro_saas.entitlements.decision import DENYING_GRANTS, OPERATOR, Gate
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import entitlement

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
VIEW = "buildpro_saas/tenant_site/doctype/nexelya_plan_settings/nexelya_plan_settings.html"


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
		self.set_onload("features", self.features_html())

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
		gate = entitlement.load_gate()
		self.token = entitlement.stored_token()
		self.status = STATUSES.get(gate.standing, NOT_GENUINE)
		self.valid_until = gate.statement and as_system_time(gate.statement.expires)
		if gate.statement:
			self.plan_type = gate.grants.plan
			if gate.standing is Reason.PLAN and gate.statement.status == statement.PAST_DUE:
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

	def features_html(self) -> str:
		"""The catalogue's features and the plan's limits as the form shows them."""
		gate = entitlement.load_gate()
		context = {"message": self.explanation(gate)}
		if gate.statement:
			decisions = [gate[feature] for feature in gate.known_features]
			context["features"] = sorted(
				(
					{
						"key": each.feature,
						"label": catalogues.label_of(gate.catalogue, "features", each.feature),
						"is_in_plan": each.feature in gate.grants.features
						and each.reason not in DENYING_GRANTS,
						"available_in": each.required_plan,
					}
					for each in decisions
				),
				key=lambda row: (not row["is_in_plan"], row["label"].lower()),
			)
			context["limits"] = [
				{"label": frappe.unscrub(key), "value": limit.value, "is_hard": limit.is_hard}
				for key, limit in sorted(gate.limits.items())
			]
		return frappe.render_template(VIEW, context)

	def explanation(self, gate: Gate) -> str:
		contact = (gate.statement and gate.statement.contact) or OPERATOR
		if gate.standing == Reason.PLAN:
			return _("To change your plan, please ask {0}.").format(contact)
		if gate.statement is None:
			return _(
				"This site has no entitlement that counts, so no feature is available. Please ask {0}."
			).format(contact)
		return _("The entitlement is not in force as it should be: {0}. Please ask {1}.").format(
			_(self.status), contact
		)


def as_system_time(seconds: int) -> datetime:
	"""Seconds since the epoch as the naive time in the site's time zone that Frappe's Datetime fields hold."""
	utc = datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)
	return convert_utc_to_system_timezone(utc).replace(tzinfo=None)
