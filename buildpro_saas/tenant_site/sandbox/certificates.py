"""Holds the files of certificates and keys that a tenant names (LDAP Settings) to the site's folder private/files.

OpenSSL opens them by itself, which Python's audit hook does not see. So the two methods of ssl.SSLContext that hand it paths are
wrapped.
"""

import os
import ssl
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from html import escape
from typing import Any

import frappe
from frappe import _

from buildpro_saas import site_role
from buildpro_saas.tenant_site.sandbox import acting

# Which arguments of the methods are paths, by place and by name.
METHODS = {"load_cert_chain": ("certfile", "keyfile"), "load_verify_locations": ("cafile", "capath")}
OF_DATABASE = ("db_ssl_ca", "db_ssl_cert", "db_ssl_key")
OF_ENVIRONMENT = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
LDAP_FIELDS = ("local_ca_certs_file", "local_private_key_file", "local_server_certificate_file")


def judging(name: str) -> Callable[[Callable], Callable]:
	"""Return a wrapper for that method of ssl.SSLContext.

	For a tenant's request or job it takes files of the site, the operator or the system alone. It raises frappe.PermissionError
	for others.
	"""

	def wrapper(original: Callable) -> Callable:
		@wraps(original)
		def load(context: ssl.SSLContext, *args, **kwargs) -> Any:
			site = acting.site()
			if site is not None:
				_require(site, [*args[:2], *(kwargs.get(each) for each in METHODS[name])])
			return original(context, *args, **kwargs)

		return load

	return wrapper


def check_ldap_settings(doc: Any, event: str) -> None:
	"""Hook on LDAP Settings: raise frappe.PermissionError for a file that is not the site's own, on a tenant's site."""
	if site_role.is_tenant_site():
		_require(frappe.local, [doc.get(field) for field in LDAP_FIELDS])


def _require(site: Any, paths: Iterable) -> None:
	for path in paths:
		if path and isinstance(path, str | bytes | os.PathLike) and not _is_allowed(site, os.fsdecode(path)):
			sentence = _(
				"{0} is no file of this site: certificates and keys must lie in its folder private/files. Upload it as a private file."
			).format(escape(os.path.basename(os.fsdecode(path))))
			if not acting.is_own_context(site):
				raise frappe.PermissionError(sentence)
			frappe.throw(sentence, frappe.PermissionError, title=_("Not a file of this site"))


def _is_allowed(site: Any, path: str) -> bool:
	real = os.path.realpath(path)
	own = os.path.realpath(os.path.join(site.sites_path, site.site, "private", "files"))
	operators = {os.path.realpath(site.conf[key]) for key in OF_DATABASE if site.conf.get(key)}
	return real in operators or any(
		real == folder or real.startswith(f"{folder}{os.sep}") for folder in (own, *_of_system())
	)


@lru_cache(maxsize=1)
def _of_system() -> tuple[str, ...]:
	"""Where certificates of authorities are: Python's packages (certifi), OpenSSL's folders, what the environment names."""
	known = ssl.get_default_verify_paths()
	places = {known.cafile, known.capath, known.openssl_cafile, known.openssl_capath, "/etc/ssl/certs"}
	places |= {os.environ.get(name) for name in OF_ENVIRONMENT} | {sys.prefix, "/usr/share/ca-certificates"}
	return tuple({os.path.realpath(place) for place in places if place})
