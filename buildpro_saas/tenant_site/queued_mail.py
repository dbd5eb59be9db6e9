"""Keeps queued mails as they were counted: the limit on mails counts the recipients when a mail is queued."""

import frappe
from frappe import _

from buildpro_saas import site_role

SENT = "Sent"


def check(doc, method: str | None = None) -> None:
	"""Hook `before_validate` of Email Queue. Raise frappe.PermissionError where a queued mail gets a recipient, or is to be sent again.

	The framework's own sending writes a mail's status without documents, so it is not refused.
	"""
	if doc.is_new() or not site_role.is_tenant_site():
		return
	before = {row.recipient: row.status for row in doc.get_doc_before_save().recipients}
	for row in doc.recipients:
		if row.recipient not in before or (before[row.recipient] == SENT and row.status != SENT):
			_refuse()


def check_row(doc, method: str | None = None) -> None:
	"""Hook `before_validate` of Email Queue Recipient: refuse a row that is saved by itself."""
	if site_role.is_tenant_site():
		_refuse()


def _refuse() -> None:
	frappe.throw(
		_("Whom a queued mail goes to cannot be changed: write a new one."),
		frappe.PermissionError,
		title=_("E-mail"),
	)
