"""Has each web request see site_config.json as it is now. From version 16 on, Frappe would show it as it was up to a minute ago.

Other processes write there. A push or a command writes the site's role, keys, newest statement and clock. These must count from the
next request on.
"""

import os
from functools import wraps

import frappe
from frappe import local

from buildpro_saas import framework

FILE = "site_config.json"
# path of a site's folder → signature of the site_config.json whose content this process has
_seen: dict[str, tuple] = {}


def keep() -> None:
	"""Have this process look, each time it enters a site, whether the file has changed. Frappe has no hook there: it is wrapped."""
	original = frappe.init
	if not framework.keeps_site_config() or getattr(original, "refreshes_config", False):
		return

	@wraps(original)
	def init(*args, **kwargs):
		answer = original(*args, **kwargs)
		refresh()
		return answer

	init.refreshes_config = True
	frappe.init = init


def refresh() -> None:
	"""In a web request, read the site's configuration again if its file is not the one that this process has read.

	Otherwise it costs one stat.
	"""
	path = getattr(local, "site_path", None)
	if not path or not getattr(local, "request", None):
		return
	try:
		found = os.stat(os.path.join(path, FILE))
	except FileNotFoundError:
		return  # Frappe says so itself
	# the signature was taken before the content is read: a change in between is seen by the next request
	signature = (found.st_mtime_ns, found.st_ino, found.st_size)
	if _seen.get(path) != signature:
		local.conf = framework.site_config_anew()
		_seen[path] = signature
