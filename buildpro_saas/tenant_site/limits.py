"""Limits: how much of a thing this site may have, and the refusal of more, where documents come into being.

What can be limited is declared by apps (declared_limits.py); how much a plan allows is in the entitlement. Only growth is refused: what
is there stays.
"""

import html
import json
from collections.abc import Sequence

import frappe
from frappe import _, local
from frappe.core.doctype.file.exceptions import MaxFileSizeReachedError
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from buildpro_saas import site_role
from buildpro_saas.entitlements import unknown
from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import (
	child_rows,
	declared_limits,
	freed,
	left_out,
	limit_usage,
	maintenance,
	usage,
	utc_days,
)
from buildpro_saas.tenant_site.declared_limits import Declared
from buildpro_saas.tenant_site.entitlement import current_gate

API_CALLS = "api_calls_per_day"
# While the framework or an app is being put in place, or the operator sets the site up, nobody is adding anything.
INSTALLING = maintenance.FLAGS | {maintenance.SETUP_WIZARD}


class LimitReachedError(frappe.ValidationError):
	"""More than the plan allows; `decision` has the numbers. HTTP 403."""

	http_status_code = 403
	decision: Decision | None = None


class StorageFullError(LimitReachedError, MaxFileSizeReachedError):
	"""A file for which there is no room: where the framework goes on without a file that is too big, it goes on without this one."""


# -- asking ----------------------------------------------------------------------------------------------------------


def access(key: str, requested: float = 1) -> Decision:
	"""Whether `requested` more may be added, as of now; holds nothing. Raises unknown.UnknownLimitError for an unknown key."""
	limit = _known(key)
	return _decide(key, limit.in_use() if limit else 0, requested)


def admit(key: str, requested: float = 1, *, is_there: bool = False) -> Decision:
	"""The same for somebody who adds it in this transaction: a hard limit is held until the transaction ends.

	is_there: what is added would be measured already, as a file that was written before its document.
	"""
	limit, granted = _known(key), current_gate().limits.get(key)
	is_held = limit is not None and granted is not None and granted.is_hard and requested > 0
	# more than can ever be holds nothing, and may be too much for a column
	if not is_held or requested > granted.value:
		return access(key, requested)
	growth = limit_usage.grow(key, requested, limit.day)
	answer = _decide(key, limit.in_use_with(growth), requested)
	if not answer.allowed and limit.is_outdated():
		answer = _decide(key, limit.measured_anew(requested, is_there=is_there), requested)
	return answer


def require(key: str, requested: float = 1) -> None:
	"""Raise LimitReachedError (HTTP 403, with a message in Desk) unless `requested` more may be added in this transaction.

	What is refused, and what is admitted above a soft limit, is counted as usage.
	"""
	_require(admit(key, requested))


def on_documents(doctype: str) -> Sequence[Declared]:
	"""The limits in force on documents of a kind; none while something is being installed, and off tenants' sites."""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return ()
	limits = declared_limits.on_documents(doctype)
	if not limits or maintenance.is_under_way(INSTALLING):
		return ()
	gate = current_gate()
	# a restricted site is not the limits' to refuse
	return () if gate.restriction else [limit for limit in limits if limit.key in gate.limits]


def foresee(limit: Declared, number: float) -> None:
	"""Raise LimitReachedError unless `number` more may be added together; they are counted one by one as they come, in this transaction."""
	if current_gate().limits[limit.key].is_hard:
		answer = _decide(limit.key, limit.in_use_with(limit_usage.hold(limit.key, limit.day)), number)
		if not answer.allowed:
			_require(answer)


# -- hooks -----------------------------------------------------------------------------------------------------------


def hold(doc, method: str | None = None) -> None:
	"""Hook `before_validate` of what can be limited: hold a hard limit that saving it may come to.

	Before the framework's own validation takes locks of its own (a User's does), so that two requests meet here first, in order, and
	not as a deadlock. What counts already cannot grow, and holds nothing.
	"""
	for limit in on_documents(doc.doctype):
		if current_gate().limits[limit.key].is_hard and not limit.is_counted_already(doc):
			limit_usage.hold(limit.key, limit.day)
	if doc.flags.get("ignore_validate"):
		check_growth(doc)  # which Frappe does not come to


def check_growth(doc, method: str | None = None) -> None:
	"""Hook `validate` of what can be limited: refuse a document that comes to count where the limit is reached."""
	for limit in on_documents(doc.doctype):
		if limit.counts(doc) and not limit.is_counted_already(doc):
			_check(doc, limit, limit.size_of(doc))


def note_deletion(doc, method: str | None = None) -> None:
	"""Hook `after_delete` of what can be limited: what takes long to measure is measured anew when it is next asked for."""
	for limit in on_documents(doc.doctype):
		if limit.is_measured and not limit.is_daily:
			freed.note(limit.key)


def check_rows(doc, method: str | None = None) -> None:
	"""Refuse a document's rows that come to count where the limit on their doctype is reached: no event is theirs.

	Called by the one handler of all doctypes (gates.on_event), as rows of a document that has tables come, go and change.
	"""
	if method not in child_rows.SAVING:
		return
	more: dict[str, float] = {}
	for fieldname, child in child_rows.in_tables_of(doc, declared_limits.doctypes()):
		for limit in on_documents(child):
			for row, before in child_rows.with_stored(doc, fieldname):
				if limit.counts(row) and not limit.counts(before):
					more[limit.key] = more.get(limit.key, 0) + limit.size_of(row)
	for key, requested in sorted(more.items()):
		require(key, requested)


def check_api_call() -> None:
	"""Hook `auth_hooks`: count a call that came with an API key or an OAuth token, once it is known that they are good.

	Raises TooManyRequests (HTTP 429, with Retry-After) above a hard limit. Where Redis is away, nothing is limited.
	"""
	if local.conf.get("buildpro_role") != site_role.TENANT or not frappe.get_request_header("Authorization"):
		return
	gate = current_gate()
	if API_CALLS not in gate.limits or gate.restriction or frappe.session.user in ("", None, "Guest"):
		return
	calls = limit_usage.add_call()
	if calls is None:
		return
	answer = _decide(API_CALLS, calls - 1, 1)
	_count(answer)
	if not answer.allowed:
		limit_usage.add_call(-1)
		raise TooManyRequests(response=_too_many(answer))


def measure_limits() -> None:
	"""Each hour on a tenant's site: keep what was counted, and measure what is in use."""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return
	usage.store()
	for key, limit in declared_limits.declared().items():
		if limit.is_measurable():
			is_anew = limit.is_measured and not limit.is_daily
			limit_usage.keep(key, limit.measure, is_anew=is_anew, day=limit.day)
			frappe.db.commit()


# -- own -------------------------------------------------------------------------------------------------------------


def _check(doc, limit: Declared, size: float) -> None:
	is_file = doc.doctype == "File"
	answer = admit(limit.key, size, is_there=is_file)
	if is_file and not answer.allowed:
		left_out.take_back(doc, answer.message)
	_require(answer, StorageFullError if is_file else LimitReachedError)


def _require(answer: Decision, error: type[LimitReachedError] = LimitReachedError) -> None:
	_count(answer)
	if answer.allowed:
		return
	try:
		frappe.throw(html.escape(answer.message, quote=False), error, title=_("Limit of your plan"))
	except LimitReachedError as error:
		error.decision = answer
		raise


def _known(key: str) -> Declared | None:
	"""The declaration; None for a limit that only the plan knows. Raises unknown.UnknownLimitError for any other."""
	limit, gate = declared_limits.declared().get(key), current_gate()
	if limit is None and key not in gate.limits and key not in (gate.catalogue.get("limits") or {}):
		raise unknown.UnknownLimitError(key, {*declared_limits.declared(), *gate.limits})
	return limit


def _decide(key: str, used: float, requested: float) -> Decision:
	limit = declared_limits.declared().get(key)
	label, unit = (limit.label, limit.unit) if limit else (None, "")
	return current_gate().limit(key, _neat(used), _neat(requested), label=label, unit=_(unit) if unit else "")


def _neat(number: float) -> float | int:
	"""Without what floating point adds to it; a whole number as one."""
	number = round(number, 9)
	return int(number) if number == int(number) else number


def _count(answer: Decision) -> None:
	if answer.reason is Reason.OVER_SOFT_LIMIT:
		usage.count(answer.feature, usage.SHADOW)
	elif not answer.allowed:
		usage.count(answer.feature, usage.DENIED)


def _too_many(answer: Decision) -> Response:
	"""The refusal as the framework's API words one."""
	message = {"message": html.escape(answer.message, quote=False), "title": _("Limit of your plan")}
	body = {
		"exc_type": LimitReachedError.__name__,
		"_server_messages": json.dumps([json.dumps(message)]),
		"decision": answer.as_dict(),
	}
	return Response(
		json.dumps(body),
		status=429,
		mimetype="application/json",
		headers={"Retry-After": str(utc_days.seconds_left())},
	)
