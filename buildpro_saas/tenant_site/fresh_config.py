"""Has each web request see site_config.json as it is now. From version 16 on Frappe would show it as it was up to a minute ago.

Other processes write there: a delivery or a command writes the site's role, its keys, its newest statement and its clock. These must
count from the next request on.
"""

import os
from functools import wraps

import frappe
from frappe import local

from buildpro_saas import framework

FILE = "site_config.json"
# path of a site's folder → signature of the file whose content this process has
_seen: dict[str, tuple] = {}


def keep() -> None:
	"""Have this process look whether the file has changed each time it enters a site. Frappe has no hook there, so its function is wrapped."""
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
	"""Read the site's configuration anew in a web request when its file is not the one that this process has read. One stat otherwise."""
	path = getattr(local, "site_path", None)
	if not path or not getattr(local, "request", None):
		return
	try:
		found = os.stat(os.path.join(path, FILE))
	except FileNotFoundError:
		return  # Frappe says so itself
	# the signature is older than the content that is read now: what is written in between is read by the next request
	signature = (found.st_mtime_ns, found.st_ino, found.st_size)
	if _seen.get(path) != signature:
		local.conf = framework.site_config_anew()
		_seen[path] = signature
