"""Offsite copies of tenants' stores: tried out, made, listed, checked, thinned out and removed (agent/offsite.py)."""

import base64
import os
from pathlib import Path

from buildpro_saas.agent import offsite as offsite_stores
from buildpro_saas.agent.backup_facts import Copied, Kept
from buildpro_saas.agent.backup_store import Store
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.offsite import OffsiteStore, Where
from buildpro_saas.agent.operations.backups import Id, Share, absolute, store_path
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.repository import DATABASE


@quick
def probe_offsite(bench: Bench, folder: str, offsite: Where) -> None:
	"""Write, read and delete something offsite. Raises AgentError with a sentence that says what does not work.

	folder: where stores are on the bench's machine, which offsite copies must not be in.
	"""
	if offsite["kind"] == "Folder":
		there, near = absolute(offsite["folder"]), store_path(bench, folder, "x").parent
		if any(
			_is_in(one, other) for one, other in ((there, near), (near, there), (there, bench.sites_path))
		):
			raise AgentError(
				f"{there} is where the stores or the sites themselves are.", "Name a folder on another disk."
			)
	offsite_stores.probe(offsite)


@in_thread
def copy_offsite(
	bench: Bench,
	progress: Progress,
	folder: str,
	store: Id,
	key: str,
	wrapped_key: str,
	backups: list[Id],
	offsite: Where,
	admin_site: SiteName | None = None,
) -> Copied:
	"""Have these backups of a store offsite as well. What arrived is compared. Gone on with where it was broken off.

	wrapped_key: as for take_backup; its file lies beside the offsite store, too. admin_site: whose backups these are, where it is one's.
	"""
	path = store_path(bench, folder, store)
	with OffsiteStore(offsite, path, key) as far:
		far.place.put_wrapped_key(base64.b64decode(wrapped_key, validate=True))
		if admin_site:
			far.place.put_site(admin_site)
		there = far.take_over(Store(path, key), backups, progress.check)
		return Copied(there, far.size())


@in_thread
def list_offsite(
	bench: Bench, progress: Progress, folder: str, store: Id, key: str, offsite: Where
) -> list[Kept]:
	"""The whole backups that lie offsite, the oldest first; [] where there is no offsite store."""
	with OffsiteStore(offsite, store_path(bench, folder, store), key) as far:
		found = far.whole(progress.check)
	return [Kept(backup, parts[DATABASE].taken_at) for backup, parts in found.items()]


@in_thread
def check_offsite(
	bench: Bench, progress: Progress, folder: str, store: Id, key: str, share: Share, offsite: Where
) -> None:
	"""Check an offsite store's structure, and read a share of its data. Raises AgentError with what is damaged."""
	with OffsiteStore(offsite, store_path(bench, folder, store), key) as far:
		if far.exists:
			far.check(share, progress.check)


@in_thread
def forget_offsite(
	bench: Bench, progress: Progress, folder: str, store: Id, key: str, backups: list[Id], offsite: Where
) -> int:
	"""Remove backups offsite, and the data that no other one needs there. Returns the bytes that it takes then. Repeatable."""
	with OffsiteStore(offsite, store_path(bench, folder, store), key) as far:
		far.forget(backups, progress.check)
		return far.size()


@quick
def remove_offsite(bench: Bench, folder: str, store: Id, offsite: Where) -> None:
	"""Remove the offsite copy of a store. Repeatable."""
	offsite_stores.remove(offsite, store_path(bench, folder, store))


def _is_in(folder: Path, other: Path) -> bool:
	one, other = Path(os.path.realpath(folder)), Path(os.path.realpath(other))
	return other in (one, *one.parents)
