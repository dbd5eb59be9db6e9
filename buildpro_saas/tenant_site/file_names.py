"""Names that a user's file cannot have on a tenant's site, whichever way it comes: upload, archive, mail, import, a rename.

Programs read files of these names by themselves, from their own folder: Frappe and this app from a site's folder, Frappe and bench from
the folder of sites, gunicorn and honcho from where they are started. With these names refused, nobody can take a folder of
files for a site. Names of code (hooks.py) are allowed: nothing looks for code in a folder of files.
"""

import os
import re
import unicodedata
from functools import wraps

import frappe
from frappe import _

from buildpro_saas import site_role

RESERVED = frozenset(
	{
		*("site_config.json", "entitlement.json", "sync.json"),
		*("common_site_config.json", "apps.txt", "apps.json", "currentsite.txt"),
		*("gunicorn.conf.py", "procfile", ".env"),
	}
)
# Characters that some file systems drop at the end of a name.
IGNORED_AT_END = ". \0"
TITLE = "File name not possible"


def is_reserved(name: str | None) -> bool:
	"""Whether a file would be kept under a reserved name. name: the file's name, a path, or an address."""
	text = unicodedata.normalize("NFKC", name or "").split("?")[0]
	# Frappe takes slashes out of a file's name, and the last part of an address
	kept = (text.replace("/", ""), re.split(r"[/\\]", text)[-1])
	return any(each.strip().rstrip(IGNORED_AT_END).casefold() in RESERVED for each in kept)


def refuse(*names: str | None, error: type[Exception] = frappe.ValidationError) -> None:
	"""On a tenant's site, raise `error` with a sentence when one of the names is reserved."""
	if site_role.is_tenant_site():
		for name in filter(is_reserved, names):
			_throw(_("Files cannot be named {0} here: settings of this site have such names."), name, error)


def keep(method: str | None = None) -> None:
	"""Hook `before_request` and `before_job`: have Frappe's older writer of files check names and stay in its folder.

	ERPNext uses that writer for the names in a user's archive. Frappe has no hook there, so its function is wrapped.
	"""
	from frappe.utils import (
		file_manager,  # half a second of imports, which a shell's command need not wait for
	)

	original = file_manager.write_file
	if getattr(original, "keeps_names", False):
		return

	@wraps(original)
	def write_file(content: str | bytes, fname: str, is_private: int = 0) -> str:
		refuse(fname)
		if site_role.is_tenant_site() and os.path.basename(fname) != fname:
			_throw(_("A file's name cannot be a path: {0}."), fname, frappe.ValidationError)
		return original(content, fname, is_private)

	write_file.keeps_names = True
	file_manager.write_file = write_file


def _throw(sentence: str, name: str, error: type[Exception]) -> None:
	shown = frappe.bold(frappe.utils.escape_html(name[:140]))
	frappe.throw(f"{sentence.format(shown)} {_('Rename the file first.')}", error, title=_(TITLE))
