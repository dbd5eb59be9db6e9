"""What can be limited on this site, as its apps declare it in their hooks.py (`buildpro_limits`), by the kind of document or by a
function that counts:

    buildpro_limits = {
        "max_rfis": {"label": "RFIs", "doctype": "RFI", "filters": [["status", "=", "Open"]]},
        "max_models_gb": {"label": "Models", "unit": "GB", "count": "my_app.models.size", "measured": 1},
    }

doctype, filters: a document that comes to match them adds 1, or what the function `size` says of it. count: a function without
arguments that says how much is in use; without it, documents are counted. measured: `count` takes long, and is run each hour. period
"day": begins anew at midnight, UTC. How much a plan allows is in the entitlement; who asks and is refused, in limits.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import frappe
from frappe import local
from frappe.utils.data import evaluate_filters

from buildpro_saas.tenant_site import app_hooks, freed, limit_usage, utc_days

HOOK = "buildpro_limits"
# In frappe.local.cache: (declarations by key, those by doctype).
LOCAL_KEY = "buildpro_limits"
# Handlers of the documents that can be limited.
HANDLERS = {
	"before_validate": "buildpro_saas.tenant_site.limits.hold",
	"validate": "buildpro_saas.tenant_site.limits.check_growth",
	"after_delete": "buildpro_saas.tenant_site.limits.note_deletion",
}


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

	def is_measurable(self) -> bool:
		"""Whether this site has what is counted (ERPNext's documents only where ERPNext is)."""
		return bool(self.count or (self.doctype and frappe.db.table_exists(self.doctype)))

	def measure(self) -> float:
		"""How much is in use, counted now."""
		if self.count:
			return frappe.get_attr(self.count)()
		return frappe.db.count(self.doctype, self.filters)

	def in_use(self) -> float:
		"""How much is in use: counted now, or when it was last measured and what was added since.

		It is measured anew where something was deleted since.
		"""
		if not self.is_measurable():
			return 0
		if self.is_outdated():
			return self.measure()
		return (
			self._kept(limit_usage.read(self.key) or limit_usage.Row())
			if self.is_measured
			else self.measure()
		)

	def in_use_with(self, growth: limit_usage.Growth) -> float:
		"""The same for somebody who holds the limit: with what others have committed meanwhile."""
		if self.is_measured:
			return self._kept(growth.row)
		counted = self.measure() + growth.others
		return max(counted, growth.row.grown) if self.is_daily else counted

	def is_outdated(self) -> bool:
		"""Whether something that counted was deleted since it was measured; what counts by the day is not given back."""
		return self.is_measured and not self.is_daily and freed.is_outdated(self.key)

	def measured_anew(self, requested: float, *, is_there: bool) -> float:
		"""How much is in use beside what is `requested`, which a measure finds already or not: measured now, and kept."""
		limit_usage.keep(self.key, self.measure, is_anew=True, day=None)
		used = (limit_usage.read(self.key, is_current=True) or limit_usage.Row()).used
		if is_there:
			return max(used - requested, 0)
		limit_usage.grow(self.key, requested)
		return used

	def _kept(self, row: limit_usage.Row) -> float:
		if not self.is_daily:
			return row.used + row.grown
		return max(row.used, row.grown) if row.day == self.day else 0

	def counts(self, doc) -> bool:
		"""Whether a document or a row (None: there is none) is one of those that are limited."""
		return doc is not None and evaluate_filters(doc, self.filters)

	def is_counted_already(self, doc) -> bool:
		"""Whether the document, as it is stored, is one of those that are limited."""
		return self.counts(None if doc.is_new() else doc.get_doc_before_save())

	def size_of(self, doc) -> float:
		return frappe.get_attr(self.size)(doc) if self.size else 1


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


def doc_events() -> dict[str, dict[str, str]]:
	"""Hook `doc_events` for this site: of the doctypes that can be limited and of no others, for finding a handler takes Frappe longer
	than the handler.
	"""
	if not getattr(local, "site", None):
		return {}
	return {spec["doctype"]: HANDLERS for spec in _specs().values() if spec.get("doctype")}


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


def _filters(doctype: str | None, filters) -> list:
	"""Filters of a hook, a list or a dict, with the doctype in front, so that values are compared as its fields' types have them."""
	if isinstance(filters, dict):
		pairs = (
			(field, value if isinstance(value, list | tuple) else ("=", value))
			for field, value in filters.items()
		)
		filters = [[field, *value] for field, value in pairs]
	return [[doctype, *each[-3:]] for each in filters]
