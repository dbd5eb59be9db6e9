"""Desk's searches, without the records that are hidden on this site (gates.is_hidden).

They override Frappe's methods, because those ask no permission hook or can be told not to. What Frappe's would fail at is refused here.
"""

from collections.abc import Callable

import frappe
from frappe import _
from frappe.desk import search as of_links
from frappe.utils import global_search

from buildpro_saas import given
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_site import gates

MOST = 2**31 - 1  # rows: more than any table has
# What Frappe's searches take beside the doctype and the text: text, and numbers of rows.
TEXTS = ("query", "searchfield", "reference_doctype")
COUNTS = ("start", "page_length")
# What Frappe's searches raise, deep in their code, for filters, fields or a query that they cannot read.
UNREADABLE = (AttributeError, ImportError, LookupError, RecursionError, TypeError, ValueError)


@frappe.whitelist()
def search(text: str = "", start: int | str = 0, limit: int | str = 20, doctype: str = "") -> list[dict]:
	"""Frappe's global search, without what is hidden."""
	found = global_search.search(
		given.text(text, "text"),
		given.count(start, "start", MOST),
		given.count(limit, "limit", MOST),
		given.text(doctype, "doctype"),
	)
	return [row for row in found if not gates.is_hidden(row["doctype"])]


@frappe.whitelist()
def search_link(doctype: str = "", txt: str | None = "", **options):
	"""Frappe's search for link fields; it finds nothing of a hidden doctype."""
	return _unless_hidden(of_links.search_link, "results", doctype, txt, options)


@frappe.whitelist()
def search_widget(doctype: str = "", txt: str | None = "", **options):
	"""Frappe's search for the dialog of a link field; it finds nothing of a hidden doctype."""
	return _unless_hidden(of_links.search_widget, "values", doctype, txt, options)


def _unless_hidden(search: Callable, answer: str, doctype: str, txt: str | None, options: dict):
	"""The answer of `search`, or an empty one where the doctype is hidden.

	answer: the key of the response under which Frappe of 2023 puts its answer. Later versions return it.
	"""
	if not given.text(doctype, "doctype"):
		refuse(_("Say in which doctype to search."), title=_("Search"))
	txt = "" if txt is None else given.text(txt, "txt")
	_check(options)
	if gates.is_hidden(doctype):
		frappe.response[answer] = []
		return []
	try:
		return frappe.call(search, doctype=doctype, txt=txt, **options)
	except Exception as error:
		if not isinstance(error, UNREADABLE) and not (error.args and frappe.db.is_missing_column(error)):
			raise
		frappe.log_error(title="Search")  # a query of another app may have the fault, too
		refuse(
			_("{0} cannot be searched with these options: look at the filters, fields and query."),
			doctype,
			title=_("Search"),
		)


def _check(options: dict) -> None:
	"""Raise frappe.ValidationError for options that Frappe's searches could not read."""
	for name in TEXTS:
		if options.get(name) is not None:
			given.text(options[name], name)
	for name in COUNTS:
		if options.get(name) is not None:
			options[name] = given.count(options[name], name, MOST)
