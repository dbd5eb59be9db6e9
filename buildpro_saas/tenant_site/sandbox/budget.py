"""How long a user's template or expression may take: it must not hold a web thread, which serves all tenants.

The time is looked at in each turn of a loop and at each call. While the site's database is asked, the database looks at it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import frappe
from frappe import local

from buildpro_saas import site_role
from buildpro_saas.tenant_site.sandbox.refusal import refuse, refuse_slow

SECONDS = 60
STATEMENT_SECONDS = 10
# A web request's statements, whatever asks (a query report, a filter), where the bench's configuration says nothing.
REQUEST_SECONDS = 120
# Characters or entries that one operator may make, and the power that it may raise to.
LONGEST, HIGHEST = 10_000_000, 1000
STATEMENT_TIMED_OUT = 1969  # MariaDB's ER_STATEMENT_TIMEOUT


class _Running:
	"""One rendering, with all that is rendered within it."""

	def __init__(self):
		self.until = time.monotonic() + SECONDS
		self.usual_limit: float | None = None


@contextmanager
def running() -> Iterator[None]:
	"""The block runs a user's text; blocks within it share its time."""
	if getattr(local, "buildpro_rendering", None):
		yield
		return
	rendering = local.buildpro_rendering = _Running()
	try:
		yield
	finally:
		local.buildpro_rendering = None
		if rendering.usual_limit is not None:
			_limit_statements(rendering.usual_limit)


def tick() -> str:
	"""Raise SandboxTimeoutError when the time is over. Returns nothing to print."""
	rendering = getattr(local, "buildpro_rendering", None)
	if rendering and time.monotonic() > rendering.until:
		refuse_slow(SECONDS)
	return ""


def ticking(items: Iterable) -> Iterator:
	"""The items, looking at the time at each."""
	for item in items:
		tick()
		yield item


def bounded(read: Callable) -> Callable:
	"""Have each statement of the function `read` end after STATEMENT_SECONDS."""

	@wraps(read)
	def bounded_read(*args, **kwargs) -> Any:
		tick()
		rendering = getattr(local, "buildpro_rendering", None)
		if rendering and rendering.usual_limit is None:
			rendering.usual_limit = _usual_limit()
			_limit_statements(STATEMENT_SECONDS)
		try:
			return read(*args, **kwargs)
		except Exception as error:
			if STATEMENT_TIMED_OUT in (*error.args[:1], *getattr(error.__cause__, "args", ())[:1]):
				refuse_slow(STATEMENT_SECONDS)
			raise

	return bounded_read


def on_request() -> None:
	"""Hook `before_request`: no statement of a tenant's request outlasts what a request may take (`http_timeout`)."""
	if site_role.is_tenant_site():
		_limit_statements(frappe.conf.get("http_timeout") or REQUEST_SECONDS)


def require_small(operator: str, left: Any, right: Any) -> None:
	"""Raise SandboxError for `*` and `**` that would fill the machine's memory, or hold it for hours."""
	if operator == "**" and isinstance(right, int | float):
		bits = left.bit_length() if isinstance(left, int) else 1
		if abs(right) > HIGHEST or bits * abs(right) > LONGEST / 100:
			refuse("**")
	for one, other in ((left, right), (right, left)):
		if (
			operator == "*"
			and hasattr(one, "__len__")
			and isinstance(other, int)
			and len(one) * other > LONGEST
		):
			refuse("*")


def _usual_limit() -> float:
	return float(frappe.db.sql("select @@session.max_statement_time")[0][0])


def _limit_statements(seconds: float) -> None:
	frappe.db.sql("set session max_statement_time = %s", seconds)
