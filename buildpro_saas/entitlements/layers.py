"""What one tenant may use at a moment: its plan, add-ons and overrides, less what is switched off. Pure, plain data.

`layers` is a dict that JSON can hold:

    {"plans": [{"plan": "Growth", "is_trial": False, "features": ["rfi"],
                "limits": {"max_users": {"value": 50, "is_hard": True}}, "from": None, "until": None}],
     "addons": [{"addon": "Ten users", "features": [], "limits": {"max_users": 10}, "from": None, "until": None}],
     "overrides": [{"feature": "bim", "is_granted": True, "from": None, "until": None},
                   {"limit": "max_users", "value": 80, "is_hard": True, "from": None, "until": None}],
     "killed": [{"feature": "photos", "from": None, "until": None}],
     "shadow": ["drawings"]}

Each key may be missing. `from` (inclusive) and `until` (exclusive) are seconds since the epoch, UTC; None is without bound. The
order of the entries within a list does not matter.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from buildpro_saas.entitlements.reason import Reason

KINDS = ("plans", "addons", "overrides", "killed")
# The highest number that is agreed on or counted: what an Int field holds, and readable. A higher one is taken for this.
MOST = 10**9


@dataclass(frozen=True, slots=True)
class Grant:
	"""Why a feature may be used or not: PLAN, TRIAL, ADDON, OVERRIDE, REVOKED or KILLED; `source` is the plan's or add-on's name."""

	reason: Reason
	source: str | None
	until: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
	"""A limit in force: how much, whether it refuses (hard) or only warns, and the layer that decided."""

	value: int
	is_hard: bool
	reason: Reason
	source: str | None


@dataclass(frozen=True)
class Grants:
	"""What the layers come to at one moment; `until` is when they next change (seconds since the epoch), None for never."""

	plan: str | None
	is_trial: bool
	plan_until: int | None
	features: dict[str, Grant] = field(default_factory=dict)
	limits: dict[str, Limit] = field(default_factory=dict)
	until: int | None = None


def single_plan(plan: str, features=(), limits: Mapping | None = None) -> dict:
	"""The layers of a tenant with nothing but a plan."""
	return {"plans": [plan_layer(plan, features, limits)]}


def plan_layer(
	plan: str,
	features=(),
	limits: Mapping | None = None,
	*,
	is_trial: bool = False,
	begins: int | None = None,
	until: int | None = None,
) -> dict:
	"""One entry of layers["plans"]."""
	return {
		"plan": plan,
		"is_trial": is_trial,
		"features": sorted(features),
		"limits": {
			key: {"value": int(limit["value"]), "is_hard": bool(limit["is_hard"])}
			for key, limit in (limits or {}).items()
		},
		"from": begins,
		"until": until,
	}


def check(layers: Mapping) -> None:
	"""Raise ValueError unless `layers` has the shape of this module, so that compose cannot stumble."""
	if not isinstance(layers, Mapping) or not layers.get("plans"):
		raise ValueError("the layers have no plan")
	for kind in KINDS:
		for entry in layers.get(kind) or ():
			if not all(isinstance(entry.get(edge), int | None) for edge in ("from", "until")):
				raise ValueError(f"a date in {kind} is no number of seconds")
	try:
		everything = {kind: _longest_first(layers.get(kind) or ()) for kind in KINDS}
		_features(everything)
		_limits(everything)
	except (KeyError, TypeError, AttributeError) as error:
		raise ValueError(f"the layers cannot be read: {error!r}")


def is_active(entry: Mapping, at: float) -> bool:
	"""Whether the entry's dates include the moment."""
	begins, until = entry.get("from"), entry.get("until")
	return (begins is None or begins <= at) and (until is None or at < until)


def compose(layers: Mapping, at: float) -> Grants:
	"""What the layers come to at the moment `at` (seconds since the epoch).

	Features: plan, add-ons and granted overrides add; a revoking override takes away, whatever grants; a kill switch takes away
	last. Limits: the highest of the plans' values plus the add-ons' increments, unless overrides say otherwise (of several the
	highest; of equal ones the soft one). A limit that nothing names is none.
	"""
	active = {
		kind: _longest_first(entry for entry in layers.get(kind) or () if is_active(entry, at))
		for kind in KINDS
	}
	plan = _plan_in_force(active["plans"])
	return Grants(
		plan=plan and plan["plan"],
		is_trial=bool(plan and plan.get("is_trial")),
		plan_until=plan and plan.get("until"),
		features=_features(active),
		limits=_limits(active),
		until=next_moment(layers, at),
	)


def moments(layers: Mapping) -> Iterator[int]:
	"""Every moment at which a layer begins or ends."""
	for kind in KINDS:
		for entry in layers.get(kind) or ():
			yield from (entry[edge] for edge in ("from", "until") if entry.get(edge) is not None)


def next_moment(layers: Mapping, at: float) -> int | None:
	"""When, after the moment `at`, a layer begins or ends next; None for never."""
	return min((moment for moment in moments(layers) if moment > at), default=None)


def _plan_in_force(plans: list[Mapping]) -> Mapping | None:
	"""The plan that is active. Of several, which is a mistake of staff's, the one with most features; then by name, and no trial first."""
	return max(
		plans,
		key=lambda each: (len(each["features"]), each["plan"], not each.get("is_trial")),
		default=None,
	)


def _features(active: Mapping[str, list]) -> dict[str, Grant]:
	"""Where several entries of a kind name a feature, the first one counts. It is the one that lasts longest."""
	found: dict[str, Grant] = {}
	for plan in sorted(active["plans"], key=lambda each: bool(each.get("is_trial"))):
		reason = Reason.TRIAL if plan.get("is_trial") else Reason.PLAN
		by_plan = Grant(reason, plan["plan"], plan.get("until"))  # one object for hundreds of features
		for feature in plan["features"]:
			found.setdefault(feature, by_plan)
	for addon in active["addons"]:
		by_addon = Grant(Reason.ADDON, addon["addon"], addon.get("until"))
		for feature in addon.get("features") or ():
			found.setdefault(feature, by_addon)
	decided: dict[str, Grant] = {}
	overrides = [each for each in active["overrides"] if each.get("feature")]
	for entries, reason in (
		(active["killed"], Reason.KILLED),
		([each for each in overrides if not each["is_granted"]], Reason.REVOKED),
	):
		for entry in entries:
			decided.setdefault(entry["feature"], Grant(reason, None, entry.get("until")))
	for override in overrides:
		if override["is_granted"]:
			found.setdefault(override["feature"], Grant(Reason.OVERRIDE, None, override.get("until")))
	return found | decided


def _longest_first(entries: Iterable[Mapping]) -> list[Mapping]:
	"""The entries, the longest first. The order in which they are given makes no difference."""
	return sorted(
		entries,
		key=lambda each: (
			each.get("until") is not None,
			-(each.get("until") or 0),
			each.get("plan") or each.get("addon") or "",
		),
	)


def _limits(active: Mapping[str, list]) -> dict[str, Limit]:
	found: dict[str, Limit] = {}
	for plan in active["plans"]:
		reason = Reason.TRIAL if plan.get("is_trial") else Reason.PLAN
		for key, limit in plan["limits"].items():
			_keep_higher(found, key, Limit(limit["value"], limit["is_hard"], reason, plan["plan"]))
	for addon in sorted(active["addons"], key=lambda each: each["addon"]):
		for key, increment in (addon.get("limits") or {}).items():
			if key in found:  # what is not limited needs no increment
				base = found[key]
				found[key] = Limit(base.value + increment, base.is_hard, Reason.ADDON, addon["addon"])
	decided: dict[str, Limit] = {}
	for override in active["overrides"]:
		if key := override.get("limit"):
			limit = Limit(override["value"], bool(override["is_hard"]), Reason.OVERRIDE, None)
			_keep_higher(decided, key, limit)
	return found | decided


def _keep_higher(found: dict[str, Limit], key: str, limit: Limit) -> None:
	if key not in found or _rank(limit) > _rank(found[key]):
		found[key] = limit


def _rank(limit: Limit) -> tuple:
	return limit.value, not limit.is_hard, limit.source or "", limit.reason is not Reason.TRIAL
