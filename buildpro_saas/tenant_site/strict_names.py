"""Has a site, a file or a page be found under one spelling of its name only. Any other spelling is answered with 404.

Frappe takes the site's name from the header X-Frappe-Site-Name or from Host, and joins it to the folder of sites as it comes. So
`./acme.localhost` would be acme's folder and database under another name, and an entitlement does not count under another name. And
`acme.localhost/private/files` would be a site of a customer's making, with a site_config.json of his. Addresses of files and pages
are joined in the same way.
"""

import os
import re
from functools import wraps

import frappe
from werkzeug.exceptions import NotFound

CONFIG = "site_config.json"
LABEL = "[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.ASCII)
LONGEST = 253  # of a host name (RFC 1035)
# Sites that wait below sites/.buildpro are entered by our own processes only (agent/bench.py).
HIDDEN = re.compile(r"\.buildpro/(?:images|standby)/[A-Za-z0-9_.-]*[A-Za-z0-9_-]")
SEPARATORS = re.compile(r"[/\\]")


def is_host_name(name: object) -> bool:
	"""Whether `name` is a plain host name: lower-case ASCII labels between dots, with no dot at the end."""
	return isinstance(name, str) and len(name) <= LONGEST and bool(HOST_NAME.fullmatch(name))


def is_site(name: object, sites: str = ".") -> bool:
	"""Whether `name` is the one spelling of a site in the folder `sites`: a plain host name, and its folder's own name.

	A link to another site's folder is another spelling of that site, and does not count. A link to another disk may keep the name.
	"""
	if not is_host_name(name):
		return False
	folder = os.path.join(sites, name)
	return os.path.isfile(os.path.join(folder, CONFIG)) and os.path.basename(os.path.realpath(folder)) == name


def is_plain_path(path: str) -> bool:
	"""Whether the path of an address (decoded) goes down only, and has no NUL."""
	return "\0" not in path and ".." not in SEPARATORS.split(path)


def keep() -> None:
	"""Have this process enter a site by its one name only. Frappe has no hook there, so its function is wrapped."""
	original = frappe.init
	if getattr(original, "keeps_names", False):
		return

	@wraps(original)
	def init(*args, **kwargs):
		refuse_other_spellings(
			args[0] if args else kwargs.get("site"),
			args[1] if len(args) > 1 else kwargs.get("sites_path", "."),
		)
		return original(*args, **kwargs)

	init.keeps_names = True
	frappe.init = init


def refuse_other_spellings(name: str | None, sites: str = ".") -> None:
	"""Raise NotFound in a web request for anything but a site's one name. In a shell, raise IncorrectSitePath for a path.

	A shell may name sites that no browser asks for (`My_Site`), and need not name one.
	"""
	if getattr(frappe.local, "request", None):
		if not is_site(name, sites):
			raise NotFound
	elif name and not HIDDEN.fullmatch(name) and ("\0" in name or SEPARATORS.search(name) or name[0] == "."):
		raise frappe.IncorrectSitePath(
			f"{name!r} is no site's name. Name the site as its folder in sites/ is named, without a path."
		)


def on_request() -> None:
	"""Hook `before_request`, our first: raise NotFound for a site or a path that is spelled in another way.

	A wrong name of a site gets here only in the first request of a process, which came before `keep`. Its session may have been read;
	nothing else.
	"""
	if not is_site(frappe.local.site, frappe.local.sites_path) or not is_plain_path(
		frappe.local.request.path
	):
		raise NotFound
