"""What Frappe caches that depends on a site's entitlement."""

import frappe

from buildpro_saas.tenant_site import entitlement

# Web pages as Frappe keeps them, which may have asked `has_feature`.
PAGES = "website_page"


def forget() -> None:
	"""Empty those caches, and drop what this request holds of the entitlement. Call it after an entitlement has come into force and was committed.

	Web pages are the only such cache. What Desk is told is added after Frappe's cache (boot.py), and each request looks at the
	entitlement's file.
	"""
	entitlement.forget_in_request()
	frappe.cache.delete_value(PAGES)
