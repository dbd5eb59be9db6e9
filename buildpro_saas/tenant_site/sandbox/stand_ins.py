"""What stands for Frappe's functions in user-written code: what asks the database is bounded, what is not for it refuses."""

import types
from collections.abc import Callable
from functools import cache
from typing import Any

import frappe
from frappe.database.database import Database
from frappe.model.base_document import BaseDocument
from frappe.model.meta import Meta

from buildpro_saas.tenant_site.sandbox import names, queries
from buildpro_saas.tenant_site.sandbox.document_reading import of_document, of_meta
from buildpro_saas.tenant_site.sandbox.refusal import refuse, refusing


def stand_in(value: Any) -> Any:
	"""Return the value, or what stands for it. Methods of documents and of the database are judged as their attributes are.

	Raises SandboxError for a method that is refused.
	"""
	if isinstance(value, types.MethodType):
		owner, name = value.__self__, value.__name__
		for kind, rule in ((Meta, of_meta), (BaseDocument, of_document), (Database, of_database)):
			if isinstance(owner, kind):
				return rule(owner, name)
	elif isinstance(value, types.FunctionType):
		return replacements().get(value, value)
	return value


def of_database(obj: Database, name: str, may_change: bool = False) -> Any:
	"""Return a reading function of the database, bounded. Raises AttributeError for none, SandboxError for another."""
	if name in names.DB:
		return queries.bounded(queries.sql) if name == "sql" else queries.reading(getattr(obj, name))
	if not hasattr(obj, name):
		raise AttributeError(name)
	refuse(f"frappe.db.{name}")


@cache
def replacements() -> dict[Callable, Callable]:
	"""{function of Frappe's: what stands for it in user-written code}."""
	from buildpro_saas.tenant_site.sandbox import images

	found = {
		frappe.get_all: queries.reading(frappe.get_all),
		frappe.get_list: queries.reading(frappe.get_list),
		frappe.get_last_doc: queries.reading(frappe.get_last_doc),
		frappe.get_doc: queries.bounded(queries.get_doc),
		frappe.get_cached_doc: queries.bounded(queries.get_cached_doc),
	}
	return _refused_functions() | found | images.replacements()


def _refused_functions() -> dict[Callable, Callable]:
	"""{function: one that refuses} for what Frappe gives to scripts and names.py does not list, however the code came by it."""
	from frappe.utils.safe_exec import get_safe_globals

	there = get_safe_globals()
	places = ((there, names.GLOBALS, ""), (there["frappe"], names.FRAPPE, "frappe."))
	return {
		value: refusing(f"{prefix}{name}")
		for place, allowed, prefix in places
		for name, value in place.items()
		if name not in allowed and isinstance(value, types.FunctionType)
	}
