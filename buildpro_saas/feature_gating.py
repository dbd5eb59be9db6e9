"""Feature gating for code on a tenant's site.

```python
from buildpro_saas.feature_gating import check_feature_access, require_feature

if check_feature_access("rfi"):
    ...
require_feature("bim")  # raises FeatureNotAvailableError, which names the plan that has it
```

Decided locally from the site's signed entitlement: no network, and one read of Redis a request at most.
"""

from typing import NoReturn

import frappe
from frappe import _

from buildpro_saas.entitlements import decision
from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import limits
from buildpro_saas.tenant_site.entitlement import current_gate
from buildpro_saas.tenant_site.limits import LimitReachedError

__all__ = [
	"Decision",
	"FeatureNotAvailableError",
	"LimitReachedError",
	"Reason",
	"UnknownFeatureError",
	"UnknownLimitError",
	"check_feature_access",
	"get_feature_access",
	"get_limit_access",
	"require_feature",
	"require_limit",
]


class FeatureNotAvailableError(frappe.PermissionError):
	"""A feature that this site may not use; `decision` has the reason. HTTP 403."""

	http_status_code = 403
	decision: Decision | None = None


class UnknownFeatureError(frappe.ValidationError, LookupError):
	"""A feature that no catalogue has; the message names the nearest known one.

	HTTP 400: the caller's mistake.
	"""

	http_status_code = 400


class UnknownLimitError(frappe.ValidationError, LookupError):
	"""A limit that neither the site's apps nor its plan know; the message names the nearest known one. HTTP 400."""

	http_status_code = 400


def check_feature_access(feature: str) -> bool:
	"""Whether this site may use `feature` (the key of a Feature, such as "rfi").

	Raises UnknownFeatureError for a name that the catalogue lacks, never answering yes or no to it.
	"""
	try:
		return current_gate()[feature].allowed
	except decision.UnknownFeatureError as error:
		_refuse_unknown(error)


def get_feature_access(feature: str) -> Decision:
	"""The decision about `feature`: its reason, the plan that has it, and the sentence to show to a user.

	Raises UnknownFeatureError for a name that the catalogue lacks.
	"""
	try:
		return current_gate()[feature]
	except decision.UnknownFeatureError as error:
		_refuse_unknown(error)


def require_feature(feature: str) -> None:
	"""Raise FeatureNotAvailableError (HTTP 403, with a message in Desk) unless this site may use `feature`."""
	answer = get_feature_access(feature)
	if answer.allowed:
		return
	title = _("Not in your plan") if answer.reason == Reason.NOT_IN_PLAN else _("Not available")
	try:
		frappe.throw(answer.message, FeatureNotAvailableError, title=title)
	except FeatureNotAvailableError as error:
		error.decision = answer
		raise


def get_limit_access(key: str, requested: float = 1) -> Decision:
	"""Whether `requested` more of a limit ("max_users") may be added, in its own unit: with the limit and what is in use.

	Reserves nothing. Raises UnknownLimitError for a name that neither the site's apps nor its plan know.
	"""
	try:
		return limits.access(key, requested)
	except decision.UnknownLimitError as error:
		frappe.throw(str(error), UnknownLimitError, title=_("Unknown limit"))


def require_limit(key: str, requested: float = 1) -> None:
	"""Raise LimitReachedError (HTTP 403, with a message in Desk) unless `requested` more may be added.

	To be called in the transaction that adds them: a hard limit is held until it ends, so that of two requests at the edge one is
	admitted. Documents of a kind that is limited are seen to by themselves. Raises UnknownLimitError as get_limit_access does.
	"""
	try:
		limits.require(key, requested)
	except decision.UnknownLimitError as error:
		frappe.throw(str(error), UnknownLimitError, title=_("Unknown limit"))


def _refuse_unknown(error: decision.UnknownFeatureError) -> NoReturn:
	frappe.throw(str(error), UnknownFeatureError, title=_("Unknown feature"))
