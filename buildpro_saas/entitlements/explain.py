"""For people who wonder about an answer: how it comes about at a moment, layer by layer."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone

from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements import statement as statements
from buildpro_saas.entitlements.decision import (
	Decision,
	Decisions,
	decisions_of_statement,
	decisions_of_token,
)
from buildpro_saas.entitlements.layers import is_active, moments
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.entitlements.statement import LEEWAY, EntitlementError, Statement
from buildpro_saas.entitlements.unknown import UnknownFeatureError, nearest

FEATURE, LIMIT = "features", "limits"
CHANGES_TOLD = 10


@dataclass(frozen=True, slots=True)
class Line:
	"""One step on the way to the answer. counts: False for a layer that has no effect at that moment."""

	layer: str
	text: str
	counts: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
	"""The answer and the steps to it.

	kind: "features" or "limits". answer: a Decision as JSON, or {"limit", "is_hard", "reason", "source"}.
	changes: what the answer becomes at later moments (epoch seconds), as far as the statement says.
	"""

	key: str
	kind: str
	at: float
	lines: tuple[Line, ...]
	answer: dict
	changes: tuple[tuple[float, str], ...]

	def as_dict(self) -> dict:
		"""The same as JSON can hold it; moments in ISO 8601, UTC."""
		changes = [{"at": _utc(at).isoformat(), "answer": text} for at, text in self.changes]
		return asdict(self) | {"at": _utc(self.at).isoformat(), "changes": changes}


def explain(
	key: str,
	token: str,
	public_keys: Mapping[str, str],
	site: str,
	*,
	catalogue: Mapping,
	lowest_sequence: int = 0,
	at: float | None = None,
) -> Explanation:
	"""How the answer about `key` comes about on a site that holds this token. Arguments: as decision.decisions_of_token takes them.

	Raises UnknownFeatureError where a statement that counts has neither a feature nor a limit of that name.
	"""
	at = time.time() if at is None else at
	made = decisions_of_token(
		token, public_keys, site, at, catalogue=catalogue, lowest_sequence=lowest_sequence
	)
	try:
		statement = statements.verify(token, public_keys, site)
	except EntitlementError as error:
		return _without(key, made, at, [Line("statement", f"{error.reason.value}: {error}")])
	lines = [
		Line(
			"statement",
			f"genuine: signed with the key {statement.kid[:8]}… for {statement.site}, tenant {statement.tenant}",
		),
		_sequence_line(statement, lowest_sequence),
	]
	if made.statement is None:
		if made.standing is Reason.BAD_SIGNATURE:
			lines.append(
				Line("statement", "does not count: the catalogue beside it is not the one it was made with")
			)
		return _without(key, made, at, lines)
	edges = (statement.not_before - LEEWAY, statement.expires + LEEWAY, statement.grace_until + LEEWAY)
	return _explained(
		key, lambda moment: decisions_of_statement(statement, moment, catalogue), at, lines, edges
	)


def explain_statement(
	key: str, statement: Statement, *, catalogue: Mapping, at: float | None = None
) -> Explanation:
	"""The same for the statement that the admin site would sign now.

	The admin site renews it, so `changes` takes a fresh statement for each later moment.
	"""
	at = time.time() if at is None else at
	lines = [Line("statement", f"as it would be signed now for {statement.site}, tenant {statement.tenant}")]
	return _explained(
		key,
		lambda moment: decisions_of_statement(_renewed(statement, moment), moment, catalogue),
		at,
		lines,
		edges=(),
	)


def _renewed(statement: Statement, at: float) -> Statement:
	"""The statement as if it had been made at that moment."""
	later = int(at) - statement.issued_at
	dates = ("issued_at", "not_before", "expires", "grace_until")
	return replace(statement, **{name: getattr(statement, name) + later for name in dates})


def _explained(
	key: str,
	decisions_at: Callable[[float], Decisions],
	at: float,
	lines: list[Line],
	edges: tuple[float, ...],
) -> Explanation:
	"""edges: moments at which the answer may change although no layer begins or ends."""
	made = decisions_at(at)
	kind = _kind(key, made)
	lines.append(_standing_line(made.statement, made.standing))
	lines += _layer_lines(key, kind, made, at)
	label = catalogues.label_of(made.catalogue, kind, key)
	lines.append(Line("result", f"{label} ({key}): {_told(key, kind, made)}"))
	return Explanation(
		key,
		kind,
		at,
		tuple(lines),
		_answer(key, kind, made),
		tuple(_changes(key, kind, decisions_at, at, edges)),
	)


def _without(key: str, made: Decisions, at: float, lines: list[Line]) -> Explanation:
	"""The answer where no statement counts: everything is refused, even a name that nobody knows."""
	decision = made[key]
	lines.append(Line("result", f"{key}: no ({decision.reason.value}). {decision.message}"))
	return Explanation(key, FEATURE, at, tuple(lines), decision.as_dict(), ())


def _kind(key: str, made: Decisions) -> str:
	if key in made.known_features:
		return FEATURE
	known_limits = (made.catalogue.get("limits") or {}).keys() | made.limits.keys()
	if key in known_limits:
		return LIMIT
	raise UnknownFeatureError(key, nearest(key, made.known_features | known_limits))


def _sequence_line(statement: Statement, lowest: int) -> Line:
	if statement.sequence < lowest:
		text = f"does not count: number {statement.sequence}, and this site has had {lowest}"
		return Line("statement", text)
	return Line("statement", f"number {statement.sequence}; none below {lowest} counts")


def _standing_line(statement: Statement, standing: Reason) -> Line:
	dates = (
		f"from {_shown(statement.not_before)}, expires {_shown(statement.expires)},"
		f" grace until {_shown(statement.grace_until)} (clocks may differ by {LEEWAY} s)"
	)
	told = "in force" if standing is Reason.PLAN else standing.value
	return Line("standing", f"{told}; status {statement.status}; {dates}")


def _layer_lines(key: str, kind: str, made: Decisions, at: float) -> Iterator[Line]:
	layers = made.statement.layers
	for plan in layers["plans"]:
		yield _line("trial" if plan.get("is_trial") else "plan", plan, at, _plan_text(key, kind, plan))
	for addon in layers.get("addons") or ():
		if key in (addon.get(kind) or ()):
			gives = f"adds {addon[kind][key]}" if kind == LIMIT else "has it"
			yield _line("add-on", addon, at, f"{addon['addon']} {gives}")
	for override in layers.get("overrides") or ():
		if override.get("feature" if kind == FEATURE else "limit") == key:
			yield _line("override", override, at, _override_text(override))
	for switch in layers.get("killed") or ():
		if kind == FEATURE and switch["feature"] == key:
			yield _line("kill switch", switch, at, "switched off for everybody")
	if kind == FEATURE and key in (layers.get("shadow") or ()):
		yield Line("shadow", "the gate is being tried out: whose plan lacks it is let through, and recorded")


def _plan_text(key: str, kind: str, plan: Mapping) -> str:
	if kind == FEATURE:
		return f"{plan['plan']} {'has it' if key in plan['features'] else 'does not have it'}"
	limit = plan["limits"].get(key)
	return f"{plan['plan']}: {_limit_text(limit['value'], limit['is_hard']) if limit else 'no limit'}"


def _override_text(override: Mapping) -> str:
	if "limit" in override:
		return f"set to {_limit_text(override['value'], override['is_hard'])}"
	return "granted" if override["is_granted"] else "taken away"


def _line(layer: str, entry: Mapping, at: float, text: str) -> Line:
	begins, until = entry.get("from"), entry.get("until")
	dates = " ".join(
		f"{word} {_shown(moment)}"
		for word, moment in (("from", begins), ("until", until))
		if moment is not None
	)
	counts = is_active(entry, at)
	state = "" if counts else ": not yet" if begins is not None and at < begins else ": over"
	return Line(layer, text + (f" ({dates}{state})" if dates else ""), counts)


def _answer(key: str, kind: str, made: Decisions) -> dict:
	if kind == FEATURE:
		return made[key].as_dict()
	limit = made.limits.get(key)
	return {
		"limit": limit and limit.value,
		"is_hard": limit and limit.is_hard,
		"reason": (limit.reason if limit and made.standing is Reason.PLAN else made.standing).value,
		"source": limit and limit.source,
	}


def _told(key: str, kind: str, made: Decisions) -> str:
	if kind == FEATURE:
		decision: Decision = made[key]
		return f"{'yes' if decision.allowed else 'no'} ({decision.reason.value}). {decision.message}"
	if not made.is_in_force:
		return f"nothing may be added ({made.standing.value})"
	limit = made.limits.get(key)
	if limit is None:
		return f"no limit in the plan {made.grants.plan}"
	source = f" of {limit.source}" if limit.source else ""
	return f"{_limit_text(limit.value, limit.is_hard)} ({limit.reason.value}{source})"


def _changes(
	key: str, kind: str, decisions_at: Callable[[float], Decisions], at: float, edges: tuple[float, ...]
) -> Iterator[tuple[float, str]]:
	"""The later moments at which the answer is not what it was just before."""
	made = decisions_at(at)
	later = sorted({moment for moment in (*moments(made.statement.layers), *edges) if moment > at})
	before, told = _told(key, kind, made), 0
	for moment in later:
		now = _told(key, kind, decisions_at(moment))
		if now != before and told < CHANGES_TOLD:
			yield moment, now
			told += 1
		before = now


def _limit_text(value: int, is_hard: bool) -> str:
	return f"{value}, {'hard' if is_hard else 'soft'}"


def _shown(seconds: float) -> str:
	return f"{_utc(seconds):%Y-%m-%d %H:%M} UTC"


def _utc(seconds: float) -> datetime:
	return datetime.fromtimestamp(seconds, timezone.utc)
