"""What the control plane asks about benches."""

import os
from urllib.parse import urlsplit

import frappe

from buildpro_saas.agent import door
from buildpro_saas.agent.facts import CUSTOM_NAME
from buildpro_saas.jobs import queue
from buildpro_saas.jobs.bench_door import door_of, is_reached

GB = 10**9  # bytes, as disks are sold


def same_path(path: str | None) -> str:
	"""The path in one spelling: without blanks, double or trailing slashes; the bench's own, however it is reached, as the bench has it."""
	path = (path or "").strip()
	if not path:
		return ""
	here = str(door.path_here())
	return here if os.path.realpath(path) == os.path.realpath(here) else os.path.normpath(path)


def is_here(path: str | None) -> bool:
	"""True when `path`, however it is spelled, is the folder of the bench that this process runs on."""
	return same_path(path) == str(door.path_here())


def only_reached(bench: str) -> None:
	"""Raise frappe.ValidationError unless the Bench of that name can be reached from here."""
	if not is_reached(bench):
		frappe.throw(
			f"The bench {bench} cannot be reached from this site: nothing can be made there from here.",
			title="Bench out of reach",
		)


def facts_here() -> dict:
	"""The facts of the bench that this process runs on (facts), and `queue`; where its web server answers this site may know better."""
	here = door.here().do("bench_facts")
	return {
		**here,
		"web_port": int(frappe.conf.get("webserver_port") or here["web_port"]),
		"queue": queue.name_for(frappe._dict()),
	}


def facts_at(path: str) -> dict:
	"""The facts (as below) of the bench in a folder of this machine, whose web server is where its own configuration says."""
	return facts_here() if is_here(path) else door.to(path).do("bench_facts")


def server_at(path: str) -> dict:
	"""{"kind", "host", "port", "user" (of its account, None without one), "user_host"} of the database server of the bench in a folder."""
	return door.to(path).do("database_server")


def facts(bench: str) -> dict:
	"""Name, path, python, frappe_version, web_port, apps [{app, version, branch, commit}], disk_free (bytes), sites (count), redis of the
	Bench of that name."""
	return door_of(bench).do("bench_facts")


def room(bench: str, of_sites: list[str]) -> dict[str, int]:
	"""{"disk_free": bytes, "sites": how many are there, "to_come": how many of these sites are not there} of the Bench of that name."""
	return door_of(bench).do("bench_room", of_sites=of_sites)


def site_exists(bench: str, site: str) -> bool:
	"""True when a folder or file of that name is under the bench's sites/, whoever made it."""
	return door_of(bench).site(site).exists()


def has_account(bench: str) -> bool:
	"""True when the bench has its account on its database server."""
	return door_of(bench).has_account()


def database_exists(bench: str, name: str) -> bool:
	"""True when a database or a database user has that name on the bench's database server."""
	return door_of(bench).do("is_database_name_taken", name=name)


def is_database_name(name: str) -> bool:
	"""True when staff may choose the name for a tenant's database."""
	return bool(CUSTOM_NAME.fullmatch(name))


def default_database_name(bench: str, site: str) -> str:
	"""The name that `bench new-site` gives a site's database there."""
	return door_of(bench).do("database_name_for", site=site)


def admin_url() -> str:
	"""Where tenants' sites and staff reach this admin site: its configured host name, else by its own name."""
	known = frappe.conf.get("host_name")
	own = {"web_port": int(frappe.conf.get("webserver_port") or 8000)}
	return (known or site_url(frappe.local.site, own)).rstrip("/")


def set_host_name(wanted: str | None, bench: dict) -> str:
	"""Keep in site_config.json where staff reach this admin site, and return it (scheme, host, perhaps a port).

	Without it, Frappe's links in mails go where the Host header of whoever asks for the mail says: to reset somebody else's password, say.
	wanted: None for what is there or, where nothing is, for what follows from the site's name. One of this machine's follows the port.
	"""
	site, known = frappe.local.site, frappe.conf.get("host_name")
	is_local = bool(known) and urlsplit(known).hostname == site and site.endswith(".localhost")
	address = wanted or (known if known and not is_local else site_url(site, bench))
	if address != known:
		door.update_own_config({"host_name": address})
	return address


def site_url(site: str, bench: dict) -> str:
	"""Where the tenant's users go. `*.localhost` (RFC 6761) is answered by the bench's own web server, without TLS."""
	if site.endswith(".localhost"):
		return f"http://{site}:{bench['web_port']}"
	return f"https://{site}"
