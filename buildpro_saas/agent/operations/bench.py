"""The bench as a whole: its apps, its room, its processes."""

from typing import Any

import frappe

from buildpro_saas.agent import redis_access, unix_users
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import App
from buildpro_saas.agent.fingerprint import fingerprints
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import quick
from buildpro_saas.framework import REDIS_SERVERS


@quick
def bench_facts(bench: Bench) -> dict[str, Any]:
	"""Name, path, python, frappe_version, web_port, apps [{app, version, branch, commit}], disk_free (bytes), sites (count), redis [URL
	without password]."""
	servers = dict.fromkeys(
		redis_access.without_password(url) for name in REDIS_SERVERS if (url := frappe.conf.get(name))
	)
	return {**bench.facts(), "python": bench.python, "redis": list(servers)}


@quick
def site_names(bench: Bench) -> list[str]:
	"""Names of all sites of the bench, sorted."""
	return bench.site_names()


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
	"""{"app", "version", "commit", "schema"} of each of the apps that is on the bench: two equal ones make equal sites."""
	there = bench.app_names()
	return fingerprints(bench, [app for app in apps if app in there])


@quick
def bench_room(bench: Bench, of_sites: list[str]) -> dict[str, int]:
	"""{"disk_free": bytes, "sites": how many are there, "to_come": how many of these sites are not there}."""
	to_come = sum(not bench.site(name).exists() for name in of_sites)
	return {"disk_free": bench.disk_free, "sites": len(bench.site_names()), "to_come": to_come}


@quick
def database_name_for(bench: Bench, site: str) -> str:
	"""The name that `bench new-site` gives the site's database."""
	return bench.site(site).default_database_name()


@quick
def unix_users_of(bench: Bench, site: SiteName, port: int) -> dict[str, Any]:
	"""{"secrets": whose the site_config.json of the site is, "web": as whom this machine's processes run that listen on the port}."""
	return {
		"secrets": unix_users.owner(bench.site(site).path / "site_config.json"),
		"web": sorted(unix_users.listening_on(port)),
	}


@quick
def redis_complaints(bench: Bench) -> list[str]:
	"""A sentence for each Redis server of the bench that takes commands without a password."""
	return redis_access.complaints(frappe.conf)
