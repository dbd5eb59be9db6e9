"""The sentences for the person who asked for a feature, or for more of something. Plain text, and nothing secret in it."""

import html
from datetime import datetime

from buildpro_saas.entitlements.reason import ALLOWING, Reason

OPERATOR = "the operator of this site"
# How much of a name that somebody made up is shown, and compared with the known ones.
LONGEST_NAME = 60

# The first sentence of the answer. It may name {label}, {plan}, {source} and {until}; of a limit also {limit}, {used} and {requested},
# with their unit, and {whose}: what set the limit.
SENTENCES = {
	Reason.PLAN: "{label} is part of your plan {plan}.",
	Reason.TRIAL: "{label} is part of {plan}, which you are trying out until {until}.",
	Reason.ADDON: "{label} is part of your add-on {source}.",
	Reason.OVERRIDE: "{label} was granted to you beside your plan {plan}.",
	Reason.GRACE: "{label} is part of your plan {plan}, which has expired and has grace until {until}.",
	Reason.SHADOW: "{label} is not part of your plan {plan}; it is available for the time being.",
	Reason.OVER_SOFT_LIMIT: "{label}: {used} in use and {requested} more, which is above the {limit} {whose}.",
	Reason.NOT_IN_PLAN: "{label} is not part of your plan {plan}.",
	Reason.REVOKED: "{label} is not available to you at present.",
	Reason.KILLED: "{label} is switched off for everybody at present.",
	Reason.LIMIT_REACHED: "{label}: {used} of the {limit} {whose} are in use, {requested} more cannot be added.",
	Reason.EXPIRED: "{label} is not available: your plan {plan} expired on {until}.",
	Reason.NOT_YET_VALID: "{label} is not available: your plan {plan} begins later, by this server's clock.",
	Reason.SUSPENDED: "{label}, under your plan {plan}, is not available: this site is suspended.",
	Reason.NO_ENTITLEMENT: "{label} is not available: this site has not received its plan yet.",
	Reason.BAD_SIGNATURE: "{label} is not available: the plan's record on this site is not genuine.",
	Reason.UNKNOWN_KEY: "{label} is not available: the plan's record on this site has an unknown key.",
	Reason.WRONG_SITE: "{label} is not available: the plan's record on this site was made for another site.",
	Reason.REPLAYED: "{label} is not available: the plan's record on this site is older than the last one.",
	Reason.MALFORMED: "{label} is not available: the plan's record on this site cannot be read.",
}

# The same for a limit that allows nothing, and for one that was lowered below what is in use.
NOTHING_ALLOWED = "{label}: {who} allows none."
NOTHING_ALLOWED_ANY_MORE = "{label}: {who} allows none; the {used} that are in use stay."
EXCEEDED = "{label}: {used} are in use, which is more than the {limit} {whose}; nothing is taken away, and nothing can be added."

# What set a limit → how the sentence says whose the limit is, and who allows something.
_SET_BY = {
	Reason.PLAN: ("of your plan {plan}", "your plan {plan}"),
	Reason.TRIAL: ("of {source}, which you are trying out,", "{source}, which you are trying out,"),
	Reason.ADDON: (
		"of your plan {plan} with the add-on {source}",
		"your plan {plan} with the add-on {source}",
	),
	Reason.OVERRIDE: (
		"that were agreed with you beside your plan {plan}",
		"what was agreed with you beside your plan {plan}",
	),
}

# Reasons that need no other sentence than how much is in use.
_WITHIN = frozenset({Reason.PLAN, Reason.TRIAL, Reason.ADDON, Reason.OVERRIDE, Reason.GRACE})


def of_feature(
	reason: Reason,
	*,
	label: str,
	plan: str,
	until: datetime,
	source: str | None,
	is_granted: bool,
	required_plan: str | None,
	ask: str | None,
) -> str:
	"""The sentence about a feature. plan: the tenant's; required_plan: one that has it; ask: whom to ask, None if all is well."""
	told = [SENTENCES[reason].format(label=label, plan=plan, source=source, until=f"{until:%Y-%m-%d}")]
	if not is_granted and reason not in ALLOWING:
		if required_plan == plan:
			told.append(f"It is available in the current version of {plan}; yours is an earlier one.")
		elif required_plan:
			told.append(f"It is available in {required_plan}.")
		else:
			told.append("No plan has it at present.")
	return _with_contact(told, ask)


def of_limit(
	reason: Reason,
	*,
	label: str,
	plan: str,
	until: datetime,
	used: float,
	requested: float,
	ask: str | None,
	limit: float | None = None,
	unit: str = "",
	set_by: Reason = Reason.PLAN,
	source: str | None = None,
) -> str:
	"""The sentence about a limit. limit: None where the plan has none. unit: of its numbers, "" for things that are counted.

	set_by: the layer that the limit comes from, PLAN, TRIAL, ADDON or OVERRIDE; source: the trial's plan, or the add-on.
	"""
	numbers = {"limit": limit, "used": used, "requested": requested}
	named = {name: f"{readable_number(number)} {unit}".strip() for name, number in numbers.items()}
	whose, who = (text.format(plan=plan, source=source) for text in _SET_BY.get(set_by, _SET_BY[Reason.PLAN]))
	if limit is None and reason in ALLOWING:
		told = f"{label} has no limit in your plan {plan}."
	elif reason in _WITHIN:
		told = f"{label}: {readable_number(used)} of {named['limit']} in use."
	else:
		sentence = _refused(limit, used) if reason is Reason.LIMIT_REACHED else SENTENCES[reason]
		told = sentence.format(
			label=label, plan=plan, whose=whose, who=who, until=f"{until:%Y-%m-%d}", **named
		)
	return _with_contact([told], ask)


def _refused(limit: float, used: float) -> str:
	if not limit:
		return NOTHING_ALLOWED_ANY_MORE if used else NOTHING_ALLOWED
	return EXCEEDED if used > limit else SENTENCES[Reason.LIMIT_REACHED]


def without_statement(reason: Reason, name: object) -> str:
	"""The sentence about a feature or a limit on a site whose statement does not count."""
	return _with_contact([SENTENCES[reason].format(label=shown(name))], OPERATOR)


def shown(name: object) -> str:
	"""A name that somebody made up, shortened and escaped: Desk shows messages as HTML."""
	return html.escape(str(name)[:LONGEST_NAME], quote=False)


def readable_number(number: float | None) -> str:
	"""A number to a thousandth, without digits that say nothing: 2.5, not 2.500."""
	if number is not None and 0 < number < 0.001:
		return "less than 0.001"
	return "" if number is None else f"{number:.3f}".rstrip("0").rstrip(".")


def _with_contact(told: list[str], ask: str | None) -> str:
	return " ".join([*told, f"Please ask {ask}."] if ask else told)
