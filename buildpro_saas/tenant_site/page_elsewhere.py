"""Answers "not found" for a page of the website whose path leads out of the apps' folders."""

from frappe.website.page_renderers.not_found_page import NotFoundPage

from buildpro_saas.tenant_site.strict_names import is_plain_path


class PageElsewhere(NotFoundPage):
	"""Hook `page_renderer`. Frappe looks for a page's file wherever its path leads, and sends it.

	The path need not come from the address: a site's home page is a path that its System Manager chooses.
	"""

	def can_render(self) -> bool:
		"""True for a path that goes up."""
		return not is_plain_path(self.request_path)
