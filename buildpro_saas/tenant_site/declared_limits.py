"""What can be limited on this site, as its apps declare it in their hooks.py:

    buildpro_limits = {
        "max_rfis": {"label": "RFIs", "doctype": "RFI", "filters": [["status", "=", "Open"]]},
        "max_models_gb": {"label": "Models", "unit": "GB", "count": "my_app.models.size", "measured": 1},
    }

doctype, filters: a document that comes to match them adds 1, or what the function `size` says of it. count: a function without
arguments that says how much is in use; without it, documents are counted. measured: `count` takes long, and is run each hour.
period "day": it begins anew at midnight, UTC.

How much a plan allows is in the entitlement. How much is in use is limit_usage.py's to say. Who asks, and is refused, is in limits.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import frappe
from frappe import local
from frappe.utils.data import evaluate_filters

from buildpro_saas.entitlements.kept import Kept
from buildpro_saas.tenant_site import app_hooks, utc_days

HOOK = "buildpro_limits"
# In frappe.local.cache: the site's Declarations.
LOCAL_KEY = "buildpro_limits"


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
		return utc_days.today() if self.is_daily else None

	@property
	def is_metered(self) -> bool:
		"""Whether a meter in Redis says how much is in use, and not a count of documents (limit_usage.py)."""
		return self.is_measured or self.is_daily

	def is_measurable(self) -> bool:
		"""Whether this site has what is limited (ERPNext's documents only where ERPNext is)."""
		return bool(self.count or self.is_daily or (self.doctype and frappe.db.table_exists(self.doctype)))

	def measure(self) -> float:
		"""How much is in use, counted now."""
		if self.count:
			return frappe.get_attr(self.count)()
		if not self.doctype:
			return 0  # of a day: nothing but what was taken, which the meter has
		today = [[self.doctype, "creation", ">=", utc_days.midnight_here()]] if self.is_daily else []
		return frappe.db.count(self.doctype, self.filters + today)

	def counts(self, doc) -> bool:
		"""Whether a document or a row (None: there is none) is one of those that are limited."""
		return doc is not None and evaluate_filters(doc, self.filters)

	def is_counted_already(self, doc) -> bool:
		"""Whether the document, as it is stored, is one of those that are limited."""
		return self.counts(None if doc.is_new() else doc.get_doc_before_save())

	def size_of(self, doc) -> float:
		return frappe.get_attr(self.size)(doc) if self.size else 1


Declarations = tuple[dict[str, Declared], dict[str, list[Declared]]]
# apps of a site, in the order of their installation → declarations by key, and those by doctype
_by_apps: Kept[Declarations] = Kept(32)


def declared() -> dict[str, Declared]:
	"""What can be limited on this site, by key."""
	return _declarations()[0]


def on_documents(doctype: str) -> Sequence[Declared]:
	"""What can be limited of documents of a kind."""
	return _declarations()[1].get(doctype, ())


def doctypes() -> dict[str, list[Declared]]:
	"""The doctypes whose documents can be limited, with what limits them."""
	return _declarations()[1]


def label_of(key: str) -> str | None:
	"""What this site's apps call a limit; None where they do not know it."""
	limit = declared().get(key)
	return limit and limit.label


def forget() -> None:
	"""Have the apps' hooks.py read anew."""
	_by_apps.clear()
	local.cache.pop(LOCAL_KEY, None)


def _declarations() -> Declarations:
	held = local.cache.get(LOCAL_KEY)
	if held is None:
		apps = tuple(app_hooks.apps())
		held = local.cache[LOCAL_KEY] = _by_apps.get(apps) or _by_apps.put(apps, _read())
	return held


def _read() -> Declarations:
	by_key = {key: Declared.from_hook(key, spec) for key, spec in _specs().items()}
	by_doctype: dict[str, list[Declared]] = {}
	for limit in by_key.values():
		if limit.doctype:
			by_doctype.setdefault(limit.doctype, []).append(limit)
	return by_key, by_doctype


def _specs() -> dict[str, dict]:
	"""What the apps declare, by key; where two declare the same limit, the later one's words count."""
	found: dict[str, dict] = {}
	for by_key in app_hooks.declared(HOOK):
		for key, spec in by_key.items():
			found[key] = {**found.get(key, {}), **spec}
	return found


def _filters(doctype: str | None, filters) -> list:
	"""Filters of a hook, a list or a dict, with the doctype in front, so that values are compared as its fields' types have them."""
	if isinstance(filters, dict):
		pairs = (
			(field, value if isinstance(value, list | tuple) else ("=", value))
			for field, value in filters.items()
		)
		filters = [[field, *value] for field, value in pairs]
	return [[doctype, *each[-3:]] for each in filters]
