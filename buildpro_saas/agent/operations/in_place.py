"""Migrating a site in place: its way back (agent/way_back.py says what that is), the migrate itself, and going back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from buildpro_saas.agent import account, hold
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Migrated
from buildpro_saas.agent.operations.migrations import MIGRATE
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import in_process, in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.operations.sites import first_config, new_password
from buildpro_saas.agent.shadow import Shadow
from buildpro_saas.agent.site_runner import Order
from buildpro_saas.agent.way_back import WayBack


@contextmanager
def _way_back(bench: Bench, site: str, database: str, mark: str) -> Iterator[WayBack]:
	with server(account.read(bench)) as mariadb:
		yield WayBack(Shadow(bench, mariadb, database, mark), bench.site(site))


@in_thread
def copy_way_back(bench: Bench, progress: Progress, site: SiteName, database: str, mark: Mark) -> None:
	"""Copy the site's tables into a shadow in that database while people work. What an earlier try left goes first."""
	with _way_back(bench, site, database, mark) as way_back:
		password = new_password()
		way_back.copy_ahead(first_config(account.read(bench), database, password), password, progress.check)


@in_thread
def complete_way_back(bench: Bench, progress: Progress, site: SiteName, database: str, mark: Mark) -> int:
	"""Copy again what has changed since, on a site where nobody works any more; returns of how many tables."""
	with _way_back(bench, site, database, mark) as way_back:
		return way_back.complete(progress.check)


@in_process
def migrate_in_place(bench: Bench, site: SiteName) -> Migrated:
	"""Migrate the site itself, as `bench migrate` does, in a process of the bench. What patches enqueue is kept aside, as by migrate_shadow."""
	folder = bench.site(site)
	return Order(bench.python, folder.frappe_name(), str(folder.bench_sites), MIGRATE, {"site": site})


@quick
def altered_in_place(bench: Bench, site: SiteName, database: str, mark: Mark) -> list[str]:
	"""Names of the site's tables that are defined otherwise than the way back in that database has them, that are new, and that are gone."""
	with _way_back(bench, site, database, mark) as way_back:
		return way_back.altered()


@quick
def put_site_back(bench: Bench, site: SiteName, database: str, mark: Mark) -> list[str]:
	"""Make the site's database what its way back in that database says; returns which tables differed. Repeatable."""
	with _way_back(bench, site, database, mark) as way_back:
		return way_back.put_back()


@quick
def shut_site(bench: Bench, site: SiteName, by: dict[str, Any]) -> None:
	"""Hold the site so that nobody comes in. let_go_of_site ends it. by: who holds it, and why. Repeatable."""
	folder = bench.site(site)
	folder.config_in_place()
	hold.shut(folder, by)
