"""On tenants' sites Data Import, and what builds on it (Bank Statement Import), reads files of the site only.

Frappe takes any other text for a path of the machine, as its shell commands need. The answer would tell whether that path exists.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import frappe
from frappe import _

from buildpro_saas.tenant_site.sandbox import acting, wrapping

IMPORTER = "frappe.core.doctype.data_import.importer"
OF_SITE = ("/files/", "/private/files/")
SHEETS = "https://docs.google.com/spreadsheets/"


def keep() -> None:
	"""Wrap Frappe's importer in this process (late.py calls it)."""
	from frappe.core.doctype.data_import import importer

	wrapping.replace_method(importer.ImportFile, "__init__", _judging)


def _judging(original: Callable) -> Callable:
	"""`ImportFile.__init__`, which first looks which file is asked for."""

	@wraps(original)
	def init(import_file: Any, doctype: str, file: Any, *args, **kwargs) -> None:
		if acting.site() is not None and isinstance(file, str) and not _is_of_site(file):
			frappe.throw(
				_(
					"Choose a file of this site to import: its address begins with {0} or {1}. Upload it first."
				).format(*OF_SITE),
				title=_("Not a file of this site"),
			)
		original(import_file, doctype, file, *args, **kwargs)

	return init


def _is_of_site(file: str) -> bool:
	if file.startswith(SHEETS):
		return True
	return file.startswith(OF_SITE) and ".." not in file.split("/")
