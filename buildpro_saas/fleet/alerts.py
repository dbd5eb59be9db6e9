"""Alerts: what staff should know at once stands in the Error Log, and in the bell of everybody who is SaaS Manager."""

import frappe

ALERTED = "SaaS Manager"


def tell(title: str, error: str, follows: str, doctype: str, name: str) -> None:
	"""Alert staff. follows: what is done, or left undone, until somebody acts. doctype, name: the record that it is about."""
	frappe.log_error(
		title=title[:140], message=f"{error}\n\n{follows}", reference_doctype=doctype, reference_name=name
	)
	having = {"role": ALERTED, "parenttype": "User"}
	users = {*frappe.get_all("Has Role", having, pluck="parent"), "Administrator"}
	for user in frappe.get_all("User", {"name": ("in", sorted(users)), "enabled": 1}, pluck="name"):
		frappe.get_doc(
			{
				"doctype": "Notification Log",
				"type": "Alert",
				"for_user": user,
				"subject": frappe.utils.escape_html(title),
				"email_content": frappe.utils.escape_html(error),
				"document_type": doctype,
				"document_name": name,
			}
		).insert(ignore_permissions=True)
