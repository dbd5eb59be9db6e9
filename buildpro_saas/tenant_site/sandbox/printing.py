"""PDFs on tenants' sites. wkhtmltopdf lays out pages that tenants write, and runs as the bench's user.

By itself it takes options from the page (`<meta name="pdfkit-…">`), opens files of the machine, and fetches any address that a
page names. Here it gets harmless options, opens no file, and fetches through a proxy of this process (print_proxy.py).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from pdfkit.pdfkit import PDFKit

from buildpro_saas.tenant_site.sandbox import acting, print_proxy, programs, wrapping

# Options that a page may set. Headers and footers are not among them: Frappe makes these from elements of the page.
OF_PAGE = frozenset(
	"page-size page-width page-height orientation margin-top margin-bottom margin-left margin-right header-spacing footer-spacing"
	" dpi zoom grayscale lowquality title image-quality image-dpi".split()
)
# Options that only Frappe and this module set: files, which Frappe removes afterwards, and the proxy.
NOT_OF_CALLERS = programs.FILES | {"--proxy"}


def keep() -> None:
	"""Wrap Frappe's maker of PDFs in this process (late.py calls it)."""
	from frappe.utils import pdf

	wrapping.replace(pdf.get_pdf, without_files)


def without_files(original: Callable) -> Callable:
	"""`frappe.utils.pdf.get_pdf`, without the caller's options that name a file or a proxy. A web request may be the caller."""

	@wraps(original)
	def get_pdf(html: str, options: Any = None, *args, **kwargs) -> Any:
		if acting.site() is not None and isinstance(options, dict):
			options = {
				name: value
				for name, value in options.items()
				if f"--{str(name).strip().lstrip('-').lower()}" not in NOT_OF_CALLERS
			}
		return original(html, options, *args, **kwargs)

	return get_pdf


def harmless_options(original: Callable) -> Callable:
	"""`PDFKit._find_options_in_meta`, which takes from a tenant's page only how it is laid out (OF_PAGE)."""

	@wraps(original)
	def find_options_in_meta(kit: PDFKit, content: Any) -> dict:
		found = original(kit, content)
		if acting.site() is None:
			return found
		return {name: value for name, value in found.items() if name in OF_PAGE and not value.startswith("-")}

	return find_options_in_meta


def guarded(original: Callable) -> Callable:
	"""`PDFKit.to_pdf`, which locks the machine's files and sets the proxy, for a tenant's request or job."""

	@wraps(original)
	def to_pdf(kit: PDFKit, path: str | None = None) -> Any:
		site = acting.site()
		if site is None:
			return original(kit, path)
		kit.options[programs.LOCK.removeprefix("--")] = ""
		with print_proxy.running(site) as url:
			kit.options["proxy"] = url
			return original(kit, path)

	return to_pdf
