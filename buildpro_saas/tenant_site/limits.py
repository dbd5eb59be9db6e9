"""Limits: how much of a thing this site may have, and the refusal of more, where documents come into being.

What can be limited is declared in any app's hooks.py (`buildpro_limits`), by the kind of document or by a function that counts:

    buildpro_limits = {
        "max_rfis": {"label": "RFIs", "doctype": "RFI", "filters": [["status", "=", "Open"]]},
        "max_models_gb": {"label": "Models", "unit": "GB", "count": "my_app.models.size", "measured": 1},
    }

doctype, filters: a document that comes to match them adds 1, or what the function `size` says of it. count: a function without
arguments that says how much is in use; without it, documents are counted. measured: `count` takes long, and is run each hour. period
"day": begins anew at midnight, UTC. How much a plan allows is in the entitlement. Only growth is refused: what is there stays.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import frappe
from frappe import _, local
from frappe.utils.data import evaluate_filters
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from buildpro_saas import site_role
from buildpro_saas.entitlements import decision
from buildpro_saas.entitlements.decision import Decision
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import app_hooks, days, levels, maintenance, usage
from buildpro_saas.tenant_site.entitlement import current_gate

API_CALLS = "api_calls_per_day"
HOOK = "buildpro_limits"
# In frappe.local.cache: (declarations by key, those by doctype).
LOCAL_KEY = "buildpro_limits"
# While the framework or an app is being put in place, or the operator sets the site up, nobody is adding anything.
INSTALLING = maintenance.FLAGS | {maintenance.SETUP_WIZARD}


class LimitReachedError(frappe.ValidationError):
	"""More than the plan allows; `decision` has the numbers. HTTP 403."""

	http_status_code = 403
	decision: Decision | None = None


@dataclass(frozen=True)
class Declared:
	"""One limit as an app declares it (see above); filters: a list of [doctype, field, operator, value]."""

	key: str
	label: str | None
	unit: str
	doctype: str | None
	filters: list
	count: str | None
	size: str | None
	is_measured: bool
	is_daily: bool

	@classmethod
	def from_hook(cls, key: str, spec: dict) -> "Declared":
		"""spec: as hooks.py has it."""
		doctype = spec.get("doctype")
		return cls(
			key=key,
			label=spec.get("label"),
			unit=spec.get("unit") or "",
			doctype=doctype,
			filters=_filters(doctype, spec.get("filters") or []),
			count=spec.get("count"),
			size=spec.get("size"),
			is_measured=bool(spec.get("measured")),
			is_daily=spec.get("period") == "day",
		)

	@property
	def day(self) -> date | None:
		return days.today() if self.is_daily else None

	def is_measurable(self) -> bool:
		"""Whether this site has what is counted (ERPNext's documents only where ERPNext is)."""
		return bool(self.count or (self.doctype and frappe.db.table_exists(self.doctype)))

	def measure(self) -> float:
		"""How much is in use, counted now."""
		if self.count:
			return frappe.get_attr(self.count)()
		return frappe.db.count(self.doctype, self.filters)

	def in_use(self) -> float:
		"""How much is in use: counted now, or when it was last measured and what was added since."""
		if not self.is_measurable():
			return 0
		return self._kept(levels.read(self.key) or levels.Row()) if self.is_measured else self.measure()

	def in_use_with(self, growth: levels.Growth) -> float:
		"""The same for somebody who holds the limit: with what others have committed meanwhile."""
		if self.is_measured:
			return self._kept(growth.row)
		counted = self.measure() + growth.others
		return max(counted, growth.row.grown) if self.is_daily else counted

	def _kept(self, row: levels.Row) -> float:
		if not self.is_daily:
			return row.used + row.grown
		return max(row.used, row.grown) if row.day == self.day else 0

	def is_counted_already(self, doc) -> bool:
		"""Whether the document, as it is stored, is one of those that are limited."""
		before = None if doc.is_new() else doc.get_doc_before_save()
		return before is not None and evaluate_filters(before, self.filters)

	def size_of(self, doc) -> float:
		return frappe.get_attr(self.size)(doc) if self.size else 1


# -- asking ----------------------------------------------------------------------------------------------------------


def declared() -> dict[str, Declared]:
	"""What can be limited on this site, by key."""
	return _declarations()[0]


def access(key: str, requested: float = 1) -> Decision:
	"""Whether `requested` more may be added, as of now; holds nothing. Raises decision.UnknownLimitError for an unknown key."""
	limit = _known(key)
	return _decide(key, limit.in_use() if limit else 0, requested)


def admit(key: str, requested: float = 1) -> Decision:
	"""The same for somebody who adds it in this transaction: a hard limit is held until the transaction ends."""
	limit, granted = _known(key), current_gate().limits.get(key)
	if limit is None or granted is None or not granted.is_hard or requested <= 0:
		return access(key, requested)
	growth = levels.grow(key, requested, limit.day)
	return _decide(key, limit.in_use_with(growth), requested)


def require(key: str, requested: float = 1) -> None:
	"""Raise LimitReachedError (HTTP 403, with a message in Desk) unless `requested` more may be added in this transaction.

	What is refused, and what is admitted above a soft limit, is counted as usage.
	"""
	answer = admit(key, requested)
	_count(answer)
	if answer.allowed:
		return
	try:
		frappe.throw(
			html.escape(answer.message, quote=False), LimitReachedError, title=_("Limit of your plan")
		)
	except LimitReachedError as error:
		error.decision = answer
		raise


def label_of(key: str) -> str | None:
	"""What this site's apps call a limit; None where they do not know it."""
	limit = declared().get(key)
	return limit and limit.label


# -- hooks -----------------------------------------------------------------------------------------------------------


def doc_events() -> dict[str, dict[str, str]]:
	"""Hook `doc_events` for this site: of the doctypes that can be limited and of no others, for finding a handler takes Frappe longer
	than the handler.
	"""
	if not getattr(local, "site", None):
		return {}
	events = {"before_validate": f"{__name__}.hold", "validate": f"{__name__}.check_growth"}
	return {spec["doctype"]: events for spec in _specs().values() if spec.get("doctype")}


def hold(doc, method: str | None = None) -> None:
	"""Hook `before_validate` of what can be limited: hold a hard limit that saving it may come to.

	Before the framework's own validation takes locks of its own (a User's does), so that two requests meet here first, in order, and
	not as a deadlock. What counts already cannot grow, and holds nothing.
	"""
	for limit in _limits_on(doc.doctype):
		if current_gate().limits[limit.key].is_hard and not limit.is_counted_already(doc):
			levels.hold(limit.key, limit.day)
	if doc.flags.get("ignore_validate"):
		check_growth(doc)  # which Frappe does not come to


def check_growth(doc, method: str | None = None) -> None:
	"""Hook `validate` of what can be limited: refuse a document that comes to count where the limit is reached."""
	for limit in _limits_on(doc.doctype):
		if evaluate_filters(doc, limit.filters) and not limit.is_counted_already(doc):
			require(limit.key, limit.size_of(doc))


def check_api_call() -> None:
	"""Hook `auth_hooks`: count a call that came with an API key or an OAuth token, once it is known that they are good.

	Raises TooManyRequests (HTTP 429, with Retry-After) above a hard limit. Where Redis is away, nothing is limited.
	"""
	if local.conf.get("buildpro_role") != site_role.TENANT or not frappe.get_request_header("Authorization"):
		return
	gate = current_gate()
	if API_CALLS not in gate.limits or not gate.is_in_force or frappe.session.user in ("", None, "Guest"):
		return
	calls = levels.add_call()
	if calls is None:
		return
	answer = _decide(API_CALLS, calls - 1, 1)
	_count(answer)
	if not answer.allowed:
		levels.add_call(-1)
		raise TooManyRequests(response=_too_many(answer))


def look_after() -> None:
	"""Each hour on a tenant's site: keep what was counted, and measure what is in use."""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return
	usage.store()
	for key, limit in declared().items():
		if limit.is_measurable():
			is_anew = limit.is_measured and not limit.is_daily
			levels.keep(key, limit.measure, is_anew=is_anew, day=limit.day)
			frappe.db.commit()


# -- own -------------------------------------------------------------------------------------------------------------


def _limits_on(doctype: str) -> Sequence[Declared]:
	"""The limits in force on documents of a kind; none while something is being installed, and off tenants' sites."""
	if local.conf.get("buildpro_role") != site_role.TENANT:
		return ()
	limits = _declarations()[1].get(doctype)
	if not limits or maintenance.is_under_way(INSTALLING):
		return ()
	gate = current_gate()
	# what is not in force is not the limits' to refuse
	return [limit for limit in limits if limit.key in gate.limits] if gate.is_in_force else ()


def _declarations() -> tuple[dict[str, Declared], dict[str, list[Declared]]]:
	held = local.cache.get(LOCAL_KEY)
	if held is None:
		by_key = {key: Declared.from_hook(key, spec) for key, spec in _specs().items()}
		by_doctype: dict[str, list[Declared]] = {}
		for limit in by_key.values():
			if limit.doctype:
				by_doctype.setdefault(limit.doctype, []).append(limit)
		held = local.cache[LOCAL_KEY] = (by_key, by_doctype)
	return held


def _specs() -> dict[str, dict]:
	"""What the apps declare, by key; where two declare the same limit, the later one's words count."""
	found: dict[str, dict] = {}
	for by_key in app_hooks.declared(HOOK):
		for key, spec in by_key.items():
			found[key] = {**found.get(key, {}), **spec}
	return found


def _known(key: str) -> Declared | None:
	"""The declaration; None for a limit that only the plan knows. Raises decision.UnknownLimitError for any other."""
	limit, gate = declared().get(key), current_gate()
	if limit is None and key not in gate.limits and key not in (gate.catalogue.get("limits") or {}):
		raise decision.UnknownLimitError(key, {*declared(), *gate.limits})
	return limit


def _decide(key: str, used: float, requested: float) -> Decision:
	return current_gate().limit(key, _neat(used), _neat(requested), label=label_of(key))


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
		headers={"Retry-After": str(days.seconds_left())},
	)


def _filters(doctype: str | None, filters) -> list:
	"""Filters of a hook, a list or a dict, with the doctype in front, so that values are compared as its fields' types have them."""
	if isinstance(filters, dict):
		pairs = (
			(field, value if isinstance(value, list | tuple) else ("=", value))
			for field, value in filters.items()
		)
		filters = [[field, *value] for field, value in pairs]
	return [[doctype, *each[-3:]] for each in filters]
