"""The page "Your Plan" for the site's System Manager: features, limits and what is in use, dates, uses of the last days."""

from datetime import datetime, timezone

import frappe
from frappe import _
from frappe.utils import convert_utc_to_system_timezone, formatdate

from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements.decision import DENYING_GRANTS, Decisions
from buildpro_saas.entitlements.layers import Grant, Limit
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.wording import OPERATOR, readable_number
from buildpro_saas.tenant_site import clock, declared_limits, limit_usage, usage

VIEW = "buildpro_saas/tenant_site/doctype/nexelya_plan_settings/nexelya_plan_settings.html"
DAYS = 30
# From this part of a limit on, its bar warns.
NEARLY = 0.8


def render(decisions: Decisions, status: str) -> str:
	"""The page as HTML; the template escapes every name. status: the standing as Nexelya Plan Settings calls it."""
	context = {
		"message": explanation(decisions, status),
		"status": _(status),
		"colour": _colour(decisions),
		"days": DAYS,
	}
	if decisions.statement:
		context |= {
			"plan": decisions.grants.plan,
			"dates": _dates(decisions),
			"features": _features(decisions),
			"limits": [_limit(decisions, key, limit) for key, limit in sorted(decisions.limits.items())],
		}
		context["next_plans"] = _next_plans(decisions, context["features"])
	return frappe.render_template(VIEW, context)


def explanation(decisions: Decisions, status: str) -> str:
	"""What to do about it, and whom to ask."""
	contact = (decisions.statement and decisions.statement.contact) or OPERATOR
	if decisions.standing == Reason.PLAN:
		return _("To change your plan, please ask {0}.").format(contact)
	if decisions.statement is None:
		return _(
			"This site has no entitlement that counts, so no feature is available. Please ask {0}."
		).format(contact)
	text = _("The entitlement is not in force as it should be: {0}. Please ask {1}.")
	return text.format(_(status), contact) + clock.remark(decisions)


def as_system_time(seconds: int) -> datetime:
	"""Seconds since the epoch as the naive time in the site's time zone that Frappe's Datetime fields hold."""
	utc = datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)
	return convert_utc_to_system_timezone(utc).replace(tzinfo=None)


def _colour(decisions: Decisions) -> str:
	if not decisions.is_in_force:
		return "red"
	return (
		"green" if decisions.standing is Reason.PLAN and decisions.statement.status == "Active" else "orange"
	)


def _dates(decisions: Decisions) -> list[str]:
	"""Sentences on what begins and ends when."""
	grants, statement = decisions.grants, decisions.statement
	found = []
	if grants.plan_until:
		when = _when(grants.plan_until)
		following = statement.grants(grants.plan_until).plan
		sentence = _("You are trying out {0} until {1}") if grants.is_trial else _("{0} holds until {1}")
		found.append(
			sentence.format(grants.plan, when) + (_(", then {0}").format(following) if following else "")
		)
	found.append(_("Confirmed until {0}").format(_when(statement.expires)))
	if decisions.standing is Reason.GRACE:
		found.append(_("Grace until {0}").format(_when(statement.grace_until)))
	return found


def _when(seconds: int) -> str:
	return formatdate(as_system_time(seconds))


def _features(decisions: Decisions) -> list[dict]:
	"""A row for each feature of the catalogue, the tenant's own first: where it comes from, and how often it was used."""
	uses = usage.recent(DAYS)
	rows = []
	for key in decisions.known_features:
		grant = decisions.grants.features.get(key)
		available_in = decisions[key].required_plan
		if available_in == decisions.grants.plan:
			available_in = None  # their own plan has it, but in another version than theirs
		is_had = grant is not None and grant.reason not in DENYING_GRANTS
		text, colour = _state(grant, decisions[key].reason, available_in)
		rows.append(
			{
				"key": key,
				"label": catalogues.label_of(decisions.catalogue, "features", key),
				"is_had": is_had,
				"available_in": None if is_had or grant else available_in,
				"state": text,
				"colour": colour,
				"allowed": uses.get(key, {}).get(usage.ALLOWED, 0) + uses.get(key, {}).get(usage.SHADOW, 0),
				"denied": uses.get(key, {}).get(usage.DENIED, 0),
			}
		)
	return sorted(rows, key=lambda row: (not row["is_had"], row["available_in"] or "", row["label"].lower()))


def _state(grant: Grant | None, reason: Reason, available_in: str | None) -> tuple[str, str]:
	"""What the pill beside a feature says, and its colour."""
	if reason is Reason.SHADOW:
		return _("Available for the time being"), "orange"
	if grant is None:
		return (_("Available in {0}").format(available_in) if available_in else _("No")), "gray"
	return {
		Reason.PLAN: (_("In your plan"), "green"),
		Reason.TRIAL: (_("On trial"), "blue"),
		Reason.ADDON: (_("Add-on {0}").format(grant.source), "green"),
		Reason.OVERRIDE: (_("Granted to you"), "green"),
		Reason.REVOKED: (_("Not available at present"), "red"),
		Reason.KILLED: (_("Switched off for everybody"), "red"),
	}[grant.reason]


def _next_plans(decisions: Decisions, features: list[dict]) -> list[dict]:
	"""What each higher plan adds, in features and limits: {"plan", "adds": a list in words}."""
	offers = {offer["plan"]: offer["limits"] for offer in decisions.catalogue.get("plans") or ()}
	above = list(offers)
	if decisions.grants.plan in offers:
		above = above[above.index(decisions.grants.plan) + 1 :]
	found: dict[str, list[str]] = {plan: [] for plan in above}
	for feature in features:
		if feature["available_in"]:
			found.setdefault(feature["available_in"], []).append(feature["label"])
	for plan in above if decisions.grants.plan in offers else ():
		found[plan] += _higher_limits(decisions, offers[plan])
	return [{"plan": plan, "adds": ", ".join(adds)} for plan, adds in found.items() if adds]


def _higher_limits(decisions: Decisions, offered: dict[str, int]) -> list[str]:
	found = []
	for key, limit in sorted(decisions.limits.items()):
		label = _limit_label(decisions, key)
		if key not in offered:
			if key in declared_limits.ONLY_GRANTED:
				continue
			found.append(_("{0}: without limit").format(label))
		elif offered[key] > limit.value:
			found.append(
				_("{0}: {1} instead of {2}").format(label, offered[key], readable_number(limit.value))
			)
	return found


def _limit_label(decisions: Decisions, key: str) -> str:
	return catalogues.label_of(decisions.catalogue, "limits", key, declared_limits.label_of(key))


def _limit(decisions: Decisions, key: str, limit: Limit) -> dict:
	"""A limit's row: "12 of 10", how long its bar is (per cent), and its colour. Without a measure: its value alone."""
	declared = declared_limits.declared().get(key)
	is_measured = declared is not None and declared.is_measurable()
	used = limit_usage.in_use(declared) if is_measured else 0
	part = used / limit.value if limit.value else float(used > 0)
	return {
		"key": key,
		"label": _limit_label(decisions, key),
		"kind": _("Hard: more is refused") if limit.is_hard else _("Soft: more is noted"),
		"text": _shown(used, limit, declared.unit) if is_measured else readable_number(limit.value),
		"is_measured": is_measured,
		"is_over": used > limit.value,
		"percent": min(round(part * 100), 100),
		"colour": "danger" if used > limit.value else "warning" if part >= NEARLY else "success",
	}


def _shown(used: float, limit: Limit, unit: str) -> str:
	"""Such as "12 of 10", "0.2 of 5 GB, agreed with you", "3, none is allowed"."""
	parts = (readable_number(used), readable_number(limit.value))
	text = _("{0} of {1}").format(*parts) if limit.value else _("{0}, none is allowed").format(parts[0])
	if unit and limit.value:
		text = f"{text} {_(unit)}"
	set_by = {
		Reason.TRIAL: _("on trial"),
		Reason.ADDON: _("with {0}").format(limit.source),
		Reason.OVERRIDE: _("agreed with you"),
	}.get(limit.reason)
	return f"{text}, {set_by}" if set_by else text
