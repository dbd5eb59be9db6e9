"""What the control plane asks about the bench that this process runs on."""

import hashlib
import os
from urllib.parse import urlsplit

import frappe

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import CUSTOM_NAME, server
from buildpro_saas.fleet import database_account
from buildpro_saas.jobs import queue

GB = 10**9  # bytes, as disks are sold


def same_path(path: str | None) -> str:
	"""The path in one spelling: without blanks, double or trailing slashes; the bench's own, however it is reached, as the bench has it."""
	path = (path or "").strip()
	if not path:
		return ""
	here = str(Bench.here().path)
	return here if os.path.realpath(path) == os.path.realpath(here) else os.path.normpath(path)


def is_here(path: str | None) -> bool:
	"""True when `path`, however it is spelled, is the folder of the bench that this process runs on."""
	return same_path(path) == str(Bench.here().path)


def only_here(bench: str) -> None:
	"""Raise frappe.ValidationError unless the Bench of that name is the one that this site runs on: nothing is done on others yet."""
	if not frappe.db.get_value("Bench", bench, "is_local"):
		frappe.throw(
			f"The bench {bench} is not the one that this site runs on: nothing can be made there from here.",
			title="Bench elsewhere",
		)


def facts() -> dict:
	"""Name, path, frappe_version, web_port, apps [{app, version, branch, commit}], disk_free (bytes), sites (count), queue."""
	return {**Bench.here().facts(), "queue": queue.name_for(frappe._dict())}


def site_exists(site: str) -> bool:
	"""True when a folder or file of that name is under sites/, whoever made it."""
	return Bench.here().site(site).exists()


def database_exists(name: str) -> bool:
	"""True when a database or a database user has that name. Raises frappe.ValidationError without a database account."""
	with server(database_account.account()) as mariadb:
		return mariadb.has_database(name) or mariadb.has_user(name)


def is_database_name(name: str) -> bool:
	"""True when staff may choose the name for a tenant's database."""
	return bool(CUSTOM_NAME.fullmatch(name))


def default_database_name(site: str) -> str:
	"""The name that `bench new-site` gives a site's database: `_` and 16 digits of the SHA-1 of its folder's path."""
	path = os.path.realpath(Bench.here().site(site).path)
	return "_" + hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()[:16]


def admin_url(bench: dict) -> str:
	"""Where tenants' sites and staff reach this admin site: its configured host name, else by its own name."""
	return (frappe.conf.get("host_name") or site_url(frappe.local.site, bench)).rstrip("/")


def set_host_name(wanted: str | None, bench: dict) -> str:
	"""Keep in site_config.json where staff reach this admin site, and return it (scheme, host, perhaps a port).

	Without it, Frappe's links in mails go where the Host header of whoever asks for the mail says: to reset somebody else's password, say.
	wanted: None for what is there or, where nothing is, for what follows from the site's name. One of this machine's follows the port.
	"""
	site, known = frappe.local.site, frappe.conf.get("host_name")
	is_local = bool(known) and urlsplit(known).hostname == site and site.endswith(".localhost")
	address = wanted or (known if known and not is_local else site_url(site, bench))
	if address != known:
		site_config.update_own({"host_name": address})
	return address


def site_url(site: str, bench: dict) -> str:
	"""Where the tenant's users go. `*.localhost` (RFC 6761) is answered by the bench's own web server, without TLS."""
	if site.endswith(".localhost"):
		return f"http://{site}:{bench['web_port']}"
	return f"https://{site}"
