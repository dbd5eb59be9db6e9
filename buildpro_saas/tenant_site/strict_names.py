"""Has a site, a file or a page be found under one spelling of its name only. Any other spelling is answered with 404.

Frappe takes the site's name from the header X-Frappe-Site-Name or from Host, and joins it to the folder of sites unchanged. So
`./acme.localhost` would be acme's folder and database under another name. An entitlement does not count under another name. And
`acme.localhost/private/files` would be a site that a customer has made, with the customer's own site_config.json. Frappe joins the
addresses of files and pages in the same way.
"""

import os
import re
from functools import wraps

import frappe
from werkzeug.exceptions import NotFound

from buildpro_saas.tenant_site import former_names

CONFIG = "site_config.json"
LABEL = "[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.ASCII)
LONGEST = 253  # of a host name (RFC 1035)
# Only our own processes enter the sites that wait below sites/.buildpro (agent/bench.py).
HIDDEN = re.compile(r"\.buildpro/(?:images|standby|shadows)/[A-Za-z0-9_.-]*[A-Za-z0-9_-]")
SEPARATORS = re.compile(r"[/\\]")
# Such sites that this very process asks by itself, through the framework's web application (own_check.py). Empty in a web server.
asked: set[str] = set()


def is_host_name(name: object) -> bool:
	"""Whether `name` is a plain host name: lower-case ASCII labels between dots, with no dot at the end."""
	return isinstance(name, str) and len(name) <= LONGEST and bool(HOST_NAME.fullmatch(name))


def is_site(name: object, sites: str = ".") -> bool:
	"""Whether `name` is the one spelling of a site in the folder `sites`: a plain host name, and its folder's own name.

	A link to another site's folder would be a second spelling of that site: it does not count. A link to another disk may keep the name.
	"""
	if not is_host_name(name):
		return False
	folder = os.path.join(sites, name)
	return os.path.isfile(os.path.join(folder, CONFIG)) and os.path.basename(os.path.realpath(folder)) == name


def is_plain_path(path: str) -> bool:
	"""Whether the path of an address (decoded) only leads downward, and has no NUL."""
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
	"""In a web request, raise NotFound for any name that is not a site's one spelling, or send on who comes under a name that a site had. In a shell, raise IncorrectSitePath for a path.

	A shell may name sites that no browser asks for (`My_Site`), and need not name one.
	"""
	if getattr(frappe.local, "request", None):
		if name not in asked and not is_site(name, sites):
			raise (is_host_name(name) and former_names.redirected(name, sites)) or NotFound
	elif name and not HIDDEN.fullmatch(name) and ("\0" in name or SEPARATORS.search(name) or name[0] == "."):
		raise frappe.IncorrectSitePath(
			f"{name!r} is no site's name. Name the site as its folder in sites/ is named, without a path."
		)


def on_request() -> None:
	"""Hook `before_request`, our first: raise NotFound for a site or a path that is spelled in another way.

	A wrong site name gets here only in the first request of a process, before `keep` has run. Its session may have been read, but nothing
	else.
	"""
	site = frappe.local.site
	is_named = site in asked or is_site(site, frappe.local.sites_path)
	if not is_named or not is_plain_path(frappe.local.request.path):
		raise NotFound
