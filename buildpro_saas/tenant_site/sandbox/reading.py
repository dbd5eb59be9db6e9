"""Decides whether user-written code may read this attribute of this object. Templates and expressions ask here alike.

The objects are real ones. Each attribute is judged by the object's type, at the moment when it is read. Documents show their
fields, and methods that read. The database shows its reading functions. Data shows its own methods. Modules, classes,
functions and Python's frames show nothing.
"""

import datetime
import decimal
import types
import uuid
from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import Any

import frappe
from frappe.database.database import Database
from frappe.model import child_table_fields, default_fields
from frappe.model.base_document import BaseDocument
from frappe.model.docstatus import DocStatus
from frappe.model.meta import Meta
from jinja2 import Environment, Undefined
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Request

from buildpro_saas.tenant_site.sandbox import names, queries, sizes
from buildpro_saas.tenant_site.sandbox.refusal import refuse, refusing

DATA = (
	*(str, bytes, dict, list, tuple, set, frozenset, int, float, complex, types.NoneType, range),
	*(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, decimal.Decimal, uuid.UUID),
)
CLOSED = (
	*(
		types.ModuleType,
		type,
		types.FunctionType,
		types.MethodType,
		types.BuiltinFunctionType,
		partial,
		types.CodeType,
	),
	*(
		types.FrameType,
		types.TracebackType,
		types.GeneratorType,
		types.CoroutineType,
		types.AsyncGeneratorType,
	),
	*(types.MethodWrapperType, types.GetSetDescriptorType, types.MemberDescriptorType, Environment, Callable),
)
CHANGING = frozenset(
	{
		*(
			"append",
			"extend",
			"insert",
			"remove",
			"pop",
			"popitem",
			"clear",
			"update",
			"setdefault",
			"sort",
			"reverse",
		),
		*("add", "discard", "difference_update", "intersection_update", "symmetric_difference_update"),
	}
)
FORMAT = frozenset({"format", "format_map"})
# Not to be set: what makes a document the one it is, and the framework's own parts of it.
FIXED = frozenset({*default_fields, *child_table_fields, "flags", "meta"})
# Classes of data that Frappe derives, and those of their methods that read.
DERIVED = {DocStatus: {"is_draft", "is_submitted", "is_cancelled"}}


def read(obj: Any, name: str, *, may_change: bool) -> Any:
	"""Return obj.name for user-written code.

	may_change: whether methods that change data are allowed, as for templates' own lists (`.append`).

	Raises:
		AttributeError: there is no such attribute, or its name begins with `_`.
		SandboxError: there is one, and it is refused.
	"""
	if name.startswith("_"):
		raise AttributeError(name)
	if isinstance(obj, LocalProxy):
		obj = obj._get_current_object()
	return replaced(_rule(type(obj))(obj, name, may_change))


def replaced(value: Any) -> Any:
	"""Return the value, or what stands for it here. What asks the database is bounded, methods of documents are judged."""
	if isinstance(value, types.MethodType):
		owner, name = value.__self__, value.__name__
		if isinstance(owner, BaseDocument | Database):
			return _rule(type(owner))(owner, name, False)
	elif isinstance(value, types.FunctionType):
		return replacements().get(value, value)
	elif value is frappe:
		return frappe_namespace()
	return value


def require_callable(function: Any) -> None:
	"""Raise SandboxError unless user-written code may call it. This is the second look, however the code came by it."""
	if isinstance(function, type):
		if not issubclass(function, (*DATA, BaseException)) and not _is_of_jinja(function):
			refuse(function.__name__)
	elif isinstance(function, types.MethodType) and isinstance(function.__self__, BaseDocument | Database):
		replaced(function)
	elif not isinstance(
		function, types.FunctionType | types.BuiltinFunctionType | types.MethodType | partial | LocalProxy
	):
		if not _is_of_jinja(type(function)):
			refuse(type(function).__name__)


@cache
def _rule(cls: type) -> Callable[[Any, str, bool], Any]:
	"""The function that judges attributes of objects of this class."""
	for kind, rule in (
		(Undefined, _of_jinja),
		(Meta, _of_meta),
		(BaseDocument, _of_document),
		(Database, _of_database),
		((Request, Headers, MultiDict), _of_request),
		(DATA, _of_data),
	):
		if issubclass(cls, kind):
			return rule
	if _is_of_jinja(cls) and not issubclass(cls, Environment):
		return _of_jinja
	return _closed if issubclass(cls, CLOSED) else _of_other


def _is_of_jinja(cls: type) -> bool:
	return cls.__module__.split(".")[0] in ("jinja2", "markupsafe")


def _closed(obj: Any, name: str, may_change: bool = False) -> Any:
	if obj is frappe:
		return read(frappe_namespace(), name, may_change=False)
	refuse(name)


def _of_jinja(obj: Any, name: str, may_change: bool = False) -> Any:
	return getattr(obj, name)


def _of_data(obj: Any, name: str, may_change: bool) -> Any:
	value = getattr(obj, name)
	if not hasattr(type(obj), name):
		return value  # an entry of a frappe._dict
	if not callable(value):
		return value
	if name in CHANGING and (not may_change or is_namespace(obj)):
		refuse(name)
	if name in FORMAT and not may_change:
		refuse(name)  # in templates Jinja judges what a format reads
	if any(hasattr(kind, name) for kind in DATA if isinstance(obj, kind)) or name in DERIVED.get(
		type(obj), ()
	):
		return sizes.method(obj, name, value)
	if isinstance(obj, frappe._dict) and name in vars(frappe._dict):
		return sizes.method(obj, name, value)
	if _is_of_jinja(type(obj)):
		return sizes.method(obj, name, value)  # Markup
	refuse(name)


def is_namespace(obj: Any) -> bool:
	"""Whether it is Frappe's namespace. Later templates of the request see the same one."""
	from frappe.utils.safe_exec import NamespaceDict

	return isinstance(obj, NamespaceDict)


def _of_document(obj: BaseDocument, name: str, may_change: bool = False) -> Any:
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


def _of_meta(obj: Meta, name: str, may_change: bool = False) -> Any:
	value = getattr(obj, name)
	if name == "get":
		return partial(_get, obj)
	if name in names.META_METHODS:
		return value
	if callable(value):
		refuse(f"meta.{name}")
	return value.copy() if isinstance(value, list | dict | set) else value


def _of_database(obj: Database, name: str, may_change: bool = False) -> Any:
	if name in names.DB:
		return queries.bounded(queries.sql) if name == "sql" else queries.reading(getattr(obj, name))
	if not hasattr(obj, name):
		raise AttributeError(name)
	refuse(f"frappe.db.{name}")


def _of_request(obj: Any, name: str, may_change: bool = False) -> Any:
	value = getattr(obj, name)
	if isinstance(obj, Request) and name not in names.REQUEST:
		refuse(f"frappe.request.{name}")
	if callable(value) and name not in ("get", "getlist", "items", "keys", "values", "to_dict"):
		refuse(name)
	return value


def _of_other(obj: Any, name: str, may_change: bool = False) -> Any:
	"""Judge an object of an app's own class, which the app gives to its page: its data is shown, its methods are not."""
	value = getattr(obj, name)
	if callable(value):
		refuse(f"{type(obj).__name__}.{name}")
	return value


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


def frappe_namespace() -> dict:
	"""`frappe` as templates see it."""
	from frappe.utils.safe_exec import get_safe_globals

	from buildpro_saas.tenant_site.sandbox import namespace

	return namespace.restricted(get_safe_globals())["frappe"]
