"""Asks whether there is room below this site's limits, and refuses what goes above them. Only growth is refused: what is there stays.

Start reading here. declared_limits.py says what can be limited. limit_usage.py and limit_meters.py say how much is in use, also while
two add something at once. The entitlement says how much a plan allows.
"""

import html
import json
from collections.abc import Sequence

import frappe
import redis
from frappe import _, local
from frappe.core.doctype.file.exceptions import MaxFileSizeReachedError
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from buildpro_saas import framework, site_role
from buildpro_saas.entitlements import unknown
from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import (
	child_rows,
	declared_limits,
	left_out,
	limit_meters,
	limit_usage,
	maintenance,
	usage,
	utc_days,
)
from buildpro_saas.tenant_site.declared_limits import Declared
from buildpro_saas.tenant_site.entitlement import current_decisions

API_CALLS = "api_calls_per_day"
CHECK_GROWTH = "buildpro_saas.tenant_site.limits.check_growth"
# In a document's flags: {limit: how much of it the document took before it was saved}.
STORED_FLAG = "buildpro_stored_sizes"
# While the framework or an app is being installed, or the operator sets the site up, nothing is limited.
INSTALLING = maintenance.FLAGS | {maintenance.SETUP_WIZARD}


class LimitReachedError(frappe.ValidationError):
	"""More than the plan allows; `decision` has the numbers. HTTP 403."""

	http_status_code = 403
	decision: Decision | None = None


class StorageFullError(LimitReachedError, MaxFileSizeReachedError):
	"""A file for which there is no room.

	It is also Frappe's error for a file that is too big. Where the framework goes on without such a file, it goes on without this one.
	"""


# -- asking ----------------------------------------------------------------------------------------------------------


def access(key: str, requested: float = 1) -> Decision:
	"""Whether `requested` more may be added now. Reserves nothing. Raises unknown.UnknownLimitError for an unknown key."""
	limit = _known(key)
	return _decide(key, limit_usage.in_use(limit) if limit else 0, requested)


def admit(key: str, requested: float = 1, *, is_there: bool = False) -> Decision:
	"""As `access`, for a caller who adds it in this transaction: if allowed, it counts from now on, unless it is rolled back.

	is_there: what is added would be measured already, as a file that was written before its document.
	"""
	limit, granted = _known(key), current_decisions().limits.get(key)
	counts = limit and granted and requested > 0 and (granted.is_hard or limit.is_metered)
	if not counts:
		return access(key, requested)
	return limit_usage.take(limit, requested, lambda used: _decide(key, used, requested), is_there=is_there)


def require(key: str, requested: float = 1) -> None:
	"""Raise LimitReachedError (HTTP 403, with a message in Desk) unless `requested` more may be added in this transaction.

	A refusal is counted as usage, and so is what is admitted above a soft limit.
	"""
	_require(admit(key, requested))


def on_documents(doctype: str) -> Sequence[Declared]:
	"""The limits in force on documents of a kind; none while something is being installed, and off tenants' sites."""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return ()
	limits = declared_limits.on_documents(doctype)
	if not limits or maintenance.is_under_way(INSTALLING):
		return ()
	decisions = current_decisions()
	# on a restricted site restriction.py refuses every write
	return () if decisions.restriction else [limit for limit in limits if limit.key in decisions.limits]


def require_room(limit: Declared, number: float) -> None:
	"""Raise LimitReachedError unless there is room for `number` more documents.

	They count later, as each of them is saved in this transaction.
	"""
	if _is_held(limit):
		limit_usage.hold(limit.key)
	answer = access(limit.key, number)
	if not answer.allowed:
		_require(answer)


# -- hooks -----------------------------------------------------------------------------------------------------------


def hold(doc, method: str) -> None:
	"""Lock the row of each hard, counted limit that saving the document may add to, and have its growth checked at validation.

	gates.on_event calls this before validation, because the framework's own validation takes locks, too (a User's does). Two requests
	that lock in another order would end in a deadlock; so they meet here first, and one waits. A document that counts already locks
	nothing, unless the limit is on sizes: it may grow.

	What is stored is measured here, too: a size may be that of a file, which validation moves. A document that was submitted is not
	validated any more: its growth is checked here.
	"""
	if not (limits := on_documents(doc.doctype)):
		return
	stored = doc.flags[STORED_FLAG] = {limit.key: limit.stored_size(doc) for limit in limits}
	for limit in limits:
		if _is_held(limit) and (limit.size or not stored[limit.key]):
			limit_usage.hold(limit.key)
	if method == "before_validate" and not doc.flags.get("ignore_validate"):
		framework.listen(doc.doctype, "validate", CHECK_GROWTH)
	else:
		check_growth(doc)  # Frappe does not come to validation


def check_growth(doc, method: str | None = None) -> None:
	"""Hook `validate` of what can be limited: refuse a document that begins to count, or grows, where the limit is reached."""
	stored = doc.flags.get(STORED_FLAG) or {}
	for limit in on_documents(doc.doctype):
		before = stored[limit.key] if limit.key in stored else limit.stored_size(doc)
		growth = limit.size_in(doc) - before
		if growth > 0:
			_check(doc, limit, growth)
		elif growth < 0:
			_note_less(limit)


def note_deletion(doc, method: str | None = None) -> None:
	"""Hook `after_delete` of all doctypes: a limit that takes long to measure is measured again before it next refuses."""
	for limit in on_documents(doc.doctype):
		_note_less(limit)


def check_rows(doc, method: str | None = None) -> None:
	"""Refuse a document's rows that begin to count, or grow, where the limit on their doctype is reached. Frappe has no event for rows.

	gates.on_event calls it when a document with tables is saved.
	"""
	if method not in child_rows.SAVING:
		return
	more: dict[str, float] = {}
	for fieldname, child in child_rows.in_tables_of(doc, declared_limits.doctypes()):
		for limit in on_documents(child):
			for row, before in child_rows.with_stored(doc, fieldname):
				growth = limit.size_in(row) - limit.size_in(before)
				if growth > 0:
					more[limit.key] = more.get(limit.key, 0) + growth
	for key, requested in sorted(more.items()):
		require(key, requested)


def check_api_call() -> None:
	"""Hook `auth_hooks`: count a call with an API key or an OAuth token, once it is known that they are good.

	Raises TooManyRequests (HTTP 429, with Retry-After) above a hard limit. Where Redis is away, nothing is limited.
	"""
	if local.conf.get("buildpro_role") != site_role.TENANT or not frappe.get_request_header("Authorization"):
		return
	decisions = current_decisions()
	if (
		API_CALLS not in decisions.limits
		or decisions.restriction
		or frappe.session.user in ("", None, "Guest")
	):
		return

	def decide(used: float) -> Decision:
		return _decide(API_CALLS, used, 1)

	try:
		answer = limit_meters.take(API_CALLS, utc_days.today(), 1, decide, starts_at=0, is_final=True)
	except redis.exceptions.RedisError:
		return
	_count(answer)
	if not answer.allowed:
		raise TooManyRequests(response=_too_many(answer))


def measure_limits() -> None:
	"""Each hour on a tenant's site: write the usage counts into the database, and measure all limits."""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return
	usage.store()
	for limit in declared_limits.declared().values():
		if limit.is_measurable():
			limit_usage.keep(limit, limit.measure)
			frappe.db.commit()


# -- own -------------------------------------------------------------------------------------------------------------


def _note_less(limit: Declared) -> None:
	if limit.is_metered and not limit.is_daily:
		limit_meters.note_deletion(limit.key)


def _is_held(limit: Declared) -> bool:
	"""Whether adding to it locks its row: a hard limit on documents that are counted."""
	return current_decisions().limits[limit.key].is_hard and not limit.is_metered


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
	"""The declaration of a limit, None where only the plan knows the limit. Raises unknown.UnknownLimitError for any other."""
	limit, decisions = declared_limits.declared().get(key), current_decisions()
	if limit is None and key not in decisions.limits and key not in (decisions.catalogue.get("limits") or {}):
		raise unknown.UnknownLimitError(key, {*declared_limits.declared(), *decisions.limits})
	return limit


def _decide(key: str, used: float, requested: float) -> Decision:
	limit = declared_limits.declared().get(key)
	label, unit = (limit.label, limit.unit) if limit else (None, "")
	return current_decisions().limit(
		key, _neat(used), _neat(requested), label=label, unit=_(unit) if unit else ""
	)


def _neat(number: float) -> float | int:
	"""The number without floating point error; a whole number as an int."""
	number = round(number, 9)
	return int(number) if number == int(number) else number


def _count(answer: Decision) -> None:
	if answer.reason is Reason.OVER_SOFT_LIMIT:
		usage.count(answer.feature, usage.SHADOW)
	elif not answer.allowed:
		usage.count(answer.feature, usage.DENIED)


def _too_many(answer: Decision) -> Response:
	"""The refusal in the form of the framework's API."""
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
