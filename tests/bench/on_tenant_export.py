"""What the tests of exports do on a tenant's site."""

import frappe
from frappe.core.doctype.user.user import generate_keys


def clerk() -> str:
	"""KEY:SECRET of a user who works in Desk and is no System Manager."""
	user = frappe.get_doc(
		{"doctype": "User", "email": "clerk@people.example", "first_name": "Clerk", "send_welcome_email": 0}
	)
	user.append("roles", {"role": "Report Manager"})
	user.flags.no_welcome_mail = True
	user.insert(ignore_permissions=True)
	secret = generate_keys(user.name)["api_secret"]
	return f"{frappe.db.get_value('User', user.name, 'api_key')}:{secret}"


def downloads() -> int:
	"""How often a file of an export was fetched, by the Access Log."""
	return frappe.db.count("Access Log", {"report_name": "Export of All Data"})
