"""What filters and tests of templates would make."""

from collections.abc import Callable, Iterable
from typing import Any

from buildpro_saas.tenant_site.sandbox.budget import ENTRIES, LONGEST, require_light, weigh
from buildpro_saas.tenant_site.sandbox.sizes.bounds import HIGHEST, LONGEST_WORD, require
from buildpro_saas.tenant_site.sandbox.sizes.functions import added_up, as_json, rounded, short
from buildpro_saas.tenant_site.sandbox.sizes.markup import markdown, tags
from buildpro_saas.tenant_site.sandbox.sizes.methods import padded, replaced, stripped
from buildpro_saas.tenant_site.sandbox.sizes.operators import percent


def _center(value: Any, width: int = 80) -> None:
	padded(value, width)


def _indent(text: Any, width: Any = 4, first: bool = False, blank: bool = False) -> None:
	text = str(text)
	each = len(width) if isinstance(width, str) else abs(int(width))
	require(len(text) + (text.count("\n") + 2) * each <= LONGEST, "indent")


def _wordwrap(
	text: Any, width: int = 79, break_long_words: bool = True, wrapstring: Any = None, *rest, **more
) -> None:
	text = str(text)
	require((len(text) + 1) * max(len(wrapstring or ""), 1) <= LONGEST, "wordwrap")


def _batch(value: Any, linecount: int, fill_with: Any = None) -> None:
	require(abs(int(linecount)) <= ENTRIES, "batch")


def _slice(value: Any, slices: int, fill_with: Any = None) -> None:
	require(abs(int(slices)) <= ENTRIES, "slice")


def _filter_join(value: Iterable, d: Any = "", attribute: Any = None) -> None:
	require(weigh(value, "join") + len(value) * len(str(d)) <= LONGEST, "join")


def _filter_replace(text: Any, old: Any, new: Any, count: Any = None) -> None:
	replaced(str(text), str(old), str(new))


def _filter_round(value: Any, precision: Any = 0, method: str = "common") -> None:
	require(abs(int(precision)) <= HIGHEST, "round")


def _filter_format(text: Any, *args, **kwargs) -> None:
	percent(str(text), kwargs or args)


def _filter_strip(text: Any, chars: Any = None) -> None:
	stripped(str(text), chars)


def _filter_sum(items: Iterable, attribute: Any = None, start: Any = 0) -> None:
	added_up(items, start)


def _tojson(value: Any, indent: Any = None) -> None:
	as_json(value, indent)


def _pprint(value: Any) -> None:
	weigh(value, "pprint", ENTRIES)


def _filter_tags(value: Any) -> None:
	tags(str(value))


def _urlize(value: Any, trim_url_limit: Any = None, nofollow: Any = False, *rest, **more) -> None:
	text = str(value)
	require(all(len(word) <= LONGEST_WORD for word in text.split()), "urlize")
	short(
		*(each for each in rest if isinstance(each, str)),
		**{k: v for k, v in more.items() if isinstance(v, str)},
	)


FILTERS: dict[str, Callable] = {
	"center": _center,
	"indent": _indent,
	"wordwrap": _wordwrap,
	"batch": _batch,
	"slice": _slice,
	"join": _filter_join,
	"replace": _filter_replace,
	"round": _filter_round,
	"format": _filter_format,
	"trim": _filter_strip,
	"sum": _filter_sum,
	"tojson": _tojson,
	"json": as_json,
	"pprint": _pprint,
	"striptags": _filter_tags,
	"urlize": _urlize,
	"flt": rounded,
	"markdown": markdown,
}
# FILTERS are of these. An app may have another filter by such a name.
OF_FRAMEWORK = ("jinja2", "markupsafe", "builtins", "frappe")
# These go through a list without looking into its entries.
LIGHT_FILTERS = frozenset(
	{
		*("attr", "batch", "count", "d", "default", "first", "items", "last", "length", "len", "list", "map"),
		*("random", "reject", "rejectattr", "reverse", "safe", "select", "selectattr", "slice"),
	}
)
# Of Jinja's, these take the whole of an iterator: they get a list, which is judged.
GATHERING = frozenset({"dictsort", "groupby", "join", "max", "min", "sort", "sum", "unique"})
# Those of the tests that compare.
COMPARING_TESTS = frozenset(
	{
		*(
			"in",
			"==",
			"eq",
			"equalto",
			"!=",
			"ne",
			">",
			"gt",
			"greaterthan",
			">=",
			"ge",
			"<",
			"lt",
			"lessthan",
		),
		*("<=", "le", "divisibleby"),
	}
)


def filter_rule(name: str, function: Callable) -> Callable | None:
	"""What judges the filter; None for one that makes no more than it is given, and for one of an app's."""
	is_own = (getattr(function, "__module__", None) or "builtins").partition(".")[0] in OF_FRAMEWORK
	return FILTERS.get(name) if is_own else None


def judge_filter(name: str, rule: Callable | None, value: Any, args: tuple, kwargs: dict) -> Any:
	"""What a filter shall be given as its value. Raises SandboxSizeError where it would make too much."""
	if name in GATHERING and not hasattr(value, "__len__") and not isinstance(value, str):
		value = list(value) if value is not None else value
	if name not in LIGHT_FILTERS:
		require_light((value, *args), name)
		if kwargs:
			require_light(kwargs.values(), name)
	if rule:
		rule(value, *args, **kwargs)
	return value
