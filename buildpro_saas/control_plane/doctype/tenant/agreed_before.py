"""What was agreed with a tenant, read back from the layers of its statement, because its record is lost."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas.datetimes import local
from buildpro_saas.entitlements import terms
from buildpro_saas.licensing.entitlement_sources import Offer
from buildpro_saas.refusal import refuse, shown


@dataclass
class Agreed:
	"""Fields and rows for a Tenant, and notes (HTML) on what could not be taken over."""

	fields: dict = field(default_factory=dict)
	notes: list[str] = field(default_factory=list)

	@classmethod
	def of(cls, layers: Mapping, at: float, plan: str | None) -> "Agreed":
		"""What the layers say as of the moment `at` (epoch seconds).

		plan: use this plan instead of theirs, with no later change agreed. Raises frappe.ValidationError where their plan is not on record.
		"""
		agreed = cls()
		agreed._take_plans(layers["plans"], at, plan)
		agreed.fields["addons"] = list(agreed._addons(terms.without_ended(layers.get("addons") or (), at)))
		agreed.fields["overrides"] = list(
			agreed._overrides(terms.without_ended(layers.get("overrides") or (), at))
		)
		return agreed

	def _note(self, sentence: str, *values: object) -> None:
		self.notes.append(sentence.format(*map(shown, values)))

	def _take_plans(self, plans: list[Mapping], at: float, plan: str | None) -> None:
		if plan:
			self.fields["plan"] = plan
			return
		try:
			found = terms.of_layers(plans, at)
		except ValueError:
			refuse(
				_("The statement has no plan that is in force or to come: name one with --plan."),
				title=_("Plan"),
			)
		if not frappe.db.exists("Plan", found.plan):
			refuse(
				_(
					"The statement names the plan {0}, which is not on record: make it again, or name another one with --plan."
				),
				found.plan,
				title=_("Plan"),
			)
		self.fields["plan"] = found.plan
		of_plan = [each for each in terms.without_ended(plans, at) if each["plan"] == found.plan]
		self._take_version(found.plan, min(of_plan, key=lambda each: each.get("from") or 0))
		for later, date, fields in (
			(found.after_trial, found.trial_until, ("plan_after_trial", "trial_ends_on")),
			(found.next_plan, found.next_from, ("next_plan", "next_plan_on")),
		):
			if later and frappe.db.exists("Plan", later):
				self.fields.update(zip(fields, (later, local(date)), strict=True))
			elif later:
				self._note(
					_("From {0} on the plan was to be {1}, which is not on record: agree it anew."),
					local(date),
					later,
				)

	def _take_version(self, plan: str, layer: Mapping) -> None:
		"""Keep the version of the plan that the statement has, where the plan has changed since."""
		wanted = sorted(layer["features"]), layer["limits"]
		now = Offer().resolved(plan)
		if (now["features"], now["limits"]) == wanted:
			return
		rows = frappe.get_all(
			"Plan Version", {"plan": plan}, ["name", "features", "limits"], order_by="version desc"
		)
		for row in rows:
			if (sorted(json.loads(row.features)), json.loads(row.limits)) == wanted:
				self.fields["plan_version"] = row.name
				return
		self._note(
			_("The site had another content of the plan {0} than is on record: it now follows the record's."),
			plan,
		)

	def _addons(self, entries: Iterable[Mapping]) -> Iterable[dict]:
		known = Offer().addons
		for entry in entries:
			if entry["addon"] not in known:
				self._note(_("The add-on {0} is not on record: make it, and agree it anew."), entry["addon"])
				continue
			_features, increments = known[entry["addon"]]
			key = next((key for key in entry["limits"] if increments.get(key)), None)
			quantity = max(entry["limits"][key] // increments[key], 1) if key else 1
			yield {"addon": entry["addon"], "quantity": quantity, **_agreed_then(entry)}

	def _overrides(self, entries: Iterable[Mapping]) -> Iterable[dict]:
		for entry in entries:
			if "limit" in entry:
				limit = {
					"limit_key": entry["limit"],
					"value": entry["value"],
					"is_hard": int(bool(entry["is_hard"])),
				}
				yield {"kind": "Limit", **limit, **_agreed_then(entry)}
			elif frappe.db.exists("Feature", entry["feature"]):
				access = "Grant" if entry["is_granted"] else "Revoke"
				yield {
					"kind": "Feature",
					"feature": entry["feature"],
					"access": access,
					**_agreed_then(entry),
				}
			else:
				self._note(
					_("The override of {0} is left out: there is no such feature on record."),
					entry["feature"],
				)


def _agreed_then(entry: Mapping) -> dict:
	"""The dates and the reason. Nobody knows any more who granted it: the person who adopts the tenant answers for it."""
	begins, until = entry.get("from"), entry.get("until")
	return {
		"starts_on": begins and local(begins),
		"ends_on": until and local(until),
		"reason": _("As its site's statement had it when the tenant was adopted"),
		"granted_by": frappe.session.user,
		"granted_on": now_datetime(),
	}
