"""Stores of admin sites, found where no record says which they are: by what lies beside them in a folder, or in a bucket."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from buildpro_saas.agent import s3
from buildpro_saas.agent.backup_store import Store
from buildpro_saas.agent.offsite import OffsiteRepository, Where, bucket_of, place_of
from buildpro_saas.agent.repository import Repository
from buildpro_saas.agent.store_place import SITE, WRAPPED_KEY, FolderPlace, Place

CONFIG = "config"  # what each repository has


def in_folder(folder: Path, name: str | None = None) -> dict[str, tuple[str, bytes]]:
	"""{store: (the admin site that it has backups of, its wrapped key)} of the stores in a folder that say so; with a name, of that one alone.

	The one that is named need not say so: what was copied from elsewhere may be the store and its key alone.
	"""
	there = [path.name for path in folder.glob(f"*{SITE}")]
	return _found(there, name, lambda store: FolderPlace(folder / store))


def offsite(where: Where, name: str | None = None) -> dict[str, tuple[str, bytes]]:
	"""The same of offsite copies. Raises AgentError with what the service refuses, or for a folder that is not there."""
	if where["kind"] != "S3":
		return in_folder(Path(where["folder"]), name)
	there = [] if name else s3.names(bucket_of(where), SITE)
	return _found(there, name, lambda store: place_of(where, store))


def opened(folder: Path, store: str, key: str, where: Where | None) -> AbstractContextManager[Repository]:
	"""The repository of that store to be read within the block: offsite, where that is named; else in the folder.

	Nothing is written offsite, nor into a folder that cannot be written to: one on a disk that is mounted for reading, say.
	"""
	if where:
		return nullcontext(OffsiteRepository(where, store, key))
	if os.access(folder, os.W_OK):
		return Store(folder / store, key)
	return nullcontext(Repository(FolderPlace(folder / store), key))


def _found(there: list[str], name: str | None, place: Callable[[str], Place]) -> dict[str, tuple[str, bytes]]:
	stores = [name] if name else [each.removesuffix(SITE) for each in sorted(there)]
	found = {}
	for store in stores:
		lies = place(store)
		key = lies.beside(WRAPPED_KEY)
		if key is not None and lies.has(CONFIG):
			found[store] = ((lies.beside(SITE) or b"").decode().strip(), key)
	return found
