import frappe


def execute() -> None:
	"""SaaS Settings had a field that promised to delete old backups; nothing did. Its value goes with it."""
	frappe.db.delete("Singles", {"doctype": "SaaS Settings", "field": "backup_retention_days"})
	frappe.clear_document_cache("SaaS Settings", "SaaS Settings")
