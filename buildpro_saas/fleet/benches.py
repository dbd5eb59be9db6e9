"""What the control plane asks benches: names, addresses, facts, room."""

from itertools import count
from urllib.parse import urlsplit

import frappe

from buildpro_saas.agent import door
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import CUSTOM_NAME
from buildpro_saas.domains import addresses
from buildpro_saas.jobs import queue
from buildpro_saas.jobs.bench_door import door_of, is_reached

GB = 10**9  # bytes, as disks are sold


def same_path(path: str | None) -> str:
	"""The path of a bench's folder in one spelling, as agent.door.same_path has it."""
	return door.same_path(path)


def is_here(path: str | None) -> bool:
	"""True when `path`, however it is spelled, is the folder of the bench that this process runs on."""
	return same_path(path) == str(door.path_here())


def is_folder(path: str | None) -> bool:
	"""True when there is a folder of that path on this machine."""
	return door.is_folder(path)


def only_reached(bench: str) -> None:
	"""Raise frappe.ValidationError unless the Bench of that name can be reached from here."""
	if not is_reached(bench):
		frappe.throw(
			f"The bench {bench} cannot be reached from this site: nothing can be made there from here.",
			title="Bench out of reach",
		)


def facts_here() -> dict:
	"""The facts (as agent.operations.bench.bench_facts returns them) of the bench that this process runs on, and its `queue`.

	web_port is the one in this site's own configuration, where it has one.
	"""
	here = door.here().do("bench_facts")
	return {
		**here,
		"web_port": int(frappe.conf.get("webserver_port") or here["web_port"]),
		"queue": queue.name_for(frappe._dict()),
	}


def facts_at(path: str) -> dict:
	"""The facts (as `facts_here` returns them, without `queue`) of the bench in a folder of this machine."""
	return facts_here() if is_here(path) else door.to(path).do("bench_facts")


def server_at(path: str) -> dict:
	"""{"kind", "host", "port", "user", "user_host"} of the database server of the bench in a folder; user is None without an account."""
	return door.to(path).do("database_server")


def backup_folder(path: str, folder: str) -> str:
	"""Where stores of backups are on the machine of the bench in a folder, made if need be.

	Raises frappe.ValidationError for one that cannot be written to, or that web servers show.
	"""
	try:
		return door.to(path).do("check_backup_folder", folder=folder)
	except AgentError as error:
		frappe.throw(error.advice, title="Folder of backups")


def prepare(bench: str | None) -> None:
	"""Have the Bench of that name ready for quick questions, so that none of them starts a process. Call it before you take a lock.

	A bench that is not there, or cannot be reached, is left to the question that follows: its error says what to do.
	"""
	if not (bench and is_reached(bench)):
		return
	try:
		door_of(bench).prepare()
	except AgentError as error:
		frappe.logger("buildpro_saas").info(f"The bench {bench} is not ready: {error}")


def app_names(bench: str) -> list[str]:
	"""The apps that sites of the Bench of that name can install. Raises AgentError where it cannot be reached."""
	return door_of(bench).app_names()


def room(bench: str, of_sites: list[str]) -> dict[str, int]:
	"""{"disk_free": bytes, "sites": how many the bench has, "to_come": how many of `of_sites` it does not have yet}."""
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


def default_database_name(bench: str, site: str, tenant: str | None = None) -> str:
	"""The name that `bench new-site` gives a site's database there; another one where a tenant that had the site's name has kept that.

	tenant: whose site it is.
	"""
	for number in count():
		name = door_of(bench).do("database_name_for", site=site, number=number)
		if not frappe.db.exists("Tenant", {"database": name, "name": ("!=", tenant or "")}):
			return name


def rights_of_refresh(bench: str):
	"""What `saas refresh` may do on the Bench of that name: may_pull, build, restart (the commands, in words), was_asked."""
	return door_of(bench).do("rights_of_refresh")


def let_refresh(bench: str, may_pull: bool, only: list[str], build: str, restart: str):
	"""Keep what it may do there; returns that. only: the apps that it may pull; [] for all. For a shell alone. Raises frappe.ValidationError for a program that is not there."""
	try:
		return door_of(bench).do("let_refresh", may_pull=may_pull, only=only, build=build, restart=restart)
	except (AgentError, ValueError) as error:
		frappe.throw(str(error), title="Refresh")


def admin_url() -> str:
	"""Where tenants' sites and staff reach this admin site: its `host_name`, else by its own name."""
	known = frappe.conf.get("host_name")
	own = {"web_port": int(frappe.conf.get("webserver_port") or 8000)}
	return (known or site_url(frappe.local.site, own)).rstrip("/")


def set_host_name(wanted: str | None, bench: dict) -> str:
	"""Keep in site_config.json where staff reach this admin site, and return it (scheme, host, perhaps a port).

	Without it, links in Frappe's mails lead where the Host header of the request says. Somebody could ask so for another person's
	password mail. wanted: None keeps the known address, or takes the one that follows from the site's name. A `*.localhost` address
	follows the web server's port.
	"""
	site, known = frappe.local.site, frappe.conf.get("host_name")
	is_local = bool(known) and urlsplit(known).hostname == site and site.endswith(".localhost")
	address = wanted or (known if known and not is_local else site_url(site, bench))
	if address != known:
		door.update_own_config({"host_name": address})
	return address


def site_url(site: str, bench: dict) -> str:
	"""The URL of a site by its own name, as addresses.own has it. bench: the Bench's fields."""
	return addresses.own(site, bench)
