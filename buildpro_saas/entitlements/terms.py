"""What a tenant has agreed to, with its dates, as layers: the plan on trial, the plan after it, a change at a date.

Pure, plain data. Dates are seconds since the epoch, UTC. The layers carry each date. So a change happens on time on the
tenant's site, even while the admin site is away. The admin site's own record follows later (`settled`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from buildpro_saas.entitlements.layers import plan_layer


@dataclass(frozen=True)
class Terms:
	"""A tenant's plan, and what was agreed for later.

	Trial: `plan` is on trial until `trial_until`; `after_trial` follows. Change: `next_plan` follows at `next_from`; it also ends a
	trial that would last longer. Both fields of a pair must be given, or the pair does not count.
	"""

	plan: str
	trial_until: int | None = None
	after_trial: str | None = None
	next_plan: str | None = None
	next_from: int | None = None


@dataclass(frozen=True)
class Period:
	"""One plan from a date (inclusive; None: since ever) to a date (exclusive; None: for good)."""

	plan: str
	is_trial: bool
	begins: int | None
	until: int | None


def periods(terms: Terms) -> list[Period]:
	"""The plans in their order; at each moment exactly one of them is in force."""
	trial = terms.trial_until if terms.after_trial else None
	change = terms.next_from if terms.next_plan else None
	starts = [(None, terms.plan, trial is not None)]
	if trial is not None and (change is None or trial < change):
		starts.append((trial, terms.after_trial, False))
	if change is not None:
		starts.append((change, terms.next_plan, False))
	ends = [*(start for start, _, _ in starts[1:]), None]
	return [
		Period(plan, is_trial, start, end) for (start, plan, is_trial), end in zip(starts, ends, strict=True)
	]


def stays(terms: Terms) -> list[list[Period]]:
	"""The periods in groups. Periods of one plan that follow each other are one stay. The first stay is with the plan of now."""
	return [list(stay) for _plan, stay in groupby(periods(terms), attrgetter("plan"))]


def settled(terms: Terms, at: float) -> Terms:
	"""The terms once the dates up to `at` have come: the plan that is in force then, and what is still to come."""
	if terms.next_plan and terms.next_from is not None and terms.next_from <= at:
		return Terms(terms.next_plan)
	if terms.after_trial and terms.trial_until is not None and terms.trial_until <= at:
		return replace(terms, plan=terms.after_trial, trial_until=None, after_trial=None)
	return terms


def of_layers(plans: Iterable[Mapping], at: float) -> Terms:
	"""The terms that layers["plans"] of a statement came from, as of the moment `at`. What has ended by then is left out.

	The layers do not say how the plan after a trial was agreed: as the plan after it, or as a change. Here it counts as the former.
	Raises ValueError where no plan is in force or to come.
	"""
	ahead = sorted(without_ended(plans, at), key=lambda entry: entry.get("from") or 0)
	if not ahead:
		raise ValueError("no plan is in force any more")
	now, *later = ahead
	if now.get("is_trial") and later:
		then, *later = later
		terms = Terms(now["plan"], then["from"], then["plan"])
	else:
		terms = Terms(now["plan"])
	return replace(terms, next_plan=later[0]["plan"], next_from=later[0]["from"]) if later else terms


def plan_layers(terms: Terms, resolved: Mapping[str, Mapping], kept: Mapping | None = None) -> list[dict]:
	"""layers["plans"]. resolved: {plan: {"features": names, "limits": as layers.py has them}} for each plan of the terms.

	kept: the same for the plan version that the tenant keeps. It holds while the tenant stays with `terms.plan`. A tenant that comes
	back to that plan later gets it as it is then.
	"""
	first, *others = stays(terms)
	contents = [(period, kept or resolved[period.plan]) for period in first]
	contents += [(period, resolved[period.plan]) for stay in others for period in stay]
	return [
		plan_layer(
			period.plan,
			content["features"],
			content["limits"],
			is_trial=period.is_trial,
			begins=period.begins,
			until=period.until,
		)
		for period, content in contents
	]


def addon_layer(
	addon: str,
	features: Iterable[str],
	increments: Mapping[str, int],
	quantity: int = 1,
	*,
	begins: int | None = None,
	until: int | None = None,
) -> dict:
	"""One entry of layers["addons"]: `quantity` of an add-on that raises limits by `increments` each."""
	return {
		"addon": addon,
		"features": sorted(features),
		"limits": {key: int(increment) * int(quantity) for key, increment in increments.items()},
		"from": begins,
		"until": until,
	}


def without_ended(entries: Iterable[Mapping], at: float) -> list[dict]:
	"""The entries of a layer that have not ended by the moment `at`."""
	return [dict(entry) for entry in entries if entry.get("until") is None or entry["until"] > at]
