"""How the limits that this app declares are measured (hooks.py names these functions)."""

import os

import frappe
from pypika.functions import Count, Sum

from buildpro_saas.tenant_site import utc_days

GB = 10**9


def storage_gb() -> float:
	"""How much the database and the files of this site take, in GB of 10**9 bytes. Backups are not the tenant's."""
	tables = frappe.qb.Schema("information_schema").tables
	database = (
		frappe.qb.from_(tables)
		.select(Sum(tables.data_length + tables.index_length))
		.where(tables.table_schema == frappe.conf.db_name)
		.run()
	)[0][0]
	files = sum(_folder_size(frappe.get_site_path(place, "files")) for place in ("public", "private"))
	return (int(database or 0) + files) / GB


def file_gb(doc) -> float:
	"""The size of a new File's content in GB, as it lies on disk. The form's own number may be anything."""
	if doc.is_folder or doc.is_remote_file:
		return 0
	path = doc.get_full_path()
	return os.path.getsize(path) / GB if os.path.exists(path) else 0


def emails_today() -> int:
	"""Recipients of the mails that this site has queued today (UTC)."""
	queue, recipient = frappe.qb.DocType("Email Queue"), frappe.qb.DocType("Email Queue Recipient")
	return (
		frappe.qb.from_(queue)
		.join(recipient)
		.on(recipient.parent == queue.name)
		.select(Count("*"))
		.where(queue.creation >= utc_days.midnight_here())
		.run()
	)[0][0]


def recipients(doc) -> int:
	"""How many people a new Email Queue goes to."""
	return len(doc.recipients)


def _folder_size(path: str) -> int:
	size = 0
	for folder, _folders, files in os.walk(path):
		for file in files:
			try:
				size += os.lstat(os.path.join(folder, file)).st_size
			except FileNotFoundError:
				continue  # deleted since the folder was listed
	return size
