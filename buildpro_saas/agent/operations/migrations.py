"""Migrating: what there is to do on a site, a migrate of its shadow, and the hold that keeps writers away meanwhile."""

from typing import Any

from buildpro_saas.agent import account, hold, manifest, site_jobs
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Manifest, Migrated
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import in_process, quick
from buildpro_saas.agent.shadow import CHANGED, lend_config
from buildpro_saas.agent.site_runner import Order

PENDING = "buildpro_saas.agent.pending_migration.reasons"
MIGRATE = "buildpro_saas.agent.migrating.run"


@quick
def pending_migration(bench: Bench, site: SiteName) -> list[str]:
	"""What a migrate would have to do on the site, in short pieces of text; [] for nothing. Its database is asked."""
	return bench.site(site).call(PENDING)


@in_process
def migrate_shadow(bench: Bench, site: SiteName, database: str, mark: Mark) -> Migrated:
	"""Migrate the shadow of the site in that database, as `bench migrate` does, in a process of the bench. The site is not touched.

	What patches enqueue is kept aside: pass Migrated.jobs to release_jobs once the shadow is the site, or else to forget_jobs.
	"""
	folder = bench.shadow(database)
	folder.only_with_mark(mark)
	lend_config(folder, bench.site(site))
	return Order(bench.python, folder.frappe_name(), str(folder.bench_sites), MIGRATE, {"site": site})


@quick
def take_over_config(bench: Bench, database: str, mark: Mark, config: dict[str, Any]) -> None:
	"""Note with the shadow what of site_config.json its migrate has changed (Migrated.config): the site gets it by the swap."""
	folder = bench.shadow(database)
	folder.only_with_mark(mark)
	folder.update_config({CHANGED: config or None})


@quick
def release_jobs(bench: Bench, jobs: list[dict[str, Any]]) -> int:
	"""Put the jobs of a migrate (Migrated.jobs) into their queues; returns how many. Repeatable."""
	return site_jobs.release(jobs)


@quick
def forget_jobs(bench: Bench, jobs: list[dict[str, Any]]) -> None:
	"""Remove the jobs of a migrate (Migrated.jobs) that is given up. Repeatable."""
	site_jobs.forget_kept(jobs)


@quick
def running_jobs(bench: Bench, site: SiteName) -> list[str]:
	"""The ids of the site's jobs that workers of the bench are at."""
	return site_jobs.running(bench.site(site).frappe_name())


@quick
def stop_writes(bench: Bench, site: SiteName, by: dict[str, Any]) -> None:
	"""Hold the site: requests can only read, and no scheduled job begins. by: who holds it, and why. Repeatable."""
	folder = bench.site(site)
	folder.config_in_place()
	hold.stop_writes(folder, by)


@quick
def let_go_of_site(bench: Bench, site: SiteName) -> bool:
	"""Put back what the site was before it was held; returns whether it was held. Repeatable."""
	return hold.let_go(bench.site(site))


@quick
def site_manifest(bench: Bench, site: SiteName) -> Manifest:
	"""What the site's database holds, where nobody writes."""
	with server(account.read(bench)) as mariadb:
		return manifest.take(mariadb, bench.site(site).config_in_place()["db_name"])
