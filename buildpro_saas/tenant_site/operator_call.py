"""Runs a function that the operator names on this site: one that its apps have opened to callers, and no other."""

from typing import Any

import frappe
from frappe import _


def run(method: str, arguments: dict) -> Any:
	"""Call the whitelisted function of that dotted name, as Administrator, and return what it returns.

	Raises frappe.ValidationError for a function that is not there or not whitelisted, and for arguments that are no names and values.
	"""
	try:
		function = frappe.get_attr(method)
	except (ImportError, AttributeError, ValueError, frappe.ValidationError) as error:
		frappe.throw(_("There is no function {0} on this site: {1}").format(method, error))
	if function not in frappe.whitelisted:
		frappe.throw(_("{0} is not whitelisted (@frappe.whitelist): name a function that is.").format(method))
	return frappe.call(function, **arguments)


def note_console(by: str, why: str) -> None:
	"""Put into this site's Activity Log that the operator opens a console here: who, and why."""
	note = {
		"doctype": "Activity Log",
		"subject": _("The operator opened a console: {0}").format(by)[:140],
		"content": frappe.utils.escape_html(why),
		"status": "Success",
		"user": "Administrator",
		"full_name": by,
	}
	frappe.get_doc(note).insert(ignore_permissions=True)
