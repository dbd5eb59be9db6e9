"""Says for which tenant's site this thread works. The audit hook asks this before anything else.

Frappe keeps that in frappe.local, of which each thread has its own. A thread that a request or job starts would begin with
an empty one. So it is marked with the site of the thread that started it, and keeps the mark as long as it lives.
"""

import sys
import threading
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import frappe
from rq import get_current_job

from buildpro_saas import site_role
from buildpro_saas.tenant_site.maintenance import IN_JOB

MARK = "_buildpro_site"


def site() -> Any:
	"""The tenant's site whose web request or job this thread does: an object with `site`, `sites_path` and `conf`. None elsewhere.

	Python's audit hook asks it. So it takes no lock and imports nothing.
	"""
	local = frappe.local
	conf = getattr(local, "conf", None)
	if (
		conf
		and conf.get("buildpro_role") == site_role.TENANT
		and getattr(local, "site", None)
		and _is_at_work(local)
	):
		return local
	# threading.current_thread() takes a lock for a thread that is not Python's own, and may hold it already
	return getattr(threading._active.get(threading.get_ident()), MARK, None)


def note_job() -> None:
	"""Hook `before_job`: mark the thread with the tenant's site until `after_job`.

	The mark holds also where the job enters another site (frappe.init).
	"""
	thread = threading.current_thread()
	if hasattr(thread, MARK):
		delattr(thread, MARK)  # left by a job that ended without after_job, in a worker that does not fork
	if frappe.local.conf.get("buildpro_role") == site_role.TENANT and get_current_job():
		setattr(thread, MARK, _copy(frappe.local))


def forget_job() -> None:
	"""Hook `after_job`: take the mark off the thread."""
	vars(threading.current_thread()).pop(MARK, None)


def _copy(of: Any) -> SimpleNamespace:
	"""The three facts as they are now. frappe.local is another one in each thread, and changes when a site is entered."""
	return SimpleNamespace(site=of.site, sites_path=of.sites_path, conf=of.conf)


def marking(original: Callable) -> Callable:
	"""`threading.Thread.start`, which marks the new thread with the site of the thread that starts it."""

	@wraps(original)
	def start(thread: threading.Thread) -> None:
		starter = site()
		if starter is not None:
			setattr(thread, MARK, _copy(starter))
		original(thread)

	return start


def is_own_context(acting: Any) -> bool:
	"""Whether `acting` is frappe.local itself. Only then can Frappe show its user a message."""
	return acting is frappe.local


def _is_at_work(local: Any) -> bool:
	return bool(
		getattr(local, "request", None)
		or getattr(local, "job", None)
		or (getattr(local, "flags", None) or {}).get(IN_JOB)
	)


def is_called_from(package: str, nearest: int) -> bool:
	"""Whether one of the `nearest` innermost frames is in the package (or module)."""
	frame, left = sys._getframe(1), nearest
	while frame and left:
		name = frame.f_globals.get("__name__", "")
		if name == package or name.startswith(f"{package}."):
			return True
		frame, left = frame.f_back, left - 1
	return False
