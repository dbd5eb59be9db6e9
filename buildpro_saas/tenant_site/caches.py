"""What Frappe keeps of a site that follows from its entitlement."""

import frappe

from buildpro_saas.tenant_site import entitlement

# Web pages as Frappe keeps them, which may have asked `has_feature`.
PAGES = "website_page"


def forget() -> None:
	"""Have it made anew. To be called once an entitlement has come into force and was committed.

	Web pages: `frappe.boot.buildpro` is put in after Frappe's own cache of Desk's boot information (boot.py), the gate is in
	no cache that outlives a request, and every process looks at the file (entitlement.py).
	"""
	entitlement.forget_in_request()
	frappe.cache.delete_value(PAGES)
