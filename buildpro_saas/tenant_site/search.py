"""Desk's searches without records that are out of sight: in place of Frappe's methods, which ask no permission hook, or can be told not to."""

from collections.abc import Callable

import frappe
from frappe.desk import search as of_links
from frappe.utils import global_search

from buildpro_saas.tenant_site import gates


@frappe.whitelist()
def search(text, start=0, limit=20, doctype="") -> list[dict]:
	"""As Frappe's global search, which it calls."""
	found = global_search.search(text, start, limit, doctype)
	return [row for row in found if not gates.is_hidden(row["doctype"])]


@frappe.whitelist()
def search_link(doctype: str, txt: str, **options):
	"""As Frappe's for link fields, which it calls; of a doctype out of sight there is nothing."""
	return _unless_hidden(of_links.search_link, "results", doctype, txt, options)


@frappe.whitelist()
def search_widget(doctype: str, txt: str, **options):
	"""As Frappe's for the dialog of a link field, which it calls; of a doctype out of sight there is nothing."""
	return _unless_hidden(of_links.search_widget, "values", doctype, txt, options)


def _unless_hidden(search: Callable, answer: str, doctype: str, txt: str, options: dict):
	"""answer: the key of the response by which Frappe of 2023 answers; later ones answer by what they return."""
	if gates.is_hidden(doctype):
		frappe.response[answer] = []
		return []
	return frappe.call(search, doctype=doctype, txt=txt, **options)
