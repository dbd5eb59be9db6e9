"""What the tests of taking in write on a site that is no tenant's, and read where it was taken in. Called by dotted name."""

import frappe
from frappe.utils.password import get_decrypted_password, set_encrypted_password, update_password

USER, PASSWORD = "olga@old.example", "Xk29-old-password"


def live() -> None:
	"""What a customer's site has: its people, data with a file, a secret, and what it has made of the framework."""
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": USER,
			"first_name": "Olga",
			"last_name": "Old",
			"send_welcome_email": 0,
			"roles": [{"role": "System Manager"}],
		}
	).insert(ignore_permissions=True)
	update_password(user.name, PASSWORD)
	frappe.get_doc({"doctype": "Note", "title": "then", "content": "then"}).insert()
	frappe.get_doc({"doctype": "File", "file_name": "then.txt", "content": "then", "is_private": 1}).insert()
	set_encrypted_password("User", "Administrator", "hidden", "api_secret")
	frappe.get_doc(
		{
			"doctype": "Custom Field",
			"dt": "Note",
			"fieldname": "site_no",
			"fieldtype": "Data",
			"label": "Site No",
		}
	).insert()
	frappe.get_doc(
		{"doctype": "Client Script", "name": "Old Script", "dt": "Note", "script": "// of the customer's"}
	).insert()
	frappe.db.set_default("company", "Old Brothers")
	frappe.db.set_single_value("System Settings", {"country": "Germany", "time_zone": "Europe/Berlin"})


def told() -> dict:
	"""The same as a reader meets it."""
	name = frappe.db.get_value("File", {"file_name": ("like", "then%")})
	return {
		"notes": frappe.get_all("Note", pluck="title", order_by="title"),
		"file": frappe.get_doc("File", name).get_content(),
		"secret": get_decrypted_password("User", "Administrator", "api_secret"),
		"users": frappe.get_all("User", {"user_type": "System User"}, pluck="name", order_by="name"),
		"field": bool(frappe.get_meta("Note").get_field("site_no")),
		"apps": frappe.get_installed_apps(),
	}
