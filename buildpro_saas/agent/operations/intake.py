"""Taking in a site that was nobody's tenant (agent/intake.py)."""

import os
from typing import Annotated, Any

from pydantic import Field

from buildpro_saas.agent import account, in_place, intake
from buildpro_saas.agent.backup_folder import BackupFolder
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.intake_facts import Survey
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


@in_thread
def survey_site(bench: Bench, progress: Progress, site: SiteName, keep_free: int) -> Survey:
	"""What a site of the bench is, and what keeps it from being taken in. It is only read.

	keep_free: bytes of the sites' disk that are kept for others. Raises AgentError where it cannot be read.
	"""
	with server(account.read(bench)) as mariadb:
		return intake.of_site(bench, mariadb, bench.site(site), keep_free)


@in_thread
def survey_backup(bench: Bench, progress: Progress, folder: str, keep_free: int) -> Survey:
	"""The same of the backup in a folder. Raises AgentError where it is none, or is damaged."""
	with server(account.read(bench)) as mariadb:
		return intake.of_backup(bench, mariadb, BackupFolder(folder), keep_free, progress.check, progress.say)


@quick
def take_along_config(
	bench: Bench, database: str, mark: Mark, site: SiteName | None = None, folder: str = ""
) -> None:
	"""Give the shadow what comes along of the site_config.json of a site of the bench, or of the backup in a folder."""
	shadow = bench.shadow(database)
	shadow.only_with_mark(mark)
	intake.take_along(BackupFolder(folder).config if folder else bench.site(site).config_in_place(), shadow)


@quick
def take_place(bench: Bench, database: str, site: SiteName, mark: Mark) -> None:
	"""Turn the shadow in that database into the site, in one move. Repeatable. Raises NotOursError where something else has the name."""
	bench.shadow(database).move_to(bench.site(site), mark)


@quick
def remove_taken_in(bench: Bench, site: SiteName, database: str, mark: Mark) -> str:
	"""Remove what a job has made of the site that it takes in, where it carries the mark. Repeatable.

	Where the site has been opened to its users, nothing is removed. Returns what shows that, as a piece of a sentence; empty for none.
	"""
	with server(account.read(bench)) as mariadb:
		return intake.remove(bench, mariadb, bench.site(site), database, mark)


@quick
def become_tenants(bench: Bench, site: SiteName, database: str, mark: Mark, old_database: str) -> float:
	"""Put the shadow in that database in the place of a site that was no tenant's; what was the site, in `old_database`, is kept. Repeatable.

	Returns for how many seconds it was not to be reached. Raises NotOursError where the site carries somebody's mark.
	"""
	with server(account.read(bench)) as mariadb:
		return in_place.of(bench, mariadb, bench.site(site), database, mark, old_database).swap()


@quick
def give_back_site(bench: Bench, site: SiteName, database: str, mark: Mark, old_database: str) -> str:
	"""Make such a site what it was before, and remove the shadow. Repeatable.

	Where it has been opened to its tenant's users, nothing is done. Returns what shows that, as a piece of a sentence; empty for none.
	"""
	with server(account.read(bench)) as mariadb:
		return in_place.of(bench, mariadb, bench.site(site), database, mark, old_database).give_back()


@quick
def stage_uploads(bench: Bench, site: SiteName, name: Name, parts: dict[str, Any]) -> str:
	"""Make a folder of files that were uploaded to a site of the bench; returns its path. parts: {part of a backup: the File's address}."""
	return os.fspath(intake.stage_uploads(bench, bench.site(site), name, parts))


@quick
def drop_uploads(bench: Bench, name: Name) -> None:
	"""Remove such a folder; what was uploaded stays. Repeatable."""
	intake.drop_uploads(bench, name)
