"""The site's decisions for code that asks through OpenFeature (https://openfeature.dev). Needs `pip install buildpro_saas[openfeature]`.

```python
from buildpro_saas.openfeature_provider import BuildProProvider
from openfeature import api

api.set_provider(BuildProProvider())
api.get_client().get_boolean_value("rfi", False)
```

A feature is a boolean flag (variants "on" and "off"), a limit is an integer flag. There are no flags of other types. The flag's
metadata has what OpenFeature has no word for: `reason`, `message`, `plan`, `required_plan` and the rest of a Decision. The
evaluation context is ignored, because the site is what has a plan.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import AbstractProvider, Metadata

from buildpro_saas.entitlements.decision import DENYING_GRANTS, Decision, Decisions
from buildpro_saas.entitlements.unknown import UnknownFeatureError, nearest
from buildpro_saas.tenant_site import checks, declared_limits
from buildpro_saas.tenant_site.entitlement import current_decisions

NAME = "BuildPro SaaS"


class BuildProProvider(AbstractProvider):
	"""Answers from the entitlement in force on the site that is connected when a flag is asked for.

	A refusal is a value (False, or a limit of 0) and no error, even where the site has no entitlement that counts. For an error,
	OpenFeature would answer with the caller's default, which may be True.
	"""

	def get_metadata(self) -> Metadata:
		return Metadata(name=NAME)

	def resolve_boolean_details(
		self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
	) -> FlagResolutionDetails[bool]:
		"""Whether the feature may be used. FLAG_NOT_FOUND for a name nobody knows, TYPE_MISMATCH for a limit's."""
		asked = checks.current()
		try:
			decision = asked[flag_key]
		except UnknownFeatureError as error:
			if _is_limit(asked.decisions, flag_key):
				raise TypeMismatchError(f"{flag_key} is a limit: ask for an integer.")
			raise FlagNotFoundError(str(error))
		return FlagResolutionDetails(
			value=decision.allowed,
			variant="on" if decision.allowed else "off",
			reason=_reason(decision),
			flag_metadata=_metadata(decision),
		)

	def resolve_integer_details(
		self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
	) -> FlagResolutionDetails[int]:
		"""The limit in its own unit. Where there is none: the default, with the reason DEFAULT. Where the site may not grow: 0.

		FLAG_NOT_FOUND for a name that neither the site's apps nor its plan know. Where no statement counts, that is not known of every
		name; so where the site may not grow then, any name's answer is 0.
		"""
		decisions = current_decisions()
		decision = decisions.limit(flag_key, used=0, requested=0)
		is_answered = decisions.statement is None and not decision.allowed
		if not is_answered and not _is_limit(decisions, flag_key):
			_refuse_other_type(decisions, flag_key, "a feature: ask for a boolean")
		limit = decisions.limits.get(flag_key)
		if decision.allowed and limit is None:
			return FlagResolutionDetails(
				value=default_value,
				variant="unlimited",
				reason=Reason.DEFAULT,
				flag_metadata=_metadata(decision),
			)
		metadata = _metadata(decision) | ({"is_hard": limit.is_hard} if limit else {})
		return FlagResolutionDetails(
			value=limit.value if decision.allowed else 0,
			variant="limited" if decision.allowed else "none",
			reason=_reason(decision),
			flag_metadata=metadata,
		)

	def resolve_string_details(
		self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
	) -> FlagResolutionDetails[str]:
		"""No flag is a string: TYPE_MISMATCH, or FLAG_NOT_FOUND."""
		_refuse_any_type(flag_key)

	def resolve_float_details(
		self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
	) -> FlagResolutionDetails[float]:
		"""No flag is a float: TYPE_MISMATCH, or FLAG_NOT_FOUND."""
		_refuse_any_type(flag_key)

	def resolve_object_details(
		self,
		flag_key: str,
		default_value: Sequence | Mapping,
		evaluation_context: EvaluationContext | None = None,
	) -> FlagResolutionDetails[Sequence | Mapping]:
		"""No flag is an object: TYPE_MISMATCH, or FLAG_NOT_FOUND."""
		_refuse_any_type(flag_key)


def _refuse_any_type(flag_key: str):
	decisions = current_decisions()
	if _is_limit(decisions, flag_key):
		raise TypeMismatchError(f"{flag_key} is a limit: ask for an integer.")
	_refuse_other_type(decisions, flag_key, "a feature: ask for a boolean")


def _refuse_other_type(decisions: Decisions, flag_key: str, told: str):
	if flag_key in decisions.known_features:
		raise TypeMismatchError(f"{flag_key} is {told}.")
	known = decisions.known_features | _known_limits(decisions)
	raise FlagNotFoundError(str(UnknownFeatureError(flag_key, nearest(flag_key, known))))


def _is_limit(decisions: Decisions, key: str) -> bool:
	return key in _known_limits(decisions)


def _known_limits(decisions: Decisions) -> set[str]:
	"""The limits of the plan, of the catalogue, and those that the site's apps declare."""
	of_catalogue = decisions.catalogue.get("limits") or {}
	return decisions.limits.keys() | of_catalogue.keys() | declared_limits.declared().keys()


def _reason(decision: Decision) -> Reason:
	if decision.reason in DENYING_GRANTS:
		return Reason.DISABLED
	return Reason.STALE if decision.is_stale else Reason.STATIC


def _metadata(decision: Decision) -> dict[str, Any]:
	"""The rest of the decision, without what is None: OpenFeature's metadata cannot have it."""
	return {
		key: value
		for key, value in decision.as_dict().items()
		if value is not None and key not in ("allowed", "feature", "limit", "used", "requested")
	}
