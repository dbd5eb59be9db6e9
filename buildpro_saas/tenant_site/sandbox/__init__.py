"""Holds what a tenant's users write to two rules: it only reads, and it stays within its own site.

* Templates (templates.py) and expressions (expressions.py) see the names that names.py lists. reading.py judges each
  attribute, budget.py bounds their time. queries.py lets them read the database, and nothing else; statements.py judges the SQL.
* Texts that Frappe fills in with str.format name values alone (format_strings.py, ldap_filters.py).
* Files are written in the site's own folder (files.py). They are read there, and where code needs it (readable.py,
  local_urls.py, import_files.py, mail_styles.py, certificates.py).
* Reports and scripts may write SQL of their own. shared_server.py keeps it from what all sites of a MariaDB server share.
* Connections go to public addresses (addresses.py). Programs get harmless options (programs.py, printing.py).

Server Scripts are left as they are: the operator switches them on or off for a bench.
"""

import socket
import ssl
import threading

import frappe
from frappe.database.database import Database
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
	shared_server,
	templates,
	wrapping,
)


def install() -> None:
	"""Put the sandbox into this process. It judges on tenants' sites alone.

	Frappe has no extension points for it, so functions of Frappe's and of Python's are wrapped.
	"""
	wrapping.replace(jinja.get_jenv, templates.wrapped)
	wrapping.replace(jinja.render_template, templates.told_plainly)
	wrapping.replace(frappe.safe_eval, expressions.wrapped)
	for safe_eval in framework.found(safe_exec, "safe_eval"):
		wrapping.replace(safe_eval, expressions.wrapped)
	wrapping.replace_method(Database, "sql", shared_server.judging)
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
