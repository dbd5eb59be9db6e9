import re

import frappe
from frappe import _
from frappe.model.document import Document

from buildpro_saas.control_plane.refusal import refuse
from buildpro_saas.entitlements import plans

LIMIT_KEY = re.compile(r"[a-z][a-z0-9_]{0,60}")
APP = re.compile(r"[a-z][a-z0-9_]{0,60}")  # the name of a Python package, as bench wants it


class Plan(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.plan_app.plan_app import PlanApp
		from buildpro_saas.control_plane.doctype.plan_feature.plan_feature import PlanFeature
		from buildpro_saas.control_plane.doctype.plan_limit.plan_limit import PlanLimit

		apps: DF.Table[PlanApp]
		billing_period: DF.Literal["Monthly", "Yearly"]
		currency: DF.Link | None
		description: DF.SmallText | None
		features: DF.Table[PlanFeature]
		includes: DF.Link | None
		is_active: DF.Check
		limits: DF.Table[PlanLimit]
		plan_name: DF.Data
		price: DF.Currency
		rank: DF.Int
	# end: auto-generated types

	def onload(self) -> None:
		"""Show in the form what the plan gives once the included plans are counted in."""
		try:
			self.set_onload("resolved", self.resolved())
		except plans.PlanError as error:
			frappe.msgprint(frappe.utils.escape_html(str(error)), title=_("Included plan"), indicator="red")

	def validate(self) -> None:
		"""Refuse what could not be resolved or counted later: loops, a row twice, names that are none."""
		self._check_rows()
		self._check_loop()

	def resolved(self) -> dict:
		"""The plan with everything that it gets from the plans that it includes.

		Returns {"plan": name, "features": sorted list, "limits": {key: {"value": int, "is_hard": bool}}, "apps": list in
		the order of installation}. Raises entitlements.plans.PlanError when an included plan is missing or in a loop.
		"""
		return plans.resolve({**stored_plans(), self.name: self.as_data()}, self.name)

	def as_data(self) -> dict:
		"""What the plan itself says, as entitlements.plans.resolve takes it."""
		return {
			"includes": self.includes or None,
			"features": [row.feature for row in self.features],
			"limits": {
				row.limit_key: {"value": row.value or 0, "is_hard": bool(row.is_hard)} for row in self.limits
			},
			"apps": [row.app for row in self.apps],
		}

	def _check_rows(self) -> None:
		for row in self.limits:
			row.limit_key = _name(row.limit_key, LIMIT_KEY, _("limit"))
		for row in self.apps:
			row.app = _name(row.app, APP, _("app"))
		for rows, field in ((self.features, "feature"), (self.limits, "limit_key"), (self.apps, "app")):
			seen = set()
			for row in rows:
				if row.get(field) in seen:
					refuse(_("{0} is in the plan twice: take one of the two rows out."), row.get(field))
				seen.add(row.get(field))

	def _check_loop(self) -> None:
		try:
			self.resolved()
		except plans.PlanError as error:
			refuse("{0}", error, title=_("Included plan"))


def stored_plans() -> dict[str, dict]:
	"""All plans by name, as entitlements.plans.resolve takes them, with "rank" and "is_active"."""
	found = {
		plan.name: {**plan, "features": [], "limits": {}, "apps": []}
		for plan in frappe.get_all("Plan", fields=["name", "includes", "rank", "is_active"])
	}
	for row in _rows("Plan Feature", "feature"):
		found[row.parent]["features"].append(row.feature)
	for row in _rows("Plan Limit", "limit_key", "value", "is_hard"):
		found[row.parent]["limits"][row.limit_key] = {"value": row.value, "is_hard": bool(row.is_hard)}
	for row in _rows("Plan App", "app"):
		found[row.parent]["apps"].append(row.app)
	return found


def available_in() -> dict[str, str | None]:
	"""For each feature of the catalogue, the lowest-ranked active plan that has it, or None when none has."""
	stored = stored_plans()
	offered = sorted(
		(plan for plan in stored.values() if plan["is_active"]), key=lambda plan: (plan["rank"], plan["name"])
	)
	found: dict[str, str | None] = dict.fromkeys(frappe.get_all("Feature", pluck="name"))
	for plan in offered:
		for feature in plans.resolve(stored, plan["name"])["features"]:
			if found.get(feature) is None:
				found[feature] = plan["name"]
	return found


def _rows(doctype: str, *fields: str) -> list:
	return frappe.get_all(doctype, {"parenttype": "Plan"}, ["parent", *fields], order_by="parent, idx")


def _name(value: str | None, pattern: re.Pattern, what: str) -> str:
	name = (value or "").strip().lower()
	if not pattern.fullmatch(name):
		refuse(
			_("{0} cannot be the name of a plan's {1}: use small letters, digits and underscores."),
			name or "''",
			what,
		)
	return name
