"""What this site may use, to look at.

The signed token is what counts; all else on this record follows from it.
"""

from datetime import datetime, timezone

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import convert_utc_to_system_timezone

from buildpro_saas.entitlements.decision import OPERATOR
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import EntitlementError, Statement
from buildpro_saas.tenant_site import entitlement

STATUSES = {
	Reason.PLAN: "Active",
	Reason.GRACE: "In grace",
	Reason.EXPIRED: "Expired",
	Reason.NOT_YET_VALID: "Not yet valid",
	Reason.SUSPENDED: "Suspended",
	Reason.NO_ENTITLEMENT: "No entitlement",
}
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
		self.keep_what_is_not_given()
		self.refuse_foreign_token()
		self.follow_entitlement()

	def on_update(self) -> None:
		entitlement.token_changed(self.token or "")

	def keep_what_is_not_given(self) -> None:
		"""Saving without a token or a company (a script's insert, an emptied field) takes neither away."""
		self.token = self.token or entitlement.stored_token()
		self.company = self.company or frappe.db.get_single_value(self.doctype, "company", cache=False)

	def refuse_foreign_token(self) -> None:
		"""Refuse a token that was not made for this site, and an older one unless the admin site sends it."""
		stored = entitlement.stored_token()
		if self.token == stored and not self.flags.from_admin_site:
			return
		try:
			statement = entitlement.verify(self.token)
			if not self.flags.from_admin_site and statement.issued_at < self.issued_at(stored):
				frappe.throw(_("This entitlement is older than the one in force. Leave the token as it is."))
		except EntitlementError as error:
			frappe.throw(
				_("{0} Leave the token as it is: only the admin site can change it.").format(str(error)),
				title=_("Token refused"),
			)

	def issued_at(self, token: str) -> int:
		try:
			return entitlement.verify(token).issued_at
		except EntitlementError:
			return 0

	def follow_entitlement(self) -> None:
		"""Set plan, status and validity from the token, whatever was typed into them."""
		statement, standing = self.read_token()
		self.status = STATUSES.get(standing, NOT_GENUINE)
		self.valid_until = statement and as_system_time(statement.expires)
		if statement:
			self.plan_type = statement.plan

	def read_token(self) -> tuple[Statement | None, Reason]:
		try:
			statement = entitlement.verify(self.token or "")
		except EntitlementError as error:
			return None, error.reason
		return statement, statement.standing()

	def features_html(self) -> str:
		"""The catalogue's features and the plan's limits as the form shows them."""
		statement, standing = self.read_token()
		context = {"message": self.explanation(statement, standing)}
		if statement:
			context["features"] = sorted(
				(
					{
						"key": feature,
						"label": statement.labels.get(feature) or feature,
						"is_in_plan": feature in statement.features,
						"available_in": statement.available_in.get(feature),
					}
					for feature in statement.known_features
				),
				key=lambda row: (not row["is_in_plan"], row["label"].lower()),
			)
			context["limits"] = [
				{"label": frappe.unscrub(key), **limit} for key, limit in sorted(statement.limits.items())
			]
		return frappe.render_template(VIEW, context)

	def explanation(self, statement: Statement | None, standing: Reason) -> str:
		contact = (statement and statement.contact) or OPERATOR
		if standing == Reason.PLAN:
			return _("To change your plan, please ask {0}.").format(contact)
		if statement is None:
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
