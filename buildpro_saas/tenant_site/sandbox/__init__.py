"""What a tenant's users write and the bench's process runs, kept to reading and to their own site.

Templates (templates.py) and expressions (expressions.py) see what names.py lists, by the rules of reading.py, for a bounded time
(budget.py); the database answers reading questions alone (queries.py). Texts that are filled in name values alone
(format_strings.py, ldap_filters.py). Whatever writes files keeps to the site's folder (files.py), whatever reads them to that and to
what code needs (readable.py, local_urls.py, import_files.py), whatever connects goes out (addresses.py), and programs are started with
harmless options (programs.py, printing.py).
Server Scripts are not changed: the operator switches them on for a bench, or not.
"""

import socket
import ssl
import threading

import frappe
from frappe.utils import jinja, safe_exec
from pdfkit.pdfkit import PDFKit

from buildpro_saas import framework
from buildpro_saas.tenant_site.sandbox import (
	acting,
	addresses,
	audit,
	certificates,
	expressions,
	format_strings,
	local_urls,
	printing,
	templates,
	wrapping,
)


def install() -> None:
	"""Put the sandbox into this process: it judges on tenants' sites alone. Frappe has no extension points for it."""
	wrapping.replace(jinja.get_jenv, templates.wrapped)
	wrapping.replace(jinja.render_template, templates.told_plainly)
	wrapping.replace(frappe.safe_eval, expressions.wrapped)
	for safe_eval in framework.found(safe_exec, "safe_eval"):
		wrapping.replace(safe_eval, expressions.wrapped)
	wrapping.replace(socket.getaddrinfo, addresses.noting_getaddrinfo)
	wrapping.replace_method(threading.Thread, "start", acting.marking)
	wrapping.replace_method(PDFKit, "_find_options_in_meta", printing.harmless_options)
	wrapping.replace_method(PDFKit, "to_pdf", printing.guarded)
	for name in certificates.METHODS:
		wrapping.replace_method(ssl.SSLContext, name, certificates.judging(name))
	format_strings.install()
	for owner, name in local_urls.METHODS:
		wrapping.replace_method(owner, name, local_urls.refused)
	audit.install()
