"""The bench as a whole: its apps, its room, its processes."""

import subprocess
from typing import Any

import frappe

from buildpro_saas.agent import errors, machine_memory, redis_access, unix_users
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import App
from buildpro_saas.agent.fingerprint import fingerprints
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import quick
from buildpro_saas.framework import REDIS_SERVERS


@quick
def bench_facts(bench: Bench) -> dict[str, Any]:
	"""The facts of the bench: {"name", "path", "python", "frappe_version", "web_port", "socketio_port", "apps", "disk_free", "sites", "redis"}.

	apps: [{app, version, branch, commit}]. disk_free: bytes. sites: how many. redis: URLs without passwords, each once.
	"""
	servers = dict.fromkeys(
		redis_access.without_password(url) for name in REDIS_SERVERS if (url := frappe.conf.get(name))
	)
	return {**bench.facts(), "python": bench.python, "redis": list(servers)}


@quick
def site_names(bench: Bench) -> list[str]:
	"""Names of all sites of the bench, sorted."""
	return bench.site_names()


@quick
def worker_queues(bench: Bench) -> dict[str, Any]:
	"""The queues that the bench's configuration adds to the framework's own, as it is now: {name: its settings}."""
	workers = frappe.conf.get("workers")
	return workers if isinstance(workers, dict) else {}


@quick
def app_names(bench: Bench) -> list[str]:
	"""The apps that sites of the bench can install, the framework first."""
	return bench.app_names()


@quick
def app_facts(bench: Bench, apps: list[str]) -> list[App]:
	"""Version, branch and commit of each of the apps, read from disk. Raises AgentError for one that is not on the bench."""
	if strangers := sorted(set(apps) - set(bench.app_names())):
		raise AgentError(
			f"The bench has no app {', '.join(strangers)}, which a site's list of installed apps names.",
			"Get it there with `bench get-app`, or take it off the site with `bench remove-from-installed-apps`.",
		)
	return [bench.app(name) for name in apps]


@quick
def app_fingerprints(bench: Bench, apps: list[str]) -> list[dict[str, str]]:
	"""{"app", "version", "commit", "schema"} of each of the apps that is on the bench; the others are left out.

	Equal fingerprints make equal sites. Raises OperationFault where they cannot be read, as while somebody updates an app.
	"""
	there = bench.app_names()
	try:
		return fingerprints(bench, [app for app in apps if app in there])
	except (OSError, subprocess.SubprocessError) as error:
		raise errors.from_plain(errors.as_plain(error)) from error


@quick
def bench_room(bench: Bench, of_sites: list[str]) -> dict[str, int]:
	"""{"disk_free": bytes, "sites": how many the bench has, "to_come": how many of `of_sites` it does not have yet}."""
	to_come = sum(not bench.site(name).exists() for name in of_sites)
	return {"disk_free": bench.disk_free, "sites": len(bench.site_names()), "to_come": to_come}


@quick
def free_memory(bench: Bench) -> int:
	"""MB of memory that are free on the bench's machine."""
	return machine_memory.free_mb()


@quick
def database_name_for(bench: Bench, site: str, number: int = 0) -> str:
	"""The name that `bench new-site` gives the site's database."""
	return bench.site(site).default_database_name(number)


@quick
def unix_users_of(bench: Bench, site: SiteName, port: int) -> dict[str, Any]:
	"""{"secrets": the owner of the site's site_config.json, "web": the users whose processes listen on the port of this machine}.

	Raises FileNotFoundError for a site without that file.
	"""
	return {
		"secrets": unix_users.owner(bench.site(site).path / "site_config.json"),
		"web": sorted(unix_users.listening_on(port)),
	}


@quick
def redis_complaints(bench: Bench) -> list[str]:
	"""A sentence for each Redis server of the bench that takes commands without a password."""
	return redis_access.complaints(frappe.conf)


@quick
def console_command(bench: Bench, site: SiteName) -> dict[str, Any]:
	"""{"command": words, "folder"}: how a console on the site is started, in the foreground of a terminal. Raises AgentError where there is no such site."""
	bench.site(site).config_in_place()
	words = [bench.python, "-m", "frappe.utils.bench_helper", "frappe", "--site", site, "console"]
	return {"command": words, "folder": str(bench.sites_path)}
