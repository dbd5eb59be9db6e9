"""Decides which attributes of a document user-written code may read: its fields, and methods that read."""

import types
from functools import cached_property, partial
from typing import Any

import frappe
from frappe.model import child_table_fields, default_fields
from frappe.model.base_document import BaseDocument
from frappe.model.meta import Meta

from buildpro_saas.tenant_site.sandbox import names, sizes
from buildpro_saas.tenant_site.sandbox.refusal import refuse

# Not to be set: what makes a document the one it is, and the framework's own parts of it.
FIXED = frozenset({*default_fields, *child_table_fields, "flags", "meta"})


def of_document(obj: BaseDocument, name: str, may_change: bool = False) -> Any:
	"""Return the document's attribute. Raises AttributeError for none, SandboxError for one that is refused."""
	if name in obj.__dict__:
		return _copied(obj, obj.__dict__[name])
	found = getattr(type(obj), name)  # AttributeError: there is none
	if isinstance(found, property | cached_property | types.MemberDescriptorType):
		is_apps = not type(obj).__module__.startswith("frappe.")
		if is_apps or name in names.DOCUMENT_PROPERTIES or obj.meta.has_field(name):
			return getattr(obj, name)
		refuse(name)
	if not callable(found):
		return getattr(obj, name)
	if name in OWN_METHODS:
		return partial(OWN_METHODS[name], obj)
	if name in names.DOCUMENT_METHODS or name in _declared(obj):
		return getattr(obj, name)
	refuse(f"{obj.doctype}.{name}")


def _copied(obj: BaseDocument, value: Any) -> Any:
	"""The value; of flags and tables a copy. A change of the originals would be saved by whoever saves the document."""
	if isinstance(value, list):
		return list(value)
	return frappe._dict(value or {}) if value is obj.__dict__.get("flags") else value


def _declared(obj: BaseDocument) -> set[str]:
	"""The methods of this document's class that apps offer to templates."""
	declared = frappe.get_hooks("buildpro_template_methods") or {}
	return {*names.CONTROLLER_METHODS.get(obj.doctype, ()), *declared.get(obj.doctype, ())}


def _get(obj: BaseDocument, *args, **kwargs) -> Any:
	return _copied(obj, obj.get(*args, **kwargs))


def _set(obj: BaseDocument, key: str, value: Any, as_value: bool = False) -> None:
	"""`doc.set`, for a value that a print format shows.

	Refused elsewhere: the document may be about to be saved, and has been validated.
	"""
	is_fixed = not isinstance(key, str) or key in FIXED or key.startswith("_") or hasattr(type(obj), key)
	if is_fixed or not obj.flags.in_print:
		refuse(f"set({key})")
	obj.set(key, value, as_value)


def _get_formatted(obj: BaseDocument, *args, **kwargs) -> Any:
	sizes.of_document(obj, *args, **kwargs)
	return obj.get_formatted(*args, **kwargs)


OWN_METHODS = {"get": _get, "set": _set, "get_formatted": _get_formatted}


def of_meta(obj: Meta, name: str, may_change: bool = False) -> Any:
	"""The same of a doctype's Meta."""
	value = getattr(obj, name)
	if name == "get":
		return partial(_get, obj)
	if name in names.META_METHODS:
		return value
	if callable(value):
		refuse(f"meta.{name}")
	return value.copy() if isinstance(value, list | dict | set) else value
