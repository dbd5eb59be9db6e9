"""For which tenant's site this thread is at work: what files.py and addresses.py ask before anything.

Frappe keeps that in frappe.local, which each thread has for itself. A thread that a request or job starts begins with an empty one;
it is marked with the site of who started it, and stands for that as long as it lives.
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
	"""What has `site`, `sites_path` and `conf` of the tenant's site whose web request or job is being done; None elsewhere.

	Asked by Python's audit hook: it takes no lock and imports nothing.
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
	"""Hook `before_job`: until after_job the thread stands for the tenant's site, also when what it runs enters another (frappe.init)."""
	thread = threading.current_thread()
	if hasattr(thread, MARK):
		delattr(thread, MARK)  # of a job that ended otherwise, in a worker that does not fork
	if frappe.local.conf.get("buildpro_role") == site_role.TENANT and get_current_job():
		setattr(thread, MARK, _copy(frappe.local))


def forget_job() -> None:
	"""Hook `after_job`."""
	vars(threading.current_thread()).pop(MARK, None)


def _copy(of: Any) -> SimpleNamespace:
	"""What outlives the request or job: frappe.local means another in each thread, and another site's once it is entered."""
	return SimpleNamespace(site=of.site, sites_path=of.sites_path, conf=of.conf)


def marking(original: Callable) -> Callable:
	"""`threading.Thread.start` that marks the thread: it stands for the site of who starts it."""

	@wraps(original)
	def start(thread: threading.Thread) -> None:
		starter = site()
		if starter is not None:
			setattr(thread, MARK, _copy(starter))
		original(thread)

	return start


def is_own_context(acting: Any) -> bool:
	"""Whether frappe.local is that of the request or job, so that Frappe can tell its user something."""
	return acting is frappe.local


def _is_at_work(local: Any) -> bool:
	return bool(
		getattr(local, "request", None)
		or getattr(local, "job", None)
		or (getattr(local, "flags", None) or {}).get(IN_JOB)
	)


def is_called_from(package: str, nearest: int) -> bool:
	"""Whether a module of the package (or module) is among the innermost frames; `nearest`: how many are looked at."""
	frame, left = sys._getframe(1), nearest
	while frame and left:
		name = frame.f_globals.get("__name__", "")
		if name == package or name.startswith(f"{package}."):
			return True
		frame, left = frame.f_back, left - 1
	return False
