"""Desk's searches, without the records that are hidden on this site (gates.is_hidden).

They override Frappe's methods. Those ask no permission hook, or can be told not to.
"""

from collections.abc import Callable

import frappe
from frappe.desk import search as of_links
from frappe.utils import global_search

from buildpro_saas.tenant_site import gates


@frappe.whitelist()
def search(text, start=0, limit=20, doctype="") -> list[dict]:
	"""Frappe's global search, without what is hidden."""
	found = global_search.search(text, start, limit, doctype)
	return [row for row in found if not gates.is_hidden(row["doctype"])]


@frappe.whitelist()
def search_link(doctype: str, txt: str, **options):
	"""Frappe's search for link fields; it finds nothing of a hidden doctype."""
	return _unless_hidden(of_links.search_link, "results", doctype, txt, options)


@frappe.whitelist()
def search_widget(doctype: str, txt: str, **options):
	"""Frappe's search for the dialog of a link field; it finds nothing of a hidden doctype."""
	return _unless_hidden(of_links.search_widget, "values", doctype, txt, options)


def _unless_hidden(search: Callable, answer: str, doctype: str, txt: str, options: dict):
	"""answer: the key under which Frappe of 2023 puts its answer into the response. Later versions return it."""
	if gates.is_hidden(doctype):
		frappe.response[answer] = []
		return []
	return frappe.call(search, doctype=doctype, txt=txt, **options)
