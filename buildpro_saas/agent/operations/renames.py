"""A site gets another name: its folder moves, its database stays, its jobs go along, and its old name leads to it for a while."""

import os

from buildpro_saas.agent import moved_jobs, redirects
from buildpro_saas.agent.bench import Bench
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
