"""The database as users' templates and expressions see it: they read, in the site's own database, for a bounded time.

statements.py judges what SQL they write: a whole statement (`sql`), and the parts of statements that Frappe's lists take.
"""

import inspect
import json
import re
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import frappe

from buildpro_saas.tenant_site.sandbox import statements
from buildpro_saas.tenant_site.sandbox.budget import bounded
from buildpro_saas.tenant_site.sandbox.refusal import refuse

# Arguments of Frappe's reading functions by which they would write, lock, or return something else than rows.
REFUSED_ARGUMENTS = frozenset(
	"""
	for_update skip_locked wait save_user_settings save_user_settings_fields debug explain pluck_query return_query as_query
	auto_commit
	""".split()
)
# Arguments that Frappe puts into a statement: texts of SQL, names, numbers, filters.
PARTS = ("fields", "fieldname", "order_by", "group_by")
NAMES = ("doctype", "dt", "pluck", "parent_doctype")
NUMBERS = ("limit", "limit_start", "limit_page_length", "start", "page_length", "offset")
FILTERS = ("filters", "or_filters", "dn", "name", "dt")
JOINS = frozenset({"join", "left join", "inner join", "right join"})
# How the functions are called that hand all their arguments on (frappe.get_list). Others after these are given by name.
OF_LISTS = ("doctype", "fields", "filters")
PLACEHOLDER = re.compile(r"%(?:%|s|\([^()%]*\)s)?")
NO_VALUES = object()


def sql(query: str, values: Any = NO_VALUES, **options) -> Any:
	"""`frappe.db.sql` for a select that statements.check_select lets through. Raises SandboxError for another.

	The values are put in first, so that what is judged is what is sent: a placeholder between quotes would end them.
	"""
	_refuse_arguments(options)
	_require_usual_quoting()
	statement = _with_values(str(query), values)
	statements.check_select(statement)
	return frappe.db.sql(statement, **options)


def reading(read: Callable) -> Callable:
	"""Wrap one of Frappe's reading functions: its arguments are judged, and its time is bounded."""

	@wraps(read)
	def reading_only(*args, **kwargs) -> Any:
		named = _named(read, args, kwargs)
		_refuse_arguments(named)
		_refuse_parts(named)
		return read(*args, **kwargs)

	return bounded(reading_only)


def get_doc(doctype: str, name: str | int | None = None) -> Any:
	"""`frappe.get_doc` for a document that is saved."""
	return frappe.get_doc(*_saved("get_doc", doctype, name))


def get_cached_doc(doctype: str, name: str | int | None = None) -> Any:
	"""`frappe.get_cached_doc`, the same way."""
	return frappe.get_cached_doc(*_saved("get_cached_doc", doctype, name))


def _saved(function: str, doctype: Any, name: Any) -> tuple:
	if not isinstance(doctype, str) or not isinstance(name, str | int | dict | None):
		refuse(f"frappe.{function}({type(doctype).__name__})")
	_refuse_parts({"doctype": doctype, "name": name})
	return (doctype, doctype if name is None else name)


def _require_usual_quoting() -> None:
	"""Refuse to judge on a server where quotes mean something else. No tenant can set that."""
	modes = (frappe.db.sql("select @@session.sql_mode")[0][0] or "").split(",")
	if unusual := statements.OTHER_QUOTING.intersection(modes):
		refuse(f"frappe.db.sql (sql_mode {min(unusual)})")


def _with_values(query: str, values: Any) -> str:
	if values is NO_VALUES:
		return query
	if not isinstance(values, tuple | list | dict):
		values = (values,)
	# `%.5s` would cut a value's quotes off, `%999999999s` fill the memory
	if "%" in PLACEHOLDER.findall(query):
		refuse("frappe.db.sql (%)")
	statement = frappe.db.mogrify(query, values) if values else query % (values or ())
	return statement.decode() if isinstance(statement, bytes) else statement


def _named(read: Callable, args: tuple, kwargs: dict) -> dict:
	"""The arguments by their names: given by place they do the same."""
	names, is_open = _places(getattr(read, "__func__", read))
	if is_open and len(args) > len(OF_LISTS):
		refuse(f"{read.__name__}({', '.join(OF_LISTS)}, …)")
	return dict(zip(OF_LISTS if is_open else names, args, strict=False)) | kwargs


@lru_cache(maxsize=128)
def _places(function: Callable) -> tuple[tuple[str, ...], bool]:
	"""The names of the function's arguments by place, and whether it takes any number of them."""
	parameters = inspect.signature(function).parameters.values()
	by_place = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
	return tuple(by_place[by_place[:1] == ["self"] :]), any(
		each.kind is each.VAR_POSITIONAL for each in parameters
	)


def _refuse_arguments(named: dict) -> None:
	for name in REFUSED_ARGUMENTS.intersection(named):
		if named[name]:
			refuse(name)


def _refuse_parts(named: dict) -> None:
	for name in PARTS:
		_refuse_part(named.get(name))
	for name in NAMES:
		if isinstance(named.get(name), str):
			statements.check_part(named[name], is_name=True)
	for name in NUMBERS:
		if isinstance(named.get(name), str) and not named[name].isdecimal():
			refuse(f"{name}={named[name]}")
	for name in FILTERS:
		is_of_list = "filters" in name
		_refuse_filters(_decoded(named.get(name)) if is_of_list else named.get(name), is_of_list)
	if str(named.get("join") or "join").lower() not in JOINS:
		refuse(f"join={named['join']}")


def _refuse_part(value: Any) -> None:
	"""Judge fields or orders: a text, JSON, a list, or one of the dicts that Frappe takes for child tables and functions."""
	value = _decoded(value)
	if isinstance(value, str):
		statements.check_part(value)
	elif isinstance(value, dict):
		_refuse_filters(value, True)  # Frappe takes filters in the place of fields
		for part in value.values():
			if isinstance(part, list | tuple | set | dict):
				_refuse_part(part)
	elif isinstance(value, list | tuple | set):
		is_filters = value and isinstance(next(iter(value)), list | tuple)
		if is_filters:
			_refuse_filters(value, True)
		else:
			for part in value:
				_refuse_part(part)


def _refuse_filters(value: Any, is_of_list: bool) -> None:
	"""Judge the names in filters. Values are escaped by Frappe; but a text in a list of filters is SQL for it.

	is_of_list: whether the list is one of filters, and not of documents' names.
	"""
	if isinstance(value, dict):
		for name in value:
			if isinstance(name, str):
				statements.check_part(name, is_name=True)
	elif isinstance(value, list | tuple | set):
		for each in value:
			if isinstance(each, str) and is_of_list:
				statements.check_part(each)
			elif isinstance(each, dict):
				_refuse_filters(each, is_of_list)
			elif isinstance(each, list | tuple):
				for name in each[: {2: 1, 3: 1}.get(len(each), 2)]:
					if isinstance(name, str):
						statements.check_part(name, is_name=True)


def _decoded(value: Any) -> Any:
	"""What Frappe makes of a text that is JSON; other values as they are."""
	if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
		try:
			return json.loads(value)
		except ValueError:
			return value
	return value
