"""A site gets another name: its folder moves, its database where that is named after it, and its jobs. The old name leads to it for a while."""

import os
import time

from buildpro_saas.agent import account, moved_jobs, redirects, site_jobs
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.facts import HELD
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import quick
from buildpro_saas.agent.redirects import Redirect


@quick
def move_site(bench: Bench, site: SiteName, to: SiteName, mark: Mark) -> None:
	"""Give the folder of a closed site another name, in one move. What workers are to do for it is kept aside. Repeatable.

	Raises NotOursError where the site carries another mark, or something has the new name; AgentError where it is not closed.
	"""
	folder, target = bench.site(site), bench.site(to)
	if not folder.exists():
		target.only_with_mark(mark)
		return
	if target.exists():
		raise NotOursError(
			f"There is something called {to} on the bench already.", "Move it away, and press Retry."
		)
	folder.only_with_mark(mark)
	if HELD not in folder.config:
		raise AgentError(f"The site {site} is not closed.", "Press Retry: that closes it again.")
	moved_jobs.keep_aside(site, to, bench.sites_path)
	os.rename(folder.path, target.path)
	site_jobs.forget_uses(site)  # they are written down; the next site of that name begins at none


@quick
def what_keeps_database_name(bench: Bench, database: str, mark: Mark) -> str:
	"""Why the database of a site with that mark cannot get another name, as the end of a sentence; empty where it can."""
	with server(account.read(bench)) as mariadb:
		if mariadb.mark_of(database) != mark:
			return "does not carry its site's mark"
		has = mariadb.other_contents(database)
	return f"has {has}, which cannot be moved" if has else ""


@quick
def rename_site_database(bench: Bench, site: SiteName, database: str, to: str, mark: Mark) -> float:
	"""Give the database of a closed site, and its user, another name; returns how many seconds it took. Repeatable.

	All tables move by one statement, and then the site's configuration names the other one. Whoever is killed in between leaves the site
	closed, with the old user, and this goes on from there. Raises NotOursError where site or database carry another mark, or the site has a
	third database; AgentError where it is not closed, or its database has what cannot be moved.
	"""
	folder, began = bench.site(site), time.monotonic()
	config = folder.config_in_place()
	folder.only_with_mark(mark)
	if config["db_name"] not in (database, to):
		raise NotOursError(f"The site {site} has another database than {database}.", "See `saas drift`.")
	if HELD not in config:
		raise AgentError(f"The site {site} is not closed.", "Press Retry: that closes it again.")
	with server(account.read(bench)) as mariadb:
		if config["db_name"] == database:
			mariadb.create(to, config["db_password"], mark)
			mariadb.move_tables(database, to, mark)
			user = {"db_user": to} if config.get("db_user") else {}
			folder.update_config({"db_name": to, **user})
		if mariadb.mark_of(database) == mark:  # by now another tenant may have that name
			mariadb.drop(database, mark)
	return time.monotonic() - began


@quick
def release_moved_jobs(bench: Bench, site: SiteName) -> int:
	"""Put what was kept aside for the site into its queues; returns how many jobs. Repeatable."""
	return moved_jobs.release(site, bench.sites_path)


@quick
def redirect_site(bench: Bench, site: SiteName, url: str, until: float) -> None:
	"""Send requests that come under the name of a site that is gone to url, until then (seconds since the epoch). Repeatable."""
	redirects.put(bench.sites_path, site, Redirect(url.rstrip("/"), until))


@quick
def forget_redirect(bench: Bench, site: SiteName) -> None:
	"""Send nobody away from the name any more. Repeatable."""
	redirects.forget(bench.sites_path, site)
