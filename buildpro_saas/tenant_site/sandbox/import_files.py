"""Data Import, and what is built upon it (Bank Statement Import), reads files of the site: on tenants' sites no other path is looked at.

Frappe takes what is no file of the site's for a path of the machine, for its shell commands. Whether it is there can be told by the answer.
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
	"""Have Frappe's importer in this process look at paths of the site alone (late.py)."""
	from frappe.core.doctype.data_import import importer

	wrapping.replace_method(importer.ImportFile, "__init__", _judging)


def _judging(original: Callable) -> Callable:
	"""`ImportFile.__init__`, asked which file first."""

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
