"""The database as users' templates and expressions see it: reading, within the site's own database, for a bounded time."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import frappe

from buildpro_saas.tenant_site.sandbox.budget import bounded
from buildpro_saas.tenant_site.sandbox.refusal import refuse

# What a select may call. Words that take brackets without being functions are among them.
FUNCTIONS = frozenset(
	{
		*("select", "from", "where", "in", "not", "and", "or", "on", "as", "exists", "any", "all", "some"),
		*("by", "join"),
		*("union", "having", "when", "then", "else", "over", "partition", "using", "values", "distinct"),
		*("with",),
		*("except", "intersect", "limit", "offset", "between", "like", "is", "interval", "div", "mod"),
		*("xor", "regexp"),
		*("sum", "count", "avg", "min", "max", "group_concat", "std", "stddev", "variance", "bit_and"),
		*("bit_or",),
		*("row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value", "ntile", "cast"),
		*("convert",),
		*("if", "ifnull", "nullif", "coalesce", "greatest", "least", "isnull", "nvl", "case", "char"),
		*("decimal",),
		*("abs", "round", "ceil", "ceiling", "floor", "truncate", "power", "pow", "sqrt", "sign", "signed"),
		*("unsigned",),
		*("concat", "concat_ws", "substring", "substr", "substring_index", "left", "right", "mid", "length"),
		*("char_length", "upper", "ucase", "lower", "lcase", "trim", "ltrim", "rtrim", "replace"),
		*("reverse", "instr"),
		*("locate", "position", "format", "field", "find_in_set", "elt", "varchar", "date", "datetime"),
		*("time",),
		*("now", "curdate", "curtime", "current_date", "current_time", "current_timestamp", "utc_timestamp"),
		*("timestamp", "year", "quarter", "month", "monthname", "week", "weekofyear", "weekday"),
		*("yearweek", "day"),
		*("dayname", "dayofmonth", "dayofweek", "dayofyear", "hour", "minute", "second", "last_day"),
		*("makedate",),
		*("date_add", "date_sub", "adddate", "subdate", "addtime", "subtime", "datediff", "timediff"),
		*("timestampdiff",),
		*("timestampadd", "date_format", "time_format", "str_to_date", "from_unixtime", "unix_timestamp"),
		*("extract",),
		*("json_extract", "json_unquote", "json_value", "json_contains", "json_length", "md5", "period_diff"),
	}
)
# They never stand in a select that only reads this site's rows.
WORDS = re.compile(
	r"\b(into|outfile|dumpfile|load_file|sleep|benchmark|get_lock|release_lock|release_all_locks|is_free_lock|is_used_lock"
	r"|master_pos_wait|master_gtid_wait|procedure|handler"
	r"|for\s+update|lock\s+in\s+share\s+mode|nextval|lastval|setval|sys_exec|sys_eval|set\s+statement)\b",
	re.IGNORECASE,
)
SCHEMAS = re.compile(r"\b(mysql|sys|information_schema|performance_schema)\b`?\s*\.", re.IGNORECASE)
TEXTS = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"", re.DOTALL)
COMMENT = re.compile(r"/\*|--|#")
VARIABLE = re.compile(r"@|:=")
CALL = re.compile(r"([\w$`.]+)\s*\(")
# Of what Frappe's reading functions take, what writes or locks.
REFUSED_ARGUMENTS = frozenset(
	{
		*("for_update", "skip_locked", "wait", "save_user_settings", "save_user_settings_fields", "debug"),
		*("explain",),
		*("pluck_query", "return_query", "as_query"),
	}
)


def check_select(query: str) -> None:
	"""Raise SandboxError unless the text is one select that reads this site's rows, by functions that only compute."""
	code = TEXTS.sub("''", query).strip().rstrip(";").strip()
	if not re.match(r"(select|with)\b", code, re.IGNORECASE):
		refuse("frappe.db.sql")
	for unwanted in (COMMENT, VARIABLE, WORDS, SCHEMAS, re.compile(";")):
		if found := unwanted.search(code):
			refuse(found.group())
	for function in CALL.findall(code):
		if function.lower() not in FUNCTIONS and not function.endswith("`"):
			refuse(function)


def sql(query: str, *args, **kwargs) -> Any:
	"""`frappe.db.sql` for a select within the site."""
	check_select(str(query))
	_refuse_arguments(kwargs)
	return frappe.db.sql(str(query), *args, **kwargs)


def reading(read: Callable) -> Callable:
	"""One of Frappe's reading functions, without its arguments that write or lock, and in bounded time."""

	@wraps(read)
	def reading_only(*args, **kwargs) -> Any:
		_refuse_arguments(kwargs)
		_refuse_functions((args, kwargs))
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
	return (doctype, doctype if name is None else name)


def _refuse_arguments(kwargs: dict) -> None:
	for name in REFUSED_ARGUMENTS.intersection(kwargs):
		if kwargs[name]:
			refuse(name)


def _refuse_functions(value: Any) -> None:
	"""Fields, filters and orders may hold SQL functions: those that wait or lock are refused, the others Frappe judges."""
	if isinstance(value, str):
		if "(" in value and (found := WORDS.search(value)):
			refuse(found.group())
	elif isinstance(value, dict):
		for part in value.items():
			_refuse_functions(part)
	elif isinstance(value, list | tuple | set):
		for part in value:
			_refuse_functions(part)
