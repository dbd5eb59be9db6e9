"""What apps ship goes on working: each standard print format, mail and notification is rendered with the sandbox and without it."""

import re
from html import unescape

import pytest

RANDOM = re.compile(r"\b[0-9a-f]{10,56}\b")


@pytest.fixture
def in_role(frappe, monkeypatch):
	"""Calls a function as on a site of that role; what it made is not there for the next one."""

	def call(role, function, *args):
		monkeypatch.setitem(frappe.local.conf, "buildpro_role", role)
		monkeypatch.setitem(frappe.flags, "ignore_print_permissions", True)
		try:
			return RANDOM.sub("random", function(*args))
		except Exception as error:
			# of a template's error Frappe shows the whole traceback, which differs: its last line says what it was
			last = unescape(str(error)).replace("</pre>", "").strip().splitlines() or [""]
			return f"{type(error).__name__}: {last[-1]}"
		finally:
			frappe.db.rollback()

	return call


def document(frappe, doctype: str):
	"""The newest of the doctype, or a new one of it with one row in each table."""
	if frappe.get_meta(doctype).issingle:
		return frappe.get_doc(doctype)
	if names := frappe.get_all(doctype, order_by="creation desc, name", limit=1, pluck="name"):
		return frappe.get_doc(doctype, names[0])
	doc = frappe.new_doc(doctype)
	doc.name = f"new {doctype}"
	for table in doc.meta.get_table_fields():
		if not doc.get(table.fieldname):
			doc.append(table.fieldname, {})
	return doc


def printed(frappe, doctype: str, name: str | None) -> str:
	from frappe.www.printview import get_rendered_template

	doc = document(frappe, doctype)
	return get_rendered_template(doc, print_format=frappe.get_doc("Print Format", name) if name else None)


def compared(in_role, function, *args) -> str:
	"""What a tenant's site renders, which is what Frappe renders without us."""
	plain = in_role(None, function, *args)
	tenants = in_role("tenant", function, *args)
	assert tenants == plain, args
	return tenants


def test_every_print_format(frappe, in_role):
	formats = frappe.get_all(
		"Print Format",
		filters={"disabled": 0, "print_format_type": ("!=", "JS")},
		fields=["name", "doc_type"],
		order_by="name",
	)
	printable = ["ToDo", "User", "Address", "Contact", "Note", "Sales Invoice", "Salary Slip"]
	standard = [(doctype, None) for doctype in printable if frappe.db.exists("DocType", doctype)]
	given = [(each.doc_type, each.name) for each in formats if frappe.db.exists("DocType", each.doc_type)]
	shown = [compared(in_role, printed, frappe, *each) for each in standard + given]
	assert sum("<" in html for html in shown) > len(shown) / 2, shown


def test_every_email_template(frappe, in_role):
	def mail(name):
		template = frappe.get_doc("Email Template", name)
		doc = document(frappe, "User").as_dict()
		return frappe.as_json(template.get_formatted_email({**doc, "doc": doc}))

	for name in frappe.get_all("Email Template", pluck="name"):
		compared(in_role, mail, name)


def test_every_notification(frappe, in_role):
	from frappe.email.doctype.notification.notification import get_context

	def message(name):
		alert = frappe.get_doc("Notification", name)
		doc = document(frappe, alert.document_type)
		context = {**get_context(doc), "alert": alert, "comments": None}
		parts = [frappe.render_template(text or "", context) for text in (alert.subject, alert.message)]
		holds = frappe.safe_eval(alert.condition, None, get_context(doc)) if alert.condition else None
		return "\n".join([*parts, str(holds)])

	for name in frappe.get_all("Notification", pluck="name"):
		compared(in_role, message, name)


def mails(frappe) -> list[str]:
	"""The files of Frappe's and the apps' own mails."""
	from pathlib import Path

	found = []
	for app in frappe.get_installed_apps():
		folder = Path(frappe.get_app_path(app, "templates", "emails"))
		found += [f"{app}/templates/emails/{path.name}" for path in sorted(folder.glob("*.html"))]
	return found


def test_every_mail_of_the_apps(frappe, in_role):
	def mail(path):
		doc = document(frappe, "User")
		context = {
			"doc": doc,
			"user": doc,
			"data": [],
			"content": "x",
			"header": "x",
			"title": "x",
			"footer": "x",
		}
		return frappe.render_template(path, context, is_path=True)

	assert mails(frappe)
	shown = [compared(in_role, mail, path) for path in mails(frappe)]
	assert any("<" in html for html in shown)


PAGES = ("login", "me", "contact", "404")


def test_pages_of_the_website(frappe, in_role):
	from frappe.utils import set_request
	from frappe.website.serve import get_response_content

	def page(path):
		set_request(method="GET", path=path)
		try:
			return re.sub(r'csrf_token = "[^"]*"|\?v=[\d.]+', "", get_response_content(path))
		finally:
			del frappe.local.request

	shown = [compared(in_role, page, path) for path in PAGES]
	assert sum("<html" in html for html in shown) >= len(PAGES) // 2, shown
