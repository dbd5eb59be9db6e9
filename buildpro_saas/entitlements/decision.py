"""From a site's entitlement to the answer: may this feature be used here, and if not, why, and whom to ask."""

import difflib
import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import lru_cache

from buildpro_saas.entitlements import statement as statements
from buildpro_saas.entitlements.reason import ALLOWING, SENTENCES, Reason
from buildpro_saas.entitlements.statement import EntitlementError, Statement

OPERATOR = "the operator of this site"


class UnknownFeatureError(LookupError):
	"""A feature that no catalogue has; `nearest` is the known name most like it, or None."""

	def __init__(self, feature: object, nearest: str | None):
		hint = f' Did you mean "{nearest}"?' if nearest else ""
		super().__init__(f'There is no feature "{_shown(feature)}".{hint}')
		self.feature = feature
		self.nearest = nearest


@dataclass(frozen=True, slots=True)
class Decision:
	"""The answer of a gate. True in a condition when allowed.

	required_plan is the plan that has the feature (the tenant's own, where it does), None when none has or
	when that is not known. valid_until: while in force, when the entitlement expires; from then on, when its
	grace ends or ended. is_stale: the entitlement has expired and was not renewed.
	"""

	allowed: bool
	reason: Reason
	feature: str
	plan: str | None
	required_plan: str | None
	message: str
	valid_until: datetime | None
	is_stale: bool

	def __bool__(self) -> bool:
		return self.allowed

	def as_dict(self) -> dict:
		"""The decision as JSON can hold it; valid_until in ISO 8601, UTC."""
		until = self.valid_until and self.valid_until.isoformat()
		return asdict(self) | {"reason": self.reason.value, "valid_until": until}


class Gate(dict):
	"""feature → Decision for one statement (or the lack of one) at one standing.

	A decision is made when it is first asked for and kept: from then on it is one look-up in a dict.
	"""

	def __init__(self, statement: Statement | None, standing: Reason):
		super().__init__()
		self.statement = statement
		self.standing = standing

	def __missing__(self, feature: str) -> Decision:
		if self.statement is None:
			# Not kept: without a catalogue, any string could be asked for.
			return _decide_without(self.standing, feature)
		known = self.statement.known_features
		if feature not in known:
			raise UnknownFeatureError(feature, _nearest(feature, known))
		decision = self[feature] = _decide(self.statement, self.standing, feature)
		return decision


def gate(token: str | None, public_keys: Mapping[str, str], site: str, now: float | None = None) -> Gate:
	"""The gate of `site` at `now` (epoch seconds) under the entitlement `token`, which may be a bad one.

	gate(…)["rfi"] is its Decision. Raises UnknownFeatureError there when a readable entitlement lacks the name.
	"""
	try:
		statement = statements.verify(token or "", public_keys, site)
	except EntitlementError as error:
		return _gate(None, error.reason)
	return _gate(statement, statement.standing(now))


@lru_cache(maxsize=1024)
def _gate(statement: Statement | None, standing: Reason) -> Gate:
	return Gate(statement, standing)


def _decide(statement: Statement, standing: Reason, feature: str) -> Decision:
	is_in_plan = feature in statement.features
	reason = standing if is_in_plan or standing not in ALLOWING else Reason.NOT_IN_PLAN
	required_plan = statement.plan if is_in_plan else statement.available_in.get(feature)
	is_stale = standing in (Reason.GRACE, Reason.EXPIRED)
	until = _utc(statement.grace_until if is_stale else statement.expires)
	label = statement.labels.get(feature) or feature
	sentences = [SENTENCES[reason].format(label=label, plan=statement.plan, until=f"{until:%Y-%m-%d}")]
	if not is_in_plan:
		sentences.append(
			f"It is available in {required_plan}." if required_plan else "No plan has it at present."
		)
	if reason != Reason.PLAN:
		sentences.append(f"Please ask {statement.contact or OPERATOR}.")
	return Decision(
		allowed=reason in ALLOWING,
		reason=reason,
		feature=feature,
		plan=statement.plan,
		required_plan=required_plan,
		message=" ".join(sentences),
		valid_until=until,
		is_stale=is_stale,
	)


def _decide_without(reason: Reason, feature: str) -> Decision:
	message = f"{SENTENCES[reason].format(label=_shown(feature))} Please ask {OPERATOR}."
	return Decision(
		allowed=False,
		reason=reason,
		feature=feature,
		plan=None,
		required_plan=None,
		message=message,
		valid_until=None,
		is_stale=False,
	)


def _shown(feature: object) -> str:
	"""A name that somebody made up, as a message that Desk takes for HTML can hold it."""
	return html.escape(str(feature)[:60], quote=False)


def _nearest(feature: object, known: set[str]) -> str | None:
	return next(iter(difflib.get_close_matches(str(feature), sorted(known), n=1)), None)


def _utc(seconds: int) -> datetime:
	return datetime.fromtimestamp(seconds, timezone.utc)
