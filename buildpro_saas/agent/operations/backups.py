"""Backups: taken into a tenant's store on the bench's machine, listed, checked, fetched and forgotten (agent/backup.py)."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field

from buildpro_saas.agent import account, backup_export, backup_store, program
from buildpro_saas.agent.backup import Backup
from buildpro_saas.agent.backup_facts import About, Kept, Taken
from buildpro_saas.agent.backup_store import Store
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.offsite import OffsiteStore, Where
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.repository import DATABASE

# Names in a store, and of stores: hexadecimal, so that nothing of a path or an option is ever in them.
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
Share = Annotated[str, Field(pattern=r"^([1-9]\d*/[1-9]\d*|\d{1,2}%|100%)$")]
OLDEST = (0, 14)  # restic: the first that compresses, and copies out of a repository with another key
DEFAULT_FOLDER = "backups"  # below the bench's folder: no web server looks there


@in_thread
def take_backup(
	bench: Bench,
	progress: Progress,
	site: SiteName,
	folder: str,
	store: Id,
	key: str,
	wrapped_key: str,
	backup: Id,
	must_exist: bool = False,
	is_admin_site: bool = False,
) -> Taken:
	"""Take a backup of a site that is in use. Where it fails, the store is as it was before.

	folder: where stores are on the bench's machine; empty: in the bench's own folder. store: the tenant's. key: of the store, which is made
	where it is not there yet. wrapped_key: the key as only the recovery key opens it, in base64; its file lies beside the store.
	must_exist: the store is there already, for it has backups that somebody counts on. is_admin_site: as Backup.take has it. Taken again with
	the same id, the later one counts.
	"""
	with Store(store_path(bench, folder, store), key) as kept, server(account.read(bench)) as mariadb:
		if must_exist and not kept.exists:
			raise AgentError(
				f"The store {store} is gone, with the backups that are on record there.",
				"Mount its disk, then press Retry. If it is gone for good, `saas check-backups` notes that, and the next backup makes a new store.",
			)
		kept.place.put_wrapped_key(base64.b64decode(wrapped_key, validate=True))
		if is_admin_site:
			kept.place.put_site(site)
		taking = Backup(kept, backup, progress.check)
		return taking.take(bench, mariadb, bench.site(site), is_admin_site=is_admin_site)


@in_thread
def list_backups(bench: Bench, progress: Progress, folder: str, store: Id, key: str) -> list[Kept]:
	"""The whole backups in a store, the oldest first; [] where there is no store."""
	with Store(store_path(bench, folder, store), key) as kept:
		found = kept.whole(progress.check)
	return [Kept(backup, parts[DATABASE].taken_at) for backup, parts in found.items()]


@in_thread
def check_store(bench: Bench, progress: Progress, folder: str, store: Id, key: str, share: Share) -> None:
	"""Check a store's structure, and read a share of its data. Raises AgentError with what is damaged. A store that is not there is sound."""
	with Store(store_path(bench, folder, store), key) as kept:
		if kept.exists:
			kept.check(share, progress.check)


@in_thread
def forget_backups(
	bench: Bench, progress: Progress, folder: str, store: Id, key: str, backups: list[Id]
) -> int:
	"""Remove backups, and the data that no other one needs. Returns the bytes that the store takes then. Repeatable."""
	with Store(store_path(bench, folder, store), key) as kept:
		kept.forget(backups, progress.check)
		return kept.size()


@in_thread
def fetch_backup(
	bench: Bench,
	progress: Progress,
	folder: str,
	store: Id,
	key: str,
	backup: Id,
	to: str,
	offsite: Where | None = None,
) -> About:
	"""Write a backup into the folder `to`, which is not there yet; returns what it says of itself (agent/backup.py, Backup.fetch).

	offsite: where it is fetched from if the store here does not have it, or cannot be read.
	"""
	with _found(store_path(bench, folder, store), key, backup, progress, offsite) as found:
		return found.fetch(absolute(to))


@in_thread
def read_backup(
	bench: Bench,
	progress: Progress,
	folder: str,
	store: Id,
	key: str,
	backup: Id,
	offsite: Where | None = None,
) -> Taken:
	"""What a backup is of which no record says it: its database is read to the end. Nothing is written. offsite: as in fetch_backup."""
	with _found(store_path(bench, folder, store), key, backup, progress, offsite) as found:
		return found.read()


@in_thread
def export_backup(
	bench: Bench,
	progress: Progress,
	folder: str,
	store: Id,
	key: str,
	backup: Id,
	to: str,
	offsite: Where | None = None,
) -> list[str]:
	"""Write a backup into the folder `to` as the four files of `bench backup --with-files`; returns their paths. offsite: as in fetch_backup."""
	with _found(store_path(bench, folder, store), key, backup, progress, offsite) as found:
		return [os.fspath(path) for path in backup_export.export(found, absolute(to), progress.check)]


@contextmanager
def _found(path: Path, key: str, backup: str, progress: Progress, offsite: Where | None) -> Iterator[Backup]:
	"""The backup where it lies: in the store here, else offsite."""
	with Store(path, key) as near:
		if not offsite or _has(near, backup, progress):
			yield Backup(near, backup, progress.check)
			return
	with OffsiteStore(offsite, path, key) as far:
		yield Backup(far, backup, progress.check)


def _has(near: Store, backup: str, progress: Progress) -> bool:
	try:
		return backup in near.whole(progress.check)
	except TransientError:
		raise
	except AgentError:
		return False  # it cannot be read: that is what offsite copies are for


@quick
def remove_store(bench: Bench, folder: str, store: Id) -> None:
	"""Remove a store with all that is in it. Repeatable."""
	backup_store.remove(store_path(bench, folder, store))


@quick
def missing_backup_programs(bench: Bench) -> list[str]:
	"""Debian's packages of programs that backups need and the bench's machine lacks."""
	missing = []
	for names in (program.STORE, program.DUMP, program.LOG):
		try:
			program.find(names)
		except AgentError:
			missing.append(program.PACKAGES[names])
	return list(dict.fromkeys(missing))


@quick
def is_store_program_old(bench: Bench) -> bool:
	"""Whether the restic of the bench's machine is older than OLDEST; no where there is none."""
	try:
		command = [program.find(program.STORE), "version"]
	except AgentError:
		return False
	told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
	found = re.search(r"(\d+)\.(\d+)", told)
	return bool(found) and tuple(map(int, found.groups())) < OLDEST


@quick
def store_room(bench: Bench, folder: str) -> int:
	"""Bytes that are free where stores are."""
	path = _folder(bench, folder)
	while not path.exists():
		path = path.parent
	return shutil.disk_usage(path).free


@quick
def check_backup_folder(bench: Bench, folder: str) -> str:
	"""Where stores are with that setting. Raises AgentError for a folder that cannot be written to, or that web servers show."""
	path = _folder(bench, folder)
	path.mkdir(mode=0o700, parents=True, exist_ok=True)
	if not os.access(path, os.W_OK | os.X_OK):
		raise AgentError(
			f"The bench's user may not write into {path}.", "Give it to that user, or name another folder."
		)
	return os.fspath(path)


def folder_of_stores(bench: Bench, folder: str) -> Path:
	"""Where stores are with that setting. Raises AgentError for a place that web servers show."""
	return _folder(bench, folder)


def store_path(bench: Bench, folder: str, store: str) -> Path:
	"""Where that store is on the bench's machine. folder: where stores are; empty: in the bench's own folder."""
	return _folder(bench, folder) / store


def _folder(bench: Bench, folder: str) -> Path:
	path = absolute(folder) if folder else bench.path / DEFAULT_FOLDER
	if bench.sites_path.resolve() in (path.resolve(), *path.resolve().parents):
		raise AgentError(
			f"{path} is below the folder of the sites, where web servers look.", "Name another folder."
		)
	return path


def absolute(folder: str) -> Path:
	"""The folder of that name. Raises AgentError unless it is a whole path."""
	if not os.path.isabs(folder):
		raise AgentError(f"{folder!r} is not the whole path of a folder.", "Begin it with a /.")
	return Path(os.path.normpath(folder))
