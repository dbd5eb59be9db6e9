"""Restores: a backup is fetched, judged, and loaded into a shadow (agent/loading.py)."""

import os
from typing import Annotated

from pydantic import Field

from buildpro_saas.agent import account, fetched, judgement
from buildpro_saas.agent.backup_folder import KEY, BackupFolder
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Judged, Loaded, Room
from buildpro_saas.agent.loading import Loading
from buildpro_saas.agent.offsite import Where
from buildpro_saas.agent.operations.backups import Id, fetch_backup
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.operations.sites import first_config, new_password
from buildpro_saas.agent.shadow import Shadow

Database = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]


@in_thread
def fetch_for_shadow(
	bench: Bench,
	progress: Progress,
	folder: str,
	store: Id,
	key: str,
	backup: Id,
	database: Database,
	size: int,
	keep_free: int = 0,
	offsite: Where | None = None,
) -> str:
	"""Fetch a backup from its store for the shadow in that database; returns the folder. What an earlier try left goes first.

	size: bytes of the backup, for which there must be room beside `keep_free` others. forget_fetched removes the folder.
	offsite: as in fetch_backup.
	"""
	fetched.forget(bench, database)
	with server(account.read(bench)) as mariadb:
		judgement.check_room(bench, mariadb, Room(files=size, database=0), keep_free)
	to = os.fspath(fetched.place(bench, database))
	stored = {"folder": folder, "store": store, "key": key, "backup": backup}
	fetch_backup(bench, progress, **stored, to=to, offsite=offsite)
	return to


@quick
def forget_fetched(bench: Bench, database: Database) -> None:
	"""Remove what fetch_for_shadow has written for that database, or left when it died. Repeatable."""
	fetched.forget(bench, database)


@in_thread
def judge_backup(bench: Bench, progress: Progress, folder: str, keep_free: int = 0) -> Judged:
	"""What the backup in that folder is. Raises AgentError, with what to change, where it cannot be loaded on the bench.

	Nothing is touched. keep_free: bytes of the sites' disk that stay free for others.
	"""
	with server(account.read(bench)) as mariadb:
		return judgement.judge(bench, mariadb, BackupFolder(folder), keep_free, progress.check)


@in_thread
def load_into_shadow(
	bench: Bench, progress: Progress, folder: str, database: str, mark: Mark, site: SiteName | None = None
) -> Loaded:
	"""Make the shadow in that database of the backup in that folder. What an earlier try left goes first.

	site: whose encryption key it gets where the backup has none of its own, and the site is there; None for a site that is new. Raises AgentError where the server does not take the dump, or
	the result is not what the backup's manifest says.
	"""
	backup = BackupFolder(folder)
	with server(account.read(bench)) as mariadb:
		shadow = Shadow(bench, mariadb, database, mark)
		shadow.drop()
		password = new_password()
		config = first_config(account.read(bench), database, password)
		config[KEY] = backup.encryption_key or (site and bench.site(site).config.get(KEY))
		shadow.make({key: value for key, value in config.items() if value is not None}, password)
		return Loading(backup, shadow).run(password, progress.check)
