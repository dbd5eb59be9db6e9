"""What can be limited on this site, as its apps declare it in their hooks.py:

    buildpro_limits = {
        "max_rfis": {"label": "RFIs", "doctype": "RFI", "filters": [["status", "=", "Open"]]},
        "max_models_gb": {"label": "Models", "unit": "GB", "count": "my_app.models.size", "measured": 1},
    }

doctype, filters: which documents count. A document that comes to match adds 1.
size: a function of the document that says how much it adds instead, in the limit's unit.
count: a function without arguments that says how much is in use. Without it, matching documents are counted; or, where there is a
`size`, their sizes are added up, for which each of them is read.
measured: `count` takes long. It is run each hour, and a meter tells what was added since.
period "day": the count begins anew at midnight, UTC.

How much a plan allows is in the entitlement. limit_usage.py says how much is in use. limits.py refuses what goes above.
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
# Limits of which a plan that does not name them gives none; of any other it gives as many as anybody wants.
ONLY_GRANTED = frozenset({"exports_per_day"})
# In frappe.local.cache: the site's Declarations.
LOCAL_KEY = "buildpro_limits"


@dataclass(frozen=True)
class Declared:
	"""One limit as an app declares it (see above). filters: a list of [doctype, field, operator, value]."""

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
		"""Today (UTC) for a limit that begins anew each day, None for any other."""
		return utc_days.today() if self.is_daily else None

	@property
	def is_metered(self) -> bool:
		"""Whether a meter in Redis says how much is in use, and not a count of documents (limit_usage.py)."""
		return self.is_measured or self.is_daily

	def is_measurable(self) -> bool:
		"""Whether this site has what is limited. For example, ERPNext's documents are only where ERPNext is."""
		return bool(self.count or self.is_daily or (self.doctype and frappe.db.table_exists(self.doctype)))

	def measure(self) -> float:
		"""How much is in use, counted now."""
		if self.count:
			return frappe.get_attr(self.count)()
		if not self.doctype:
			return 0  # of a day: nothing but what was taken, which the meter has
		today = [[self.doctype, "creation", ">=", utc_days.midnight_here()]] if self.is_daily else []
		if not self.size:
			return frappe.db.count(self.doctype, self.filters + today)
		names = frappe.get_all(self.doctype, self.filters + today, pluck="name")
		return sum(self._size_of(frappe.get_doc(self.doctype, name)) for name in names)

	def counts(self, doc) -> bool:
		"""Whether a document or a row (None: there is none) is one of those that are limited."""
		return doc is not None and evaluate_filters(doc, self.filters)

	def size_in(self, doc) -> float:
		"""How much a document or a row (None: there is none) takes of what is limited, in the limit's unit; 0 where it does not count."""
		return self._size_of(doc) if self.counts(doc) else 0

	def stored_size(self, doc) -> float:
		"""The same of the document as it is stored."""
		return self.size_in(None if doc.is_new() else doc.get_doc_before_save())

	def _size_of(self, doc) -> float:
		return frappe.get_attr(self.size)(doc) if self.size else 1


Declarations = tuple[dict[str, Declared], dict[str, list[Declared]]]
# apps of a site, in the order of their installation → declarations by key, and those by doctype
_by_apps: Kept[Declarations] = Kept(32)


def declared() -> dict[str, Declared]:
	"""What can be limited on this site, by key."""
	return _declarations()[0]


def on_documents(doctype: str) -> Sequence[Declared]:
	"""The declared limits on documents of a doctype."""
	return _declarations()[1].get(doctype, ())


def doctypes() -> dict[str, list[Declared]]:
	"""The doctypes whose documents can be limited: {doctype: its limits}."""
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
	"""What the apps declare, by key. Where two declare the same limit, their words are merged and the later app's count."""
	found: dict[str, dict] = {}
	for by_key in app_hooks.declared(HOOK):
		for key, spec in by_key.items():
			found[key] = {**found.get(key, {}), **spec}
	return found


def _filters(doctype: str | None, filters) -> list:
	"""The filters of a hook, a list or a dict, each with the doctype in front. So values are compared by their fields' types."""
	if isinstance(filters, dict):
		pairs = (
			(field, value if isinstance(value, list | tuple) else ("=", value))
			for field, value in filters.items()
		)
		filters = [[field, *value] for field, value in pairs]
	return [[doctype, *each[-3:]] for each in filters]
