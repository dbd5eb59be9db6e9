"""Desk's global search without records that are out of sight: in place of Frappe's method, which asks no permission hook."""

import frappe
from frappe.utils import global_search

from buildpro_saas.tenant_site import gates


@frappe.whitelist()
def search(text, start=0, limit=20, doctype="") -> list[dict]:
	"""As Frappe's, which it calls."""
	return [
		row for row in global_search.search(text, start, limit, doctype) if not gates.is_hidden(row.doctype)
	]
