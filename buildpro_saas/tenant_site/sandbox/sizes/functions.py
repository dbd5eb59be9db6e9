"""What functions of Python's, and of Frappe's, would make."""

import decimal
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from typing import Any

from frappe import _
from frappe.utils import cint
from jinja2.runtime import Macro
from jinja2.sandbox import safe_range

from buildpro_saas.tenant_site.sandbox import budget
from buildpro_saas.tenant_site.sandbox.budget import ENTRIES, LONGEST, require_light, ticking, weigh
from buildpro_saas.tenant_site.sandbox.format_strings import require_plain
from buildpro_saas.tenant_site.sandbox.sizes.bounds import (
	HIGHEST,
	INDENT,
	LONGEST_FORMAT,
	LONGEST_HASH,
	LONGEST_NUMBER,
	MOST_JUDGED,
	PRODUCT,
	changed,
	require,
	ticking_call,
)
from buildpro_saas.tenant_site.sandbox.sizes.markup import markdown, of_tags, urls
from buildpro_saas.tenant_site.sandbox.sizes.methods import codec, sorted_by, stripped

# What is passed on as it is: entries are not compared, printed or hashed.
PASSING = frozenset({"append", "extend", "insert", "update", "get_formatted"})


def before_call(function: Callable, args: tuple, kwargs: dict) -> None:
	"""Judge what a function is given. A macro is a text itself, and is judged as it runs."""
	name = "" if type(function) is Macro else getattr(function, "__name__", "call")
	if not name or name in PASSING:
		return
	if args:
		require_light(args, name)
	if kwargs:
		require_light(kwargs.values(), name)


def added_up(items: Iterable, start: Any = 0) -> None:
	if not isinstance(start, int | float | decimal.Decimal):
		entries = len(items) if hasattr(items, "__len__") else ENTRIES
		weight = weigh(items, "sum") if hasattr(items, "__len__") else LONGEST
		require(entries * weight <= PRODUCT, "sum")


def rounded(number: Any, ndigits: Any = 0, *rest, **more) -> None:
	require(abs(cint(more.get("precision", ndigits))) <= HIGHEST, "round")


def _third_is_precision(one: Any, other: Any = 0, precision: Any = 2, *rest) -> None:
	rounded(one, precision)


def _largest(*items: Any, key: Callable | None = None, **more) -> dict:
	require_light(items, "max")
	return {"key": ticking_call(key)} if key else {}


def _lipsum(n: int = 5, html: bool = True, min: int = 20, max: int = 100) -> None:
	require(abs(int(n)) * abs(int(max)) <= HIGHEST * 100, "lipsum")


def _hash(*args, **kwargs) -> None:
	numbers = (each for each in (*args, *kwargs.values()) if isinstance(each, int | float))
	require(all(abs(each) <= LONGEST_HASH for each in numbers), "generate_hash")


def as_json(value: Any, indent: Any = None, separators: Any = None, *rest, **more) -> None:
	require_light((value,), "json")
	width = indent if isinstance(indent, int) else len(indent or "")
	require(width <= INDENT and sum(map(len, separators or ())) <= INDENT, "json")


def _dumped(value: Any, **more) -> None:
	as_json(value, more.get("indent"), more.get("separators"))


def _loaded(text: Any) -> None:
	"""Takes no hooks: they are called for each entry."""


def short(*args, **kwargs) -> None:
	for each in (*args, *kwargs.values()):
		require(not isinstance(each, str | bytes) or len(each) <= LONGEST_FORMAT, "text")


def _number_in_words(number: Any = 0, *rest, **more) -> None:
	require(not isinstance(number, int) or number.bit_length() <= LONGEST_NUMBER * 3, "in_words")
	short(number)


def _separated(items: Any = (), pattern: Any = None, *rest, **more) -> None:
	"""Frappe fills the pattern in with str.format."""
	if isinstance(pattern, str):
		require_plain(pattern, _("the pattern of comma_sep"))
	require_light((items,), "comma_sep")


def _joined_by(items: Any = (), separator: Any = "", *rest) -> tuple:
	items = items if hasattr(items, "__len__") else list(ticking(items))
	require(weigh(items, "join") + len(items) * len(str(separator)) <= LONGEST, "join")
	return (items,)


def _encoded(value: Any = None, encoding: str = "utf-8") -> None:
	codec(value if isinstance(value, str) else "", encoding)


def _stripped(text: Any = "", chars: Any = None) -> None:
	stripped(text or "", chars)


def _shown(value: Any = None, df: Any = None, *rest, **more) -> None:
	kind = df if isinstance(df, str) else getattr(df, "get", dict().get)("fieldtype")
	if kind == "Markdown Editor":
		markdown(value)
	if hasattr(df, "get"):
		rounded(0, df.get("precision") or 0)


def of_document(document: Any, fieldname: str, *rest, **more) -> None:
	"""Judge `doc.get_formatted`."""
	_shown(
		document.get(fieldname), document.meta.get_field(fieldname) if isinstance(fieldname, str) else None
	)


# Rules of functions by their names in the namespace.
FUNCTIONS: dict[str, Callable] = {
	"sum": added_up,
	"sorted": sorted_by,
	"max": _largest,
	"min": _largest,
	"round": rounded,
	"lipsum": _lipsum,
	"as_json": as_json,
	"json.loads": _loaded,
	"json.dumps": _dumped,
	"html2text": of_tags,
	"frappe.format": _shown,
	"frappe.format_value": _shown,
	"frappe.sanitize_html": of_tags,
	**dict.fromkeys(("frappe.utils.strip_html", "frappe.utils.is_html", "frappe.utils.to_markdown"), of_tags),
	**dict.fromkeys(("frappe.utils.md_to_html", "frappe.utils.markdown"), markdown),
	**dict.fromkeys(("frappe.utils.expand_relative_urls", "frappe.utils.scrub_urls"), urls),
	"frappe.utils.quote_urls": urls,
	"frappe.utils.generate_hash": _hash,
	**dict.fromkeys(("frappe.utils.flt", "frappe.utils.rounded", "frappe.utils.fmt_money"), rounded),
	"frappe.utils.remainder": _third_is_precision,
	"frappe.utils.safe_div": _third_is_precision,
	"frappe.utils.round_based_on_smallest_currency_fraction": _third_is_precision,
	**dict.fromkeys(("frappe.utils.in_words", "frappe.utils.money_in_words"), _number_in_words),
	**dict.fromkeys(
		("frappe.utils.comma_sep", "frappe.utils.comma_or", "frappe.utils.comma_and"), _separated
	),
	"frappe.utils.filter_strip_join": _joined_by,
	"frappe.utils.encode": _encoded,
	"frappe.utils.strip": _stripped,
	**{
		f"frappe.utils.{name}": short
		for name in (
			*("sanitize_column", "getdate", "get_datetime", "get_time", "to_timedelta", "get_timedelta"),
			*("is_invalid_date_string", "add_to_date", "add_days", "add_months", "add_years", "date_diff"),
			*(
				"month_diff",
				"time_diff",
				"time_diff_in_seconds",
				"time_diff_in_hours",
				"get_timestamp",
				"get_eta",
			),
			*("get_first_day", "get_last_day", "get_quarter_start", "get_quarter_ending", "get_year_start"),
			*("get_first_day_of_week", "get_last_day_of_week", "get_year_ending", "get_weekday", "get_month"),
			*("get_datetime_str", "get_date_str", "get_time_str", "format_date", "format_time", "formatdate"),
			*(
				"format_datetime",
				"format_duration",
				"duration_to_seconds",
				"global_date_format",
				"pretty_date",
			),
			*("convert_utc_to_system_timezone", "convert_utc_to_user_timezone", "get_datetime_in_timezone"),
			*("get_timespan_date_range", "evaluate_filters", "get_filter", "get_abbr"),
		)
	},
	"frappe.format_date": short,
}
# Python code of libraries with loops of its own: the time is looked at meanwhile.
WATCHED = frozenset(
	{
		"html2text",
		"frappe.sanitize_html",
		"frappe.utils.to_markdown",
		"frappe.utils.md_to_html",
		"frappe.utils.markdown",
	}
)


def function(name: str, value: Any) -> Any:
	"""What stands in the namespace under this name: a function that FUNCTIONS lists is judged, `range` is Jinja's own."""
	if value is range:
		return safe_range
	rule = FUNCTIONS.get(name)
	return _judged_function(name, value, rule) if rule and callable(value) else value


@lru_cache(maxsize=MOST_JUDGED)
def _judged_function(name: str, value: Callable, rule: Callable) -> Callable:
	is_watched = name in WATCHED

	@wraps(value)
	def judged(*args, **kwargs) -> Any:
		args, kwargs = changed(rule(*args, **kwargs), args, kwargs)
		if not is_watched:
			return value(*args, **kwargs)
		with budget.watched():
			return value(*args, **kwargs)

	return judged
