"""Bounds the time and the memory of a user's template or expression. A web process serves all tenants, so no user's text may hold it.

* Time: it is looked at in each turn of a loop, at each call, and at each entry that an iterator gives. While the database works,
  its own limit counts.
* Steps: each of these counts, by the size of what is repeated. So a text cannot fill the memory bit by bit.
* Memory: what calls, filters and operators make is added up. What one of them would make is judged before (sizes).
"""

import datetime
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import FrameType, GeneratorType, NoneType
from typing import Any

import frappe
from jinja2.utils import Namespace
from markupsafe import Markup

from buildpro_saas import site_role
from buildpro_saas.agent.errors import STATEMENT_TIMEOUT
from buildpro_saas.tenant_site.sandbox.refusal import refuse_large, refuse_slow, refuse_steps

SECONDS = 60
STATEMENT_SECONDS = 10
# The limit of a web request's statements, whoever asks (a query report, a filter), where `http_timeout` says nothing.
REQUEST_SECONDS = 120
# The parts of a text that one rendering may run through, and the bytes that all it makes may take.
STEPS, MADE = 20_000_000, 256 * 1024 * 1024
# The most characters of one text, entries of one list, and bits of one number.
LONGEST, ENTRIES, BITS = 10_000_000, 1_000_000, 100_000

_SHORT = 120  # characters
_BRACKETS = 16  # what a list or dict weighs by itself
_WEIGHTLESS = frozenset({NoneType, bool, float})
# Of these, printing and comparing goes through nothing else.
_PLAIN = frozenset({*_WEIGHTLESS, int, str, Markup, datetime.date, datetime.datetime})
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
_SEQUENCES = (list, tuple, set, frozenset, *_VIEWS)
_CONTAINERS = (*_SEQUENCES, dict, Namespace)
_ITERATORS = (
	GeneratorType,
	enumerate,
	map,
	filter,
	zip,
	reversed,
	*(type(iter(x)) for x in ([], (), "", {})),
)


class _Running:
	"""One rendering, with all that is rendered within it."""

	def __init__(self):
		self.until = time.monotonic() + SECONDS
		self.steps = STEPS
		self.made = 0
		self.usual_limit: float | None = None


_current: ContextVar[_Running | None] = ContextVar("buildpro_rendering", default=None)


@contextmanager
def running() -> Iterator[None]:
	"""Give the block SECONDS, STEPS and MADE to run a user's text. Blocks within it share them."""
	if _current.get():
		yield
		return
	rendering = _Running()
	before = _current.set(rendering)
	try:
		yield
	except RecursionError:
		refuse_steps()
	except Exception as error:
		_forget_values(error)
		raise
	finally:
		_current.reset(before)
		if rendering.usual_limit is not None:
			_limit_statements(rendering.usual_limit)


def _forget_values(error: BaseException | None) -> None:
	"""Empty the frames through which the error came. Frappe prints their values into its log, and one may be endless (`weigh`)."""
	while error is not None:
		traceback.clear_frames(error.__traceback__)
		error = error.__cause__ or error.__context__


def tick(steps: int = 1) -> str:
	"""Raise SandboxTimeoutError when the time is over, or the steps. Returns an empty text, of which a template prints nothing."""
	rendering = _current.get()
	if rendering:
		rendering.steps -= steps
		if rendering.steps < 0:
			refuse_steps()
		if time.monotonic() > rendering.until:
			refuse_slow(SECONDS)
	return ""


def ticking(items: Iterable, steps: int = 1) -> Iterator:
	"""Yield the items, and look at the time at each."""
	for item in items:
		tick(steps)
		yield item


@contextmanager
def watched() -> Iterator[None]:
	"""Look at the time at each call within the block: for a library's Python code, which has loops of its own."""

	def look(frame: FrameType, event: str, argument: Any) -> None:
		if event == "call":
			tick()

	before = sys.getprofile()
	sys.setprofile(look)
	try:
		yield
	finally:
		sys.setprofile(before)


# -- memory ----------------------------------------------------------------------------------------------------------


def made(value: Any, what: str = "A value") -> Any:
	"""Return what a call, filter or operator has made, and count its size. An iterator becomes one that ticks.

	what: the name of what made it, for the user. Raises SandboxSizeError when one is too large, or all together.
	"""
	kind = type(value)
	if kind is str and len(value) < _SHORT:
		if rendering := _current.get():
			rendering.made += _SHORT
		return value
	if kind in _WEIGHTLESS:
		return value
	if kind is int:
		if value.bit_length() > BITS:
			refuse_large(what)
	elif isinstance(value, _SIZED):
		if len(value) > (LONGEST if isinstance(value, str | bytes) else ENTRIES):
			refuse_large(what)
		count(sys.getsizeof(value), what)
	elif kind in _ITERATORS:
		return ticking(value)
	return value


def count(size: int, what: str) -> None:
	"""Add bytes to what the rendering has made. Raises SandboxSizeError when that is too much."""
	rendering = _current.get()
	if rendering:
		rendering.made += size
		if rendering.made > MADE:
			refuse_large(what)


def weigh(value: Any, what: str, most: int = LONGEST) -> int:
	"""How much printing, comparing or hashing the value goes through: its characters and entries, with those of its entries.

	A list that has another one twice counts it twice: doubled fifty times it is short to keep, and endless to print. Raises
	SandboxSizeError as soon as it is more than `most`.
	"""
	total, waiting = 0, [value]
	while waiting:
		value = waiting.pop()
		if isinstance(value, dict):
			entries: Iterable = (part for pair in value.items() for part in pair)
			total += _BRACKETS + 2 * len(value)
		elif isinstance(value, _SEQUENCES):
			entries = value
			total += _BRACKETS + len(value)
		elif isinstance(value, Namespace):
			entries = value._Namespace__attrs.values()
			total += _BRACKETS
		else:
			entries = (value,)
			total += 1
		for each in entries:
			kind = type(each)
			if kind is str:
				total += len(each)
			elif kind is int:
				total += each.bit_length() >> 2
			elif isinstance(each, str | bytes):
				total += len(each)
			elif kind not in _WEIGHTLESS and isinstance(each, _CONTAINERS) and each is not value:
				waiting.append(each)
			if total > most:
				refuse_large(what)
		if total > most:
			refuse_large(what)
	return total


def weighed(value: Any) -> Any:
	"""Return the value, which is to be printed, compared or hashed. Raises SandboxSizeError where that would be endless."""
	if type(value) not in _PLAIN and isinstance(value, _CONTAINERS):
		weigh(value, type(value).__name__)
	return value


def require_light(values: Iterable, what: str) -> None:
	"""Raise SandboxSizeError when a list or dict among the values is endless to go through, or a text too long."""
	for value in values:
		kind = type(value)
		if kind is str:
			if len(value) > LONGEST:
				refuse_large(what)
		elif kind in _PLAIN:
			continue
		elif isinstance(value, _CONTAINERS):
			weigh(value, what)
		elif isinstance(value, str | bytes) and len(value) > LONGEST:
			refuse_large(what)


# -- the database ----------------------------------------------------------------------------------------------------


def bounded(read: Callable) -> Callable:
	"""Wrap `read`, which asks the database. From its first call on, each statement of the rendering ends after STATEMENT_SECONDS.

	The wrapper raises SandboxTimeoutError for a statement that was ended so, or when the rendering's own time is over.
	"""

	@wraps(read)
	def bounded_read(*args, **kwargs) -> Any:
		tick()
		rendering = _current.get()
		if rendering and rendering.usual_limit is None:
			rendering.usual_limit = _usual_limit()
			_limit_statements(STATEMENT_SECONDS)
		try:
			return read(*args, **kwargs)
		except Exception as error:
			if STATEMENT_TIMEOUT in (*error.args[:1], *getattr(error.__cause__, "args", ())[:1]):
				refuse_slow(STATEMENT_SECONDS)
			raise

	return bounded_read


def on_request() -> None:
	"""Hook `before_request`: end each database statement of a tenant's request after `http_timeout`, or REQUEST_SECONDS."""
	if site_role.is_tenant_site():
		_limit_statements(frappe.conf.get("http_timeout") or REQUEST_SECONDS)


def _usual_limit() -> float:
	return float(frappe.db.sql("select @@session.max_statement_time")[0][0])


def _limit_statements(seconds: float) -> None:
	frappe.db.sql("set session max_statement_time = %s", seconds)
