"""PDFs of tenants' sites: wkhtmltopdf lays out pages that tenants write, and runs as the bench's user.

It takes options from the page itself (`<meta name="pdfkit-…">`), opens files of the machine, and fetches whatever address a page names. On
tenants' sites it is given harmless options, may open no file, and fetches through a proxy of this process (print_proxy.py).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from pdfkit.pdfkit import PDFKit

from buildpro_saas.tenant_site.sandbox import acting, print_proxy, programs

# What a page may say of itself. A header or footer of its own goes the way of Frappe: by elements of the page.
OF_PAGE = frozenset(
	"page-size page-width page-height orientation margin-top margin-bottom margin-left margin-right header-spacing footer-spacing"
	" dpi zoom grayscale lowquality title image-quality image-dpi".split()
)


def harmless_options(original: Callable) -> Callable:
	"""`PDFKit._find_options_in_meta` that lets a page of a tenant's say how it is laid out, and nothing more."""

	@wraps(original)
	def find_options_in_meta(kit: PDFKit, content: Any) -> dict:
		found = original(kit, content)
		if acting.site() is None:
			return found
		return {name: value for name, value in found.items() if name in OF_PAGE and not value.startswith("-")}

	return find_options_in_meta


def guarded(original: Callable) -> Callable:
	"""`PDFKit.to_pdf` with the machine's files locked and the proxy before the network, for a tenant's request or job."""

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
