"""What a tenant's users write and the bench's process runs, kept to reading and to their own site.

Templates (templates.py) and expressions (expressions.py) see what names.py lists, by the rules of reading.py, for a bounded time
(budget.py); the database answers reading questions alone (queries.py). Whatever writes files keeps to the site's folder (files.py),
whatever connects goes out (addresses.py), and programs are started with harmless options (programs.py, printing.py).
Server Scripts are not changed: the operator switches them on for a bench, or not.
"""

import socket
import ssl
import sys
import threading
from collections.abc import Callable

import frappe
from frappe.email import email_body
from frappe.utils import jinja, safe_exec
from pdfkit.pdfkit import PDFKit

from buildpro_saas import framework
from buildpro_saas.tenant_site.sandbox import (
	acting,
	addresses,
	audit,
	certificates,
	expressions,
	mail_styles,
	printing,
	templates,
)


def install() -> None:
	"""Put the sandbox into this process: it judges on tenants' sites alone. Frappe has no extension points for it."""
	_wrap(jinja.get_jenv, templates.wrapped)
	_wrap(jinja.render_template, templates.told_plainly)
	_wrap(frappe.safe_eval, expressions.wrapped)
	for safe_eval in framework.found(safe_exec, "safe_eval"):
		_wrap(safe_eval, expressions.wrapped)
	_wrap(socket.getaddrinfo, addresses.noting_getaddrinfo)
	_wrap_method(threading.Thread, "start", acting.marking)
	_wrap_method(PDFKit, "_find_options_in_meta", printing.harmless_options)
	_wrap_method(PDFKit, "to_pdf", printing.guarded)
	_wrap(email_body.inline_style_in_html, mail_styles.wrapped)
	for name in certificates.METHODS:
		_wrap_method(ssl.SSLContext, name, certificates.judging(name))
	audit.install()


def _wrap(original: Callable, wrapper: Callable) -> None:
	"""Replace the function in every module that has it under some name, as `from x import y` leaves it."""
	if getattr(original, "is_buildpro_sandbox", False):
		return
	replacement = wrapper(original)
	replacement.is_buildpro_sandbox = True
	for module in list(sys.modules.values()):
		for name, value in list(getattr(module, "__dict__", {}).items()):
			if value is original and name != "__wrapped__":
				setattr(module, name, replacement)


def _wrap_method(owner: type, name: str, wrapper: Callable) -> None:
	original = getattr(owner, name)
	if not getattr(original, "is_buildpro_sandbox", False):
		replacement = wrapper(original)
		replacement.is_buildpro_sandbox = True
		setattr(owner, name, replacement)
