"""Shadows: a site's second database, with a folder of files (agent/shadow.py says what they are for)."""

from collections.abc import Iterator
from contextlib import contextmanager

from buildpro_saas.agent import account, fetched, manifest
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Manifest
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.operations.sites import first_config, new_password
from buildpro_saas.agent.shadow import Shadow, Swap


@contextmanager
def _shadow(bench: Bench, database: str, mark: str) -> Iterator[Shadow]:
	with server(account.read(bench)) as mariadb:
		yield Shadow(bench, mariadb, database, mark)


@in_thread
def copy_into_shadow(
	bench: Bench, progress: Progress, site: SiteName, database: str, mark: Mark, has_files: bool = True
) -> Manifest:
	"""Make the shadow in that database as a copy of a site that is in use, as it is at one moment. What an earlier try left goes first.

	has_files: its files, too. Returns what the site's database held then. Raises AgentError where the copy is another.
	"""
	with _shadow(bench, database, mark) as shadow:
		shadow.drop()
		password, live = new_password(), bench.site(site)
		config = first_config(account.read(bench), database, password)
		if key := live.config_in_place().get("encryption_key"):
			config["encryption_key"] = key
		shadow.make(config, password)
		held = shadow.copy_database(live, progress.check)
		if has_files:
			shadow.copy_files(live, progress.check)
		shadow.check(held)
		return held


@quick
def shadow_manifest(bench: Bench, database: str) -> Manifest:
	"""What the shadow holds, in which nobody works."""
	with server(account.read(bench)) as mariadb:
		return manifest.take(mariadb, database)


@quick
def shadow_size(bench: Bench, database: str, mark: Mark) -> int:
	"""Bytes that its database and its files take."""
	with _shadow(bench, database, mark) as shadow:
		return shadow.size()


@quick
def swap_shadow(
	bench: Bench, site: SiteName, database: str, mark: Mark, old_database: str, old_mark: Mark
) -> float:
	"""Put the shadow in that database in the site's place; what was the site, in `old_database`, is the shadow then. Repeatable.

	Returns for how many seconds the site was not to be reached. Raises NotOursError, before anything is changed, where site or shadow is
	another than that.
	"""
	with _shadow(bench, database, mark) as shadow:
		return Swap(shadow, bench.site(site), old_database, old_mark).run()


@quick
def drop_shadow(bench: Bench, database: str, mark: Mark) -> None:
	"""Remove the shadow's folder, database and database user, as far as they carry the mark, and what was fetched for it. Repeatable.

	Raises NotOursError where a site of the bench has that database: it was swapped in.
	"""
	with _shadow(bench, database, mark) as shadow:
		shadow.check_is_no_site()
		shadow.drop()
	fetched.forget(bench, database)
