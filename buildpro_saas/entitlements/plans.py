"""What a plan gives, together with the plans that it includes."""

from collections.abc import Mapping


class PlanError(ValueError):
	"""A plan that cannot be resolved."""


class PlanLoopError(PlanError):
	"""A plan that includes itself, directly or through others; `loop` lists the plans in order."""

	def __init__(self, loop: list[str]):
		super().__init__(f"A plan cannot include itself: {' → '.join(loop)}. Take one of these out.")
		self.loop = loop


class UnknownPlanError(PlanError):
	"""A plan that does not exist."""


def resolve(plans: Mapping[str, Mapping], name: str) -> dict:
	"""The plan `name` with everything that it gets from the plans that it includes.

	plans: {name: {"includes": name or None, "features": iterable, "limits": {key: {"value": int, "is_hard":
	bool}}, "apps": list}}. Returns {"plan", "features": sorted list, "limits": as above, "apps": list in the
	order of installation, those of included plans first}. The highest limit wins; of two equal ones the soft
	one, so that including a plan never takes anything away. Raises PlanLoopError, UnknownPlanError.
	"""
	features: set[str] = set()
	limits: dict[str, dict] = {}
	apps: dict[str, None] = {}
	for plan in reversed(chain(plans, name)):
		features.update(plans[plan].get("features") or ())
		apps.update(dict.fromkeys(plans[plan].get("apps") or ()))
		for key, limit in (plans[plan].get("limits") or {}).items():
			limits[key] = _more_generous(limit, limits.get(key))
	return {"plan": name, "features": sorted(features), "limits": limits, "apps": list(apps)}


def chain(plans: Mapping[str, Mapping], name: str) -> list[str]:
	"""`name` and the plans that it includes, the widest first. Raises PlanLoopError, UnknownPlanError."""
	found: list[str] = []
	plan: str | None = name
	while plan:
		if plan in found:
			raise PlanLoopError([*found[found.index(plan) :], plan])
		if plan not in plans:
			raise UnknownPlanError(
				f'There is no plan "{plan}"' + (f', which "{found[-1]}" includes.' if found else ".")
			)
		found.append(plan)
		plan = plans[plan].get("includes")
	return found


def _more_generous(limit: Mapping, other: Mapping | None) -> dict:
	mine = {"value": int(limit["value"]), "is_hard": bool(limit["is_hard"])}
	if other is None:
		return mine
	return max(mine, dict(other), key=lambda each: (each["value"], not each["is_hard"]))
