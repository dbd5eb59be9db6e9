"""A plan's versions, and what a change of a plan means for the tenants that have it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas.control_plane.offer import Offer, hold, tenants_following
from buildpro_saas.control_plane.stored_plans import stored_plans
from buildpro_saas.entitlements import plans
from buildpro_saas.entitlements.layers import Grants, compose
from buildpro_saas.entitlements.reason import Reason

EVERYONE = "Everyone now"
ONLY_NEW = "Only new tenants"
CHOICES = (EVERYONE, ONLY_NEW)
AWAY = (Reason.REVOKED, Reason.KILLED)
NAMED = 20  # tenants of a group that the preview names; the others are counted


@dataclass(frozen=True)
class Change:
	"""What editing a plan comes to. before, after: all plans, as entitlements.plans.resolve takes them.

	contents: {plan: (before, after)} of each plan whose features or limits, with what it includes, become others; the edited
	plan and those that include it. Each is {"features", "limits"}; before is None for a new plan.
	"""

	before: dict[str, Mapping]
	after: dict[str, Mapping]
	contents: dict[str, tuple[dict | None, dict]]

	@property
	def concerned(self) -> list[str]:
		"""The plans that tenants may have had before."""
		return [plan for plan, (before, _) in self.contents.items() if before]


def change_of(plan: str, data: Mapping) -> Change:
	"""The change of the plan from what is stored to `data`, as Plan.as_data has it."""
	before = stored_plans()
	after = {**before, plan: {**before.get(plan, {}), **data}}
	pairs = {name: (_content(before, name), _content(after, name)) for name in after}
	return Change(
		before, after, {name: pair for name, pair in pairs.items() if pair[1] and pair[0] != pair[1]}
	)


def preview(plan: str, data: Mapping) -> dict:
	"""What tenants gain and lose by the change, were it for everyone; those with the same gain and loss are one group.

	Returns {"plans": names of those that change, "count": tenants that follow one of them, "labels": {feature: label}, "groups":
	[{"plan", "count", "tenants": up to 20 of {"name", "company"}, "gains": features, "loses": features, "limits": [{"limit",
	"before": {"value", "is_hard"} or None for no limit, "after"}]}]}.
	"""
	change = change_of(plan, data)
	before, after = Offer(change.before), Offer(change.after)
	groups: dict[str, dict] = {}
	followers = tenants_following(change.concerned)
	for tenant in followers:
		old, new = (compose(offer.layers(tenant), before.now) for offer in (before, after))
		found = {"plan": tenant.plan, **_difference(old, new)}
		group = groups.setdefault(json.dumps(found), {**found, "count": 0, "tenants": []})
		group["count"] += 1
		if group["count"] <= NAMED:
			group["tenants"].append({"name": tenant.name, "company": tenant.company})
	return {
		"plans": sorted(change.contents),
		"count": len(followers),
		"labels": dict(frappe.get_all("Feature", fields=["name", "label"], as_list=True)),
		"groups": sorted(groups.values(), key=lambda group: (group["plan"], -group["count"])),
	}


def record(change: Change, why: str, *, only_new: bool) -> None:
	"""Keep a new version of each plan that changes; with `only_new` the tenants that follow it stay with the version before."""
	for plan, (before, after) in change.contents.items():
		earlier = keep(plan, before, _("As it was before its first change")) if before else None
		keep(plan, after, why or (_("Changed") if before else _("New plan")))
		if only_new and earlier and (followers := hold(tenants_following([plan]))):
			_pin(followers, earlier)


def keep(plan: str, content: Mapping, why: str) -> str:
	"""The name of the plan's newest Plan Version; made first, unless the newest one has this content."""
	newest = frappe.get_all(
		"Plan Version",
		{"plan": plan},
		["name", "version", "features", "limits"],
		order_by="version desc",
		limit=1,
	)
	features, limits = sorted(content["features"]), content["limits"]
	if newest and (json.loads(newest[0].features), json.loads(newest[0].limits)) == (features, limits):
		return newest[0].name
	doc = frappe.get_doc(
		{
			"doctype": "Plan Version",
			"plan": plan,
			"version": newest[0].version + 1 if newest else 1,
			"why": why,
			"features": json.dumps(features, indent=1),
			"limits": json.dumps(limits, indent=1, sort_keys=True),
		}
	)
	return doc.insert(ignore_permissions=True).name


def _pin(tenants: list[str], version: str) -> None:
	"""In two statements for any number of tenants, whose rows are held: a thousand documents would be saved for a minute."""
	frappe.db.set_value("Tenant", {"name": ("in", tenants)}, "plan_version", version)
	text = _("keeps {0}: the plan was changed for new tenants only").format(frappe.utils.escape_html(version))
	user, time = frappe.session.user, now_datetime()
	rows = (
		(frappe.generate_hash(length=10), time, time, user, user, "Info", user, "Tenant", tenant, text)
		for tenant in tenants
	)
	fields = ("name", "creation", "modified", "owner", "modified_by", "comment_type", "comment_email")
	frappe.db.bulk_insert("Comment", [*fields, "reference_doctype", "reference_name", "content"], list(rows))


def _content(stored: Mapping[str, Mapping], plan: str) -> dict | None:
	"""Features and limits; None for a plan that cannot be resolved, since it is not there or names one that is not."""
	try:
		resolved = plans.resolve(stored, plan)
	except plans.PlanError:
		return None
	return {key: resolved[key] for key in ("features", "limits")}


def _difference(old: Grants, new: Grants) -> dict:
	had, has = (
		{key for key, grant in each.features.items() if grant.reason not in AWAY} for each in (old, new)
	)
	limits = [
		{"limit": key, "before": _limit(old, key), "after": _limit(new, key)}
		for key in sorted({*old.limits, *new.limits})
		if _limit(old, key) != _limit(new, key)
	]
	return {"gains": sorted(has - had), "loses": sorted(had - has), "limits": limits}


def _limit(grants: Grants, key: str) -> dict | None:
	limit = grants.limits.get(key)
	return limit and {"value": limit.value, "is_hard": limit.is_hard}
