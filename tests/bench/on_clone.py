"""What the tests of clones make on a tenant's site, and read on its clone. Called by dotted name."""

import frappe
from frappe.utils.password import set_encrypted_password


def live() -> None:
	"""Data, a web hook, a mail account and a secret with which the site reaches others."""
	frappe.get_doc({"doctype": "Note", "title": "then", "content": "then"}).insert()
	hook = {
		"doctype": "Webhook",
		"name": "Bank",
		"webhook_doctype": "Note",
		"webhook_docevent": "after_insert",
		"request_url": "https://bank.example/hook",
		"enabled": 1,
	}
	frappe.get_doc(hook).insert()
	mail = frappe.new_doc("Email Account")
	mail.update({"email_account_name": "Office", "email_id": "office@acme.example", "enable_outgoing": 1})
	mail.name = "Office"
	mail.db_insert()
	set_encrypted_password("User", "Administrator", "hidden", "api_secret")


def told() -> dict:
	return {
		"notes": frappe.get_all("Note", pluck="title"),
		"hooks": frappe.get_all("Webhook", pluck="enabled"),
		"mails": frappe.db.get_value("Email Account", "Office", "enable_outgoing"),
		"secrets": frappe.db.sql("select count(*) from `__Auth` where encrypted = 1")[0][0],
		"plan": frappe.db.get_single_value("Nexelya Plan Settings", "plan_type"),
	}
