"""Answers "not found" for a page of the website whose path leads out of the apps' folders."""

from frappe.website.page_renderers.not_found_page import NotFoundPage

from buildpro_saas.tenant_site.strict_names import is_plain_path


class PageElsewhere(NotFoundPage):
	"""Hook `page_renderer`. Frappe sends any file that a page's path leads to.

	The path is not always in the address: a System Manager can choose a path as the site's home page.
	"""

	def can_render(self) -> bool:
		"""True for a path that leads upward."""
		return not is_plain_path(self.request_path)
