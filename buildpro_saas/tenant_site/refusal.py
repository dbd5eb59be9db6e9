"""The errors of a tenant's site: one class for each cause, with one sentence for the person."""

from html import escape
from typing import NoReturn

import frappe
from frappe import _

from buildpro_saas.entitlements import unknown
from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.entitlements.reason import Reason


class FeatureNotAvailableError(frappe.PermissionError):
	"""A feature that this site may not use; `decision` has the reason. HTTP 403."""

	http_status_code = 403
	decision: Decision | None = None


class UnknownFeatureError(frappe.ValidationError, LookupError):
	"""A feature that no catalogue has; the message names the nearest known one.

	HTTP 400: the mistake is the caller's.
	"""

	http_status_code = 400


class SiteRestrictedError(frappe.PermissionError):
	"""Something was to be written on a site whose plan has expired, or that is suspended. HTTP 403."""

	http_status_code = 403


def refuse(answer: Decision) -> NoReturn:
	"""Raise FeatureNotAvailableError with the decision's sentence, as Desk shows it. Labels may hold anything: they are escaped."""
	try:
		frappe.throw(escape(answer.message, quote=False), FeatureNotAvailableError, title=title(answer))
	except FeatureNotAvailableError as error:
		error.decision = answer
		raise


def title(answer: Decision) -> str:
	"""The heading over a denial: "Available in Growth" where a plan has the feature."""
	# the tenant has an earlier version of that plan
	is_own = answer.required_plan == answer.plan
	if answer.reason == Reason.NOT_IN_PLAN and answer.required_plan and not is_own:
		return _("Available in {0}").format(escape(answer.required_plan, quote=False))
	return _("Not in your plan") if answer.reason == Reason.NOT_IN_PLAN else _("Not available")


def refuse_unknown(error: unknown.UnknownFeatureError) -> NoReturn:
	"""Raise UnknownFeatureError with a sentence, HTTP 400: the mistake is the caller's."""
	frappe.throw(str(error), UnknownFeatureError, title=_("Unknown feature"))


def refuse_to_write(message: str) -> NoReturn:
	"""Raise SiteRestrictedError with the (plain) sentence."""
	frappe.throw(escape(message, quote=False), SiteRestrictedError, title=_("This site is read-only"))
