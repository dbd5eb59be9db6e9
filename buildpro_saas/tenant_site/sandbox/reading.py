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
from functools import cache, partial
from typing import Any

import frappe
from frappe.database.database import Database
from frappe.model.base_document import BaseDocument
from frappe.model.docstatus import DocStatus
from frappe.model.meta import Meta
from jinja2 import Environment, Undefined
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Request

from buildpro_saas.tenant_site.sandbox import names, namespace, sizes
from buildpro_saas.tenant_site.sandbox.document_reading import of_document, of_meta
from buildpro_saas.tenant_site.sandbox.refusal import refuse
from buildpro_saas.tenant_site.sandbox.stand_ins import of_database, stand_in

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
	return namespace.of_frappe() if value is frappe else stand_in(value)


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
		(Meta, of_meta),
		(BaseDocument, of_document),
		(Database, of_database),
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
		return read(namespace.of_frappe(), name, may_change=False)
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
