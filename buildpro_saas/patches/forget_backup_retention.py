import frappe


def execute() -> None:
	"""Delete the value of a field that SaaS Settings no longer has: it promised to delete old backups, but nothing did."""
	frappe.db.delete("Singles", {"doctype": "SaaS Settings", "field": "backup_retention_days"})
	frappe.clear_document_cache("SaaS Settings", "SaaS Settings")
