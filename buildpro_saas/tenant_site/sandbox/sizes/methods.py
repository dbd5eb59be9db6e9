"""What methods of texts, lists, numbers and dates would make."""

import datetime
import decimal
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from buildpro_saas.tenant_site.sandbox import budget
from buildpro_saas.tenant_site.sandbox.budget import ENTRIES, LONGEST, made, ticking, weigh
from buildpro_saas.tenant_site.sandbox.sizes.bounds import (
	CODECS,
	HIGHEST,
	LONGEST_FORMAT,
	LONGEST_OF_ANOTHER_CODEC,
	PRODUCT,
	changed,
	require,
	ticking_call,
)
from buildpro_saas.tenant_site.sandbox.sizes.markup import tags


def padded(text: Any, width: int = 0, *rest) -> None:
	require(abs(int(width)) <= LONGEST, "width")


def _expandtabs(text: Any, tabsize: int = 8) -> None:
	tabs = text.count("\t" if isinstance(text, str) else b"\t")
	require(len(text) + tabs * abs(int(tabsize)) <= LONGEST, "expandtabs")


def replaced(text: Any, old: Any, new: Any, count: int = -1, **more) -> None:
	if len(new) > len(old):
		require(len(text) + text.count(old) * len(new) <= LONGEST, "replace")


def _join(text: Any, items: Iterable) -> tuple:
	items = items if isinstance(items, list | tuple) else list(ticking(items))
	require(weigh(items, "join") + len(items) * len(text) <= LONGEST, "join")
	return (items,)


def _translate(text: Any, table: Any, *rest, **more) -> None:
	if isinstance(table, dict):
		longest = max((len(each) for each in table.values() if isinstance(each, str)), default=1)
		require(len(text) * longest <= LONGEST, "translate")


def codec(text: Any, encoding: str = "utf-8", *rest, **more) -> None:
	name = re.sub(r"[-_ ]", "", str(encoding)[:50].lower())
	require(name in CODECS or len(text) <= LONGEST_OF_ANOTHER_CODEC, "encoding")


def stripped(text: Any, chars: Any = None) -> None:
	require(not chars or len(chars) * len(text) <= PRODUCT, "strip")


def _backwards(text: Any, sub: Any, *rest) -> None:
	if hasattr(sub, "__len__"):
		require(len(text) * len(sub) <= PRODUCT, "rfind")


def _split(text: Any, sep: Any = None, maxsplit: int = -1) -> None:
	require(len(text) <= ENTRIES or (sep and text.count(sep) <= ENTRIES), "split")
	if sep:
		_backwards(text, sep)


def _splitlines(text: Any, keepends: bool = False) -> None:
	require(
		len(text) <= ENTRIES or text.count("\n" if isinstance(text, str) else b"\n") <= ENTRIES, "splitlines"
	)


def _extend(items: Any, more: Iterable) -> tuple:
	more = more if hasattr(more, "__len__") else list(ticking(more))
	require(len(items) + len(more) <= ENTRIES, "extend")
	budget.count(len(more) * 8, "extend")
	return (more,)


def _update(items: Any, *others: Any, **more) -> tuple:
	others = tuple(each if hasattr(each, "__len__") else list(ticking(each)) for each in others)
	require(len(items) + sum(map(len, others)) <= ENTRIES, "update")
	budget.count(sum(map(len, others)) * 64, "update")
	return others


def _compared(items: Any, *rest) -> None:
	weigh(items, "list")


def sorted_by(items: Any, *rest, key: Callable | None = None, **more) -> dict:
	weigh(items, "sort")
	return {"key": ticking_call(key)} if key else {}


def _to_bytes(number: int, length: int = 1, *rest, **more) -> None:
	require(abs(int(length)) <= LONGEST, "to_bytes")


def _written(value: Any, format: str = "", *rest) -> None:
	require(len(str(format)) <= LONGEST_FORMAT, "strftime")


def _parsed(value: Any, text: str = "", format: str = "") -> None:
	require(len(text) <= LONGEST_FORMAT and len(format) <= LONGEST_FORMAT, "strptime")


def _as_ratio(number: decimal.Decimal) -> None:
	require(abs(number.adjusted()) <= HIGHEST, "as_integer_ratio")


TEXTS, ARRAYS, SETS = (str, bytes), (list, tuple), (set, frozenset)
METHODS: dict[str, tuple[tuple[type, ...], Callable]] = {
	**dict.fromkeys(("center", "ljust", "rjust", "zfill"), (TEXTS, padded)),
	**dict.fromkeys(("strip", "lstrip", "rstrip"), (TEXTS, stripped)),
	**dict.fromkeys(("rfind", "rindex", "rpartition"), (TEXTS, _backwards)),
	**dict.fromkeys(("split", "rsplit"), (TEXTS, _split)),
	**dict.fromkeys(("encode", "decode"), (TEXTS, codec)),
	"splitlines": (TEXTS, _splitlines),
	"expandtabs": (TEXTS, _expandtabs),
	"replace": (TEXTS, replaced),
	"join": (TEXTS, _join),
	"translate": (TEXTS, _translate),
	"striptags": (TEXTS, lambda text: tags(text)),
	"extend": (ARRAYS, _extend),
	"sort": (ARRAYS, sorted_by),
	"remove": (ARRAYS, _compared),
	"count": (ARRAYS, _compared),
	"index": (ARRAYS, _compared),
	"update": ((dict, *SETS), _update),
	"to_bytes": ((int,), _to_bytes),
	"strftime": ((datetime.date, datetime.time), _written),
	"strptime": ((datetime.date,), _parsed),
	"as_integer_ratio": ((decimal.Decimal,), _as_ratio),
}


def method(owner: Any, name: str, value: Callable) -> Callable:
	"""The method `value` of a piece of data; one that is judged where METHODS says so. However it is called, it is judged."""
	kinds, rule = METHODS.get(name, ((), None))
	if not isinstance(owner, kinds):
		return value

	@wraps(value)
	def judged(*args, **kwargs) -> Any:
		args, kwargs = changed(rule(owner, *args, **kwargs), args, kwargs)
		return made(value(*args, **kwargs), name)

	return judged
