import frappe
from frappe import _
from frappe.utils import cint

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.control_plane.access.row_checks import check_name, check_number, check_once
from buildpro_saas.control_plane.doctype.plan import apps, draft_rows
from buildpro_saas.domains import publishing
from buildpro_saas.entitlements import plans
from buildpro_saas.licensing import delivery, plan_versions
from buildpro_saas.licensing.entitlement_sources import tenants_following
from buildpro_saas.licensing.stored_plans import hold, stored_plans
from buildpro_saas.refusal import refuse


class Plan(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.plan_app.plan_app import PlanApp
		from buildpro_saas.control_plane.doctype.plan_feature.plan_feature import PlanFeature
		from buildpro_saas.control_plane.doctype.plan_limit.plan_limit import PlanLimit

		apply_changes_to: DF.Literal["", "Everyone now", "Only new tenants"]
		apps: DF.Table[PlanApp]
		backups_per_day: DF.Int
		billing_period: DF.Literal["Monthly", "Yearly"]
		change_reason: DF.SmallText | None
		currency: DF.Link | None
		description: DF.SmallText | None
		features: DF.Table[PlanFeature]
		includes: DF.Link | None
		is_active: DF.Check
		keep_daily: DF.Int
		keep_monthly: DF.Int
		keep_weekly: DF.Int
		limits: DF.Table[PlanLimit]
		plan_name: DF.Data
		price: DF.Currency
		rank: DF.Int
		recover_hours: DF.Int
	# end: auto-generated types

	def load_from_db(self) -> "Plan":
		"""Read the plan. If it is read to be changed (REST), lock all plans first."""
		if self.flags.for_update:
			hold()
		return super().load_from_db()

	def check_if_latest(self) -> None:
		"""Lock all plans before this one's row is locked: what is checked from here on stays true until the commit."""
		hold()
		super().check_if_latest()

	def onload(self) -> None:
		"""Show in the form what the plan gives once the included plans are counted in."""
		try:
			self.set_onload("resolved", self.resolved())
		except plans.PlanError as error:
			frappe.msgprint(frappe.utils.escape_html(str(error)), title=_("Included plan"), indicator="red")

	def validate(self) -> None:
		"""Refuse what could not be resolved or counted later: loops, a row twice, names that cannot be names."""
		self._check_rows()
		self._check_loop(is_current=True)
		if not self.flags.is_shipped:
			apps.check_there(self)
		self._take_choice()

	def on_trash(self) -> None:
		"""Refuse to delete a plan that another plan includes by now. Frappe's own check sees only an older state of the records."""
		hold()
		if others := [
			name for name, plan in stored_plans(is_current=True).items() if plan["includes"] == self.name
		]:
			refuse(
				_("The plan {0} is included in {1}: change that first."),
				self.name,
				", ".join(others),
				title=_("Included plan"),
				error=frappe.LinkExistsError,
			)

	def on_update(self) -> None:
		"""Keep the new version, and tell the tenants' sites what they have now, or which plan has what they lack."""
		change, choice, why = self.flags.pop("change", None) or (None, None, None)
		if change and change.contents:
			plan_versions.record(change, why, only_new=choice == plan_versions.ONLY_NEW)
			publishing.want_all()  # its limits of requests and uploads are the proxies' to keep
		is_listed_anew = self.has_value_changed("rank") or self.has_value_changed("is_active")
		if is_listed_anew or (change and change.contents):
			delivery.send(None, _("plan {0}").format(self.name))

	def after_delete(self) -> None:
		"""Tell the tenants' sites: a refusal must not name the plan any more."""
		delivery.send(None, _("plan {0}").format(self.name))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def preview_changes(self, features: list | str, limits: list | str, includes: str | None = None) -> dict:
		"""Who gains and loses what if the plan is saved with these rows, as plan_versions.preview returns it; for SaaS Manager.

		features: rows as the document has them, or names. limits: rows, {"limit_key", "value", "is_hard"} each; a value that is left out becomes
		what saving would make of it. Both as lists or as JSON. Raises frappe.ValidationError for what could not be saved.
		"""
		staff.only_for_manager()
		# what is stored, not what the browser says that it is
		draft = frappe.get_doc("Plan", self.name)
		draft.check_permission("write")
		draft.includes = includes or None
		draft.set("features", draft_rows.features(features))
		draft.set("limits", draft_rows.limits(limits))
		draft._check_rows()
		for row in draft.limits:
			row._validate_non_negative()
		draft._check_loop()
		return plan_versions.preview(draft.name, draft.as_data())

	def resolved(self, *, is_current: bool = False) -> dict:
		"""The plan with everything that it gets from the plans that it includes.

		Returns {"plan": name, "features": sorted list, "limits": {key: {"value": int, "is_hard": bool}}, "apps": list in
		the order of installation}. is_current: as stored_plans has it. Raises entitlements.plans.PlanError when an included plan is
		missing or in a loop.
		"""
		return plans.resolve({**stored_plans(is_current=is_current), self.name: self.as_data()}, self.name)

	def as_data(self) -> dict:
		"""What the plan itself says, as entitlements.plans.resolve takes it."""
		return {
			"includes": self.includes or None,
			"features": [row.feature for row in self.features],
			"limits": {
				# a program may send numbers as text, which the database makes numbers of
				row.limit_key: {"value": cint(row.value), "is_hard": bool(cint(row.is_hard))}
				for row in self.limits
			},
			"apps": [row.app for row in self.apps],
		}

	def _check_rows(self) -> None:
		for row in self.limits:
			row.fill_defaults()
			row.limit_key = check_name(row.limit_key, _("limit"))
			row.value = check_number(row.value, 0, _("The limit {0}").format(row.limit_key))
		for row in self.apps:
			row.app = check_name(row.app, _("app"))
		for rows, field in ((self.features, "feature"), (self.limits, "limit_key"), (self.apps, "app")):
			check_once(rows, field, _("the plan"))

	def _take_choice(self) -> None:
		"""Take the choice about present tenants off the document, which does not store it.

		Refuse a change that needs a choice and comes without one.
		"""
		choice, why = self.apply_changes_to or None, (self.change_reason or "").strip()
		self.apply_changes_to = self.change_reason = None
		change = plan_versions.change_of(self.name, self.as_data(), is_current=True)
		followers = len(tenants_following(change.concerned)) if change.concerned else 0
		if followers and choice not in plan_versions.CHOICES:
			refuse(
				_(
					"The number of tenants that the change concerns is {0}: set Apply Changes To (apply_changes_to) to {1}, or to {2}."
				),
				followers,
				*plan_versions.CHOICES,
				title=_("Who gets the change?"),
			)
		self.flags.change = (change, choice, why)

	def _check_loop(self, *, is_current: bool = False) -> None:
		try:
			self.resolved(is_current=is_current)
		except plans.PlanError as error:
			refuse("{0}", error, title=_("Included plan"))
