"""The certificate of a tenant's removal: what, when, by whom, and when the key of its last backup is destroyed. A PDF of Frappe's own printing."""

import frappe
from frappe import _
from frappe.utils import strip_html
from frappe.utils.pdf import get_pdf

PRINT_FORMAT = "Certificate of Removal"
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>{title}</title></head><body>{body}</body></html>"""


def attach(tenant: str) -> tuple[str, str]:
	"""Print the certificate and attach it to the Tenant (its name); returns the file's name, and why it is HTML where no PDF could be made.

	One that is there already stays. The caller commits.
	"""
	of = {
		"attached_to_doctype": "Tenant",
		"attached_to_name": tenant,
		"file_name": ("like", f"{_stem(tenant)}%"),
	}
	if found := frappe.get_all("File", of, pluck="file_name", limit=1):
		return found[0], ""
	content, fault = _printed(tenant)
	kind = "html" if fault else "pdf"
	file = frappe.get_doc(
		{
			"doctype": "File",
			"file_name": f"{_stem(tenant)}.{kind}",
			"attached_to_doctype": "Tenant",
			"attached_to_name": tenant,
			"is_private": 1,
			"content": content,
		}
	).insert(ignore_permissions=True)
	return file.file_name, fault


def _stem(tenant: str) -> str:
	return f"certificate-of-removal-{tenant}"


def _printed(tenant: str) -> tuple[bytes | str, str]:
	"""The certificate, and why it is HTML; empty where it is a PDF."""
	# not frappe.get_print: its page loads style sheets over HTTP, from a host name that this machine may not know
	template = frappe.get_doc("Print Format", PRINT_FORMAT).html
	html = frappe.render_template(template, {"doc": frappe.get_doc("Tenant", tenant)})
	page = PAGE.format(title=_(PRINT_FORMAT), body=html)
	try:
		return get_pdf(page), ""
	except (
		Exception
	) as error:  # the site is gone: what is missing on this machine must not keep the job from its end
		frappe.log_error(title=PRINT_FORMAT)
		fault = " ".join(strip_html(str(error)).split())[:300]
		return page, fault or type(error).__name__
