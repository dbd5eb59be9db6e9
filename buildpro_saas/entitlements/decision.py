"""What a site's entitlement decides: may this be used here, and if not, why, and whom to ask."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone

from buildpro_saas.entitlements import catalogue as catalogues
from buildpro_saas.entitlements import statement as statements
from buildpro_saas.entitlements import wording
from buildpro_saas.entitlements.layers import Grant, Grants, Limit, moments, next_moment
from buildpro_saas.entitlements.reason import ALLOWING, Reason
from buildpro_saas.entitlements.statement import LEEWAY, EntitlementError, Statement
from buildpro_saas.entitlements.unknown import UnknownFeatureError, nearest

DENYING_GRANTS = (Reason.REVOKED, Reason.KILLED)
RESTRICTED = frozenset({Reason.EXPIRED, Reason.SUSPENDED})  # a site is read-only then, or shut


@dataclass(frozen=True, slots=True)
class Decision:
	"""The answer about one feature or limit. True in a condition when allowed.

	feature: the key of the feature, or of the limit.
	required_plan: the plan that has the feature. That is the tenant's own plan where it has it. Of a denial, it is a plan on
	offer. None where no plan has it or the plans are not known.
	source: the add-on that brings it.
	valid_until: when the entitlement, or what grants this, expires. After that time: when its grace ends or ended.
	is_stale, stale_since: the entitlement has expired and was not renewed.
	limit, used, requested: of a limit, in its own unit; limit is None where there is none.
	"""

	allowed: bool
	reason: Reason
	feature: str
	plan: str | None
	required_plan: str | None
	message: str
	valid_until: datetime | None
	is_stale: bool
	stale_since: datetime | None = None
	source: str | None = None
	limit: int | None = None
	used: float | None = None
	requested: float | None = None

	def __bool__(self) -> bool:
		return self.allowed

	def as_dict(self) -> dict:
		"""The decision as JSON can hold it; times in ISO 8601, UTC."""
		plain = {name: getattr(self, name) for name in FIELDS}
		plain["reason"] = self.reason.value
		for key in ("valid_until", "stale_since"):
			plain[key] = plain[key] and plain[key].isoformat()
		return plain


FIELDS = tuple(each.name for each in fields(Decision))


class Decisions(dict):
	"""feature → Decision. They hold while the statement's standing and layers stay as they are.

	A Decision is made when it is first asked for, and kept; after that it is one look-up in a dict. until: the time (epoch seconds)
	after which all of them must be made anew, None for never. The statement may be missing (closed.py).
	"""

	def __init__(
		self, statement: Statement | None, standing: Reason, grants: Grants | None, catalogue: Mapping
	):
		super().__init__()
		self.statement = statement
		self.standing = standing
		self.grants = grants
		self.catalogue = catalogue
		self.features: Mapping[str, Mapping] = catalogue.get("features") or {}
		# the newest statement that the site has had: its limits and restrictions hold even where it does not count (closed.py)
		self.newest, self.newest_grants = statement, grants
		self.restriction: Reason | None = standing if standing in RESTRICTED else None
		self.until = statement and next_change(statement, standing, grants)
		offers = catalogue.get("plans")
		self._sold = None if offers is None else frozenset(each["plan"] for each in offers)
		self._shadow = frozenset((statement and statement.layers.get("shadow")) or ())

	def __missing__(self, feature: str) -> Decision:
		if self.statement is None:
			# Not kept: without a catalogue, any string could be asked for.
			return _decide_without(self.standing, feature)
		if feature not in self.features and feature not in self.grants.features:
			raise UnknownFeatureError(feature, nearest(feature, self.known_features))
		decision = self[feature] = self._decide(feature)
		return decision

	@property
	def known_features(self) -> set[str]:
		"""Every feature of the catalogue as it was when the statement was made; empty without one."""
		return self.features.keys() | (self.grants.features.keys() if self.grants else set())

	@property
	def is_in_force(self) -> bool:
		"""Whether the site may be worked on: the statement is genuine and in force, or in its grace."""
		return self.standing in ALLOWING

	@property
	def limits(self) -> dict[str, Limit]:
		"""The limits in force by key, of the newest statement that the site has had; empty where it has had none."""
		return self.newest_grants.limits if self.newest_grants else {}

	@property
	def plan(self) -> str | None:
		"""The plan's name by the newest statement that the site has had."""
		return self.newest_grants.plan if self.newest_grants else None

	def limit(
		self, key: str, used: float, requested: float = 1, label: str | None = None, unit: str = ""
	) -> Decision:
		"""Whether `requested` more may be added to the `used` that are in use. Both are in the limit's unit.

		Allowed when nothing limits it, and when nothing more is requested. label: the limit's name on the site, used where the
		catalogue has none. unit: as the site writes it, for example "GB".
		"""
		if self.restriction or self.newest is None:
			return self._refuse_growth(key, used, requested, label)
		limit = self.limits.get(key)
		if limit is None:
			return self._answer(key, Reason.PLAN, kind="limits", label=label, used=used, requested=requested)
		is_within = requested <= 0 or used + requested <= limit.value
		if is_within:
			reason = self.standing if self.standing is Reason.GRACE else limit.reason
		else:
			reason = Reason.LIMIT_REACHED if limit.is_hard else Reason.OVER_SOFT_LIMIT
		return self._answer(
			key,
			reason,
			kind="limits",
			label=label,
			source=limit.source,
			set_by=limit.reason,
			unit=unit,
			limit=limit.value,
			used=used,
			requested=requested,
		)

	def _decide(self, feature: str) -> Decision:
		grant = self.grants.features.get(feature)
		reason = self._reason(grant)
		if reason is Reason.NOT_IN_PLAN and feature in self._shadow:
			reason = Reason.SHADOW  # what is revoked or killed stays so
		return self._answer(feature, reason, grant=grant, source=grant and grant.source)

	def _reason(self, grant: Grant | None) -> Reason:
		if not self.is_in_force:
			return self.standing
		if grant is None:
			return Reason.NOT_IN_PLAN
		if grant.reason in DENYING_GRANTS or self.standing is Reason.PLAN:
			return grant.reason
		return self.standing

	def _answer(
		self,
		key: str,
		reason: Reason,
		*,
		kind: str = "features",
		grant: Grant | None = None,
		source: str | None = None,
		label: str | None = None,
		set_by: Reason = Reason.PLAN,
		unit: str = "",
		**numbers: float,
	) -> Decision:
		statement, grants = self.newest, self.newest_grants
		is_stale = self.standing in (Reason.GRACE, Reason.EXPIRED)
		until = statement.grace_until if is_stale else statement.expires
		if not is_stale and grant and grant.until:
			until = min(until, grant.until)
		own_plan = grants.plan if grant and grant.reason in (Reason.PLAN, Reason.TRIAL) else None
		sold_with = (self.features.get(key) or {}).get("plan")
		if reason in ALLOWING:
			required_plan = own_plan or sold_with
		else:
			required_plan = self._if_sold(own_plan) or self._if_sold(sold_with)
		named = {
			"label": catalogues.label_of(self.catalogue, kind, key, label),
			"plan": grants.plan,
			"until": _utc(statement.expires if self.standing is Reason.EXPIRED else until),
			"ask": (statement.contact or wording.OPERATOR) if reason not in ALLOWING or is_stale else None,
		}
		if kind == "limits":
			message = wording.of_limit(reason, **named, **numbers, set_by=set_by, source=source, unit=unit)
		else:
			message = wording.of_feature(
				reason, **named, source=source, is_granted=grant is not None, required_plan=required_plan
			)
		return Decision(
			allowed=reason in ALLOWING,
			reason=reason,
			feature=key,
			plan=grants.plan,
			required_plan=required_plan,
			message=message,
			valid_until=_utc(until),
			is_stale=is_stale,
			stale_since=_utc(statement.expires) if is_stale else None,
			source=source if reason is Reason.ADDON else None,
			limit=numbers.get("limit"),
			used=numbers.get("used"),
			requested=numbers.get("requested"),
		)

	def _if_sold(self, plan: str | None) -> str | None:
		"""The plan where it is on offer, else None. A catalogue that says nothing of offers counts as: all on offer."""
		return plan if self._sold is None or plan in self._sold else None

	def _refuse_growth(self, key: str, used: float, requested: float, label: str | None) -> Decision:
		if self.statement is None:
			return _decide_without(self.standing, key)
		return self._answer(key, self.standing, kind="limits", label=label, used=used, requested=requested)


def decisions_of_token(
	token: str | None,
	public_keys: Mapping[str, str],
	site: str,
	now: float | None = None,
	*,
	catalogue: Mapping | None = None,
	lowest_sequence: int = 0,
) -> Decisions:
	"""What is decided on `site` at `now` (epoch seconds) under the entitlement `token`, which may be a bad one.

	decisions_of_token(…)["rfi"] is its Decision; UnknownFeatureError is raised there when a readable entitlement does not know
	the name. catalogue: the one that came with the token; another one than the statement names makes it not count.
	lowest_sequence: the number of the newest statement that the site has had; an older statement does not count.
	"""
	now = time.time() if now is None else now
	try:
		statement = statements.verify(token or "", public_keys, site)
	except EntitlementError as error:
		return Decisions(None, error.reason, None, {})
	if statement.sequence < lowest_sequence:
		return Decisions(None, Reason.REPLAYED, None, {})
	known = catalogues.shared(catalogue)
	if statement.catalogue_digest != known.digest:
		return Decisions(None, Reason.BAD_SIGNATURE, None, {})
	return decisions_of_statement(statement, now, known)


def decisions_of_statement(statement: Statement, now: float, catalogue: Mapping | None = None) -> Decisions:
	"""The decisions of a statement that is known to count, as of `now` (epoch seconds)."""
	known = catalogues.shared(catalogue)
	standing, until = statement.standing(now), next_moment(statement.layers, now)

	def make() -> Decisions:
		# all moments before the same next change have the same grants
		at = until - 1 if until is not None else after_all(statement)
		return Decisions(statement, standing, statement.grants(at), known)

	return statement.once("decisions", (standing, until, known.digest), make)


def after_all(statement: Statement) -> int:
	"""The last moment (epoch seconds) at which a layer of the statement begins or ends; 0 for none."""
	return max(moments(statement.layers), default=0)


def next_change(statement: Statement, standing: Reason, grants: Grants) -> float | None:
	"""When the standing or the layers change next (epoch seconds)."""
	ends = {
		Reason.NOT_YET_VALID: statement.not_before - LEEWAY,
		Reason.PLAN: statement.expires + LEEWAY,
		Reason.GRACE: statement.grace_until + LEEWAY,
	}
	return min((each for each in (ends.get(standing), grants.until) if each is not None), default=None)


def _decide_without(reason: Reason, feature: str) -> Decision:
	return Decision(
		allowed=False,
		reason=reason,
		feature=feature,
		plan=None,
		required_plan=None,
		message=wording.without_statement(reason, feature),
		valid_until=None,
		is_stale=False,
	)


def _utc(seconds: int) -> datetime:
	return datetime.fromtimestamp(seconds, timezone.utc)
