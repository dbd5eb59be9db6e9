"""What is done on a site that was loaded from a backup, before anybody uses it. Run by Site.run and Site.call.

A process of the site's takes a second to start. So what follows each other is asked together.
"""

import os
from pathlib import Path
from urllib.parse import unquote

import frappe
from cryptography.fernet import Fernet, InvalidToken

from buildpro_saas.agent.installer import installed_apps
from buildpro_saas.agent.later_files import path_of
from buildpro_saas.agent.pending_migration import missing_patches

# Mails that were under way then. They have been sent since, or nobody waits for them any more.
UNSENT = ("Not Sent", "Sending", "Partially Sent")
EXPIRED = "Expired"  # Frappe's own word for a mail that is not sent any more
TOLD = 20  # secrets that are named
MOST_URLS = 1000


def settle() -> dict:
	"""End what was under way on the site then: {"sessions", "mails"}, how many. Nobody is signed in, and no mail goes out a second time."""
	sessions = frappe.db.sql("select count(*) from tabSessions")[0][0]
	frappe.db.sql("delete from tabSessions")
	mails = frappe.get_all("Email Queue", {"status": ("in", UNSENT)}, pluck="name")
	for name in mails:
		frappe.db.set_value("Email Queue", name, "status", EXPIRED, update_modified=False)
	frappe.db.commit()
	return {"sessions": sessions, "mails": len(mails)}


def settle_and_compare() -> dict:
	"""As settle(), and "patches": those that the bench's apps have and this site lacks."""
	return {**settle(), "patches": missing_patches()}


def secrets_and_apps() -> dict:
	"""{"secrets": what unreadable_secrets() answers, "apps": what installed_apps() answers}."""
	return {"secrets": unreadable_secrets(), "apps": installed_apps()}


def unreadable_secrets() -> dict:
	"""The passwords and keys that the site's encryption key does not decrypt: {"count", "told": ["DocType NAME: field", …]}, TOLD at most."""
	key = frappe.conf.get("encryption_key")
	box = Fernet(key.encode()) if key else None
	rows = frappe.db.sql(
		"select doctype, name, fieldname, password from `__Auth` where encrypted = 1 order by 1, 2, 3"
	)
	lost = [
		f"{doctype} {name}: {field}" for doctype, name, field, secret in rows if not _is_readable(box, secret)
	]
	return {"count": len(lost), "told": lost[:TOLD]}


def lost_files(urls: list[str] | None = None) -> dict:
	"""The File records whose file is not on the disk: {"rows": how many were looked at, "count", "urls": MOST_URLS at most}.

	urls: only these addresses, whether there are records of them or not; all records' where it is left out.
	"""
	if urls is None:
		urls = frappe.db.sql_list(
			"""select distinct file_url from tabFile where is_folder = 0
			and (file_url like '/files/%%' or file_url like '/private/files/%%') order by 1"""
		)
	lost = [url for url in urls if not any(os.path.lexists(path) for path in _paths(url))]
	return {"rows": len(urls), "count": len(lost), "urls": lost[:MOST_URLS]}


def _paths(url: str) -> list[str]:
	"""Where the file of that address may be: an address may be quoted, as a browser sends it."""
	found = []
	for each in dict.fromkeys((url, unquote(url))):
		steps = [step for step in each.split("/") if step not in ("", ".")]
		if ".." not in steps:
			found.append(frappe.get_site_path(*([] if steps[:1] == ["private"] else ["public"]), *steps))
	return found


def _is_readable(box: Fernet | None, secret: str) -> bool:
	try:
		return bool(box and box.decrypt(secret.encode()) is not None)
	except InvalidToken:
		return False


def files_without_content() -> list[list[str]]:
	"""[address, MD5 of the content] of each File whose file is not in the site's folder."""
	site = Path(frappe.get_site_path())
	rows = frappe.get_all("File", {"is_folder": 0}, ["file_url", "content_hash"], order_by="creation")
	found = {row.file_url: row.content_hash or "" for row in rows if row.file_url}
	return [
		[address, digest]
		for address, digest in found.items()
		if path_of(site, address) and not any(map(os.path.lexists, _paths(address)))
	]
