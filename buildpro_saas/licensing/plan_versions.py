"""A plan's versions, and what a change of a plan means for the tenants that have it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas.datetimes import local
from buildpro_saas.entitlements import plans
from buildpro_saas.entitlements.layers import Grants, compose
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.licensing.entitlement_sources import Offer, hold, tenants_following, with_rows
from buildpro_saas.licensing.stored_plans import stored_plans

EVERYONE = "Everyone now"
ONLY_NEW = "Only new tenants"
CHOICES = (EVERYONE, ONLY_NEW)
AWAY = (Reason.REVOKED, Reason.KILLED)
NAMED = 20  # tenants of a group that the preview names; the others are counted


@dataclass(frozen=True)
class Change:
	"""What editing a plan changes. before, after: all plans, as entitlements.plans.resolve takes them.

	contents: {plan: (before, after)} for each plan whose features or limits change: the edited plan, and plans that include it. Each is
	{"features", "limits"} with those of included plans. before is None for a new plan.
	"""

	before: dict[str, Mapping]
	after: dict[str, Mapping]
	contents: dict[str, tuple[dict | None, dict]]

	@property
	def concerned(self) -> list[str]:
		"""The plans that tenants may have had before."""
		return [plan for plan, (before, _) in self.contents.items() if before]


def change_of(plan: str, data: Mapping, *, is_current: bool = False) -> Change:
	"""The change of the plan from what is stored to `data` (as Plan.as_data returns it). is_current: as stored_plans takes it."""
	before = stored_plans(is_current=is_current)
	after = {**before, plan: {**before.get(plan, {}), **data}}
	pairs = {name: (_content(before, name), _content(after, name)) for name in after}
	return Change(
		before, after, {name: pair for name, pair in pairs.items() if pair[1] and pair[0] != pair[1]}
	)


def preview(plan: str, data: Mapping) -> dict:
	"""What tenants would gain and lose if everyone got the change. Tenants with the same gain and loss are one group.

	Returns {"plans": names of those that change, "count": tenants that follow one of them, now or from an agreed date on, "labels":
	{feature: label}, "groups": [{"plan", "is_later", "count", "tenants": up to 20 of {"name", "company", "from"}, "gains": features,
	"loses": features, "limits": [{"limit", "before": {"value", "is_hard"} or None for no limit, "after"}]}]}.

	A group that `is_later` has the tenants that come to the plan after a trial or by a scheduled change, the nearest dates first. Their
	"from" is the date as the tenant's record has it, such as "2027-01-31 18:00:00"; it is None for the plan that a tenant has now. A
	tenant that has one of the plans and comes to another one is in two groups.
	"""
	change = change_of(plan, data)
	before, after = Offer(change.before), Offer(change.after)
	groups: dict[str, dict] = {}
	followers = with_rows(tenants_following(change.concerned))
	for tenant in followers:
		old, new = before.layers(tenant), after.layers(tenant)
		for name, begins in tenant.follows:
			at = max(begins or 0, before.now)
			found = {
				"plan": name,
				"is_later": begins is not None,
				**_difference(compose(old, at), compose(new, at)),
			}
			group = groups.setdefault(json.dumps(found), {**found, "tenants": []})
			group["tenants"].append({"name": tenant.name, "company": tenant.company, "from": begins})
	return {
		"plans": sorted(change.contents),
		"count": len(followers),
		"labels": dict(frappe.get_all("Feature", fields=["name", "label"], as_list=True)),
		"groups": sorted(
			map(_shortened, groups.values()),
			key=lambda group: (group["plan"], group["is_later"], -group["count"]),
		),
	}


def record(change: Change, why: str, *, only_new: bool) -> None:
	"""Keep a new version of each plan that changes.

	only_new: tenants that have the plan now and follow it stay with the version before. Those that come to it later do not: they get the
	plan as it is on that day.
	"""
	for plan, (before, after) in change.contents.items():
		earlier = keep(plan, before, _("As it was before its first change")) if before else None
		keep(plan, after, why or (_("Changed") if before else _("New plan")))
		if only_new and earlier and (staying := hold(_that_have(plan))):
			_pin(staying, earlier)


def keep(plan: str, content: Mapping, why: str) -> str:
	"""Return the name of the plan's newest Plan Version. Make one first, unless the newest has this content."""
	newest = frappe.db.get_value(
		"Plan Version",
		{"plan": plan},
		["name", "version", "features", "limits"],
		order_by="version desc",
		as_dict=True,
		for_update=True,  # a plain read would miss what was committed since this transaction began
	)
	features, limits = sorted(content["features"]), content["limits"]
	if newest and (json.loads(newest.features), json.loads(newest.limits)) == (features, limits):
		return newest.name
	doc = frappe.get_doc(
		{
			"doctype": "Plan Version",
			"plan": plan,
			"version": newest.version + 1 if newest else 1,
			"why": why,
			"features": json.dumps(features, indent=1),
			"limits": json.dumps(limits, indent=1, sort_keys=True),
		}
	)
	return doc.insert(ignore_permissions=True).name


def _pin(tenants: list[str], version: str) -> None:
	"""Have the tenants, whose rows are held, keep the version. Two statements: a thousand documents would be saved for a minute."""
	frappe.db.set_value("Tenant", {"name": ("in", tenants)}, "plan_version", version)
	text = _("keeps {0}: the plan was changed for new tenants only").format(frappe.utils.escape_html(version))
	user, time = frappe.session.user, now_datetime()
	rows = (
		(frappe.generate_hash(length=10), time, time, user, user, "Info", user, "Tenant", tenant, text)
		for tenant in tenants
	)
	fields = ("name", "creation", "modified", "owner", "modified_by", "comment_type", "comment_email")
	frappe.db.bulk_insert("Comment", [*fields, "reference_doctype", "reference_name", "content"], list(rows))


def _that_have(plan: str) -> list[frappe._dict]:
	return [tenant for tenant in tenants_following([plan]) if (plan, None) in tenant.follows]


def _content(stored: Mapping[str, Mapping], plan: str) -> dict | None:
	"""Features and limits; None for a plan that cannot be resolved: it, or one that it includes, does not exist, or includes itself."""
	try:
		resolved = plans.resolve(stored, plan)
	except plans.PlanError:
		return None
	return {key: resolved[key] for key in ("features", "limits")}


def _shortened(group: dict) -> dict:
	# those of the same date stay in the order of their names
	tenants = sorted(group["tenants"], key=lambda tenant: tenant["from"] or 0)
	named = [
		{**tenant, "from": str(local(tenant["from"])) if group["is_later"] else None}
		for tenant in tenants[:NAMED]
	]
	return {**group, "count": len(tenants), "tenants": named}


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
