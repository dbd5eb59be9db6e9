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
from buildpro_saas.tenant_site.entitlement import current_gate

__all__ = [
	"Decision",
	"FeatureNotAvailableError",
	"Reason",
	"UnknownFeatureError",
	"check_feature_access",
	"get_feature_access",
	"require_feature",
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


def _refuse_unknown(error: decision.UnknownFeatureError) -> NoReturn:
	frappe.throw(str(error), UnknownFeatureError, title=_("Unknown feature"))
