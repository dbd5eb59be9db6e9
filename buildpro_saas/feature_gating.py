"""Feature gating for code on a tenant's site.

```python
from buildpro_saas.feature_gating import check_feature_access, require_feature

if check_feature_access("rfi"):
    ...
require_feature("bim")  # raises FeatureNotAvailableError, which names the plan that has it
```

The site decides by its own signed entitlement: without the network, and with one look at a file per request at most.
"""

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import TypeVar

import frappe
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.entitlements import unknown
from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import checks, gates, limits
from buildpro_saas.tenant_site.limits import LimitReachedError
from buildpro_saas.tenant_site.refusal import (
	FeatureNotAvailableError,
	SiteRestrictedError,
	UnknownFeatureError,
	refuse,
	refuse_unknown,
)

__all__ = [
	"Decision",
	"FeatureNotAvailableError",
	"LimitReachedError",
	"Reason",
	"SiteRestrictedError",
	"UnknownFeatureError",
	"UnknownLimitError",
	"check_feature_access",
	"feature_required",
	"get_feature_access",
	"get_limit_access",
	"has_feature",
	"require_feature",
	"require_limit",
]

F = TypeVar("F", bound=Callable)


class UnknownLimitError(frappe.ValidationError, LookupError):
	"""A limit that neither the site's apps nor its plan know; the message names the nearest known one. HTTP 400."""

	http_status_code = 400


def check_feature_access(feature: str) -> bool:
	"""Whether this site may use `feature` (the key of a Feature, such as "rfi").

	Raises UnknownFeatureError for a name that the catalogue lacks.
	"""
	try:
		return checks.current()[feature].allowed
	except unknown.UnknownFeatureError as error:
		refuse_unknown(error)


def get_feature_access(feature: str) -> Decision:
	"""The decision about `feature`: its reason, the plan that has it, and the sentence to show to a user.

	Raises UnknownFeatureError for a name that the catalogue lacks.
	"""
	try:
		return checks.current()[feature]
	except unknown.UnknownFeatureError as error:
		refuse_unknown(error)


def require_feature(feature: str) -> None:
	"""Raise FeatureNotAvailableError (HTTP 403, with a message in Desk) unless this site may use `feature`."""
	answer = get_feature_access(feature)
	if not answer.allowed:
		refuse(answer)


def get_limit_access(key: str, requested: float = 1) -> Decision:
	"""Whether `requested` more of a limit ("max_users") may be added: a Decision with the limit and what is in use.

	All numbers are in the limit's own unit. Reserves nothing. Raises UnknownLimitError for a name that neither the site's apps nor its
	plan know.
	"""
	try:
		return limits.access(key, requested)
	except unknown.UnknownLimitError as error:
		frappe.throw(str(error), UnknownLimitError, title=_("Unknown limit"))


def require_limit(key: str, requested: float = 1) -> None:
	"""Raise LimitReachedError (HTTP 403, with a message in Desk) unless `requested` more may be added.

	Call it in the transaction that adds them. Of two requests for the last place, one is admitted: the room counts as taken until the
	transaction ends. Do not call it for documents of a doctype that has a limit: these are checked when they are saved. Raises
	UnknownLimitError as get_limit_access does.
	"""
	try:
		limits.require(key, requested)
	except unknown.UnknownLimitError as error:
		frappe.throw(str(error), UnknownLimitError, title=_("Unknown limit"))


def has_feature(feature: str) -> bool:
	"""For templates, print formats and web pages: `{% if has_feature("rfi") %}`.

	True on a site that is not a tenant's: nothing is gated there. Raises UnknownFeatureError for a name that the catalogue lacks.
	"""
	return not site_role.is_tenant_site() or check_feature_access(feature)


def feature_required(feature: str) -> Callable[[F], F]:
	"""Decorator: the function works on sites that may use `feature`, and raises FeatureNotAvailableError on others.

	Write it under `@frappe.whitelist()`, so that Frappe knows the guarded function:

	    @frappe.whitelist()
	    @feature_required("rfi")
	    def send_reminder(rfi: str): ...

	Each call is counted. Nothing is gated on a site that is not a tenant's, nor while an app is installed or patched.
	Raises TypeError when it stands above `@frappe.whitelist()`: the bare function would be open to HTTP.
	"""

	def decorate(function: F) -> F:
		if function in frappe.whitelisted:
			raise TypeError(
				f"Write @feature_required under @frappe.whitelist(), not over it: {function.__qualname__}."
			)
		if iscoroutinefunction(function):
			raise TypeError(f"@feature_required guards no coroutine: {function.__qualname__}.")

		@wraps(function)
		def guarded(*args, **kwargs):
			gates.require((feature,))
			return function(*args, **kwargs)

		return guarded

	return decorate
