"""Recovery: the admin site, made anew from its store (agent/recovery.py)."""

import base64

from buildpro_saas.agent import account
from buildpro_saas.agent import admin_stores as stores_of_admin_sites
from buildpro_saas.agent.backup_folder import BackupFolder
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import AdminStore, Recovered
from buildpro_saas.agent.offsite import Where
from buildpro_saas.agent.operations.backups import Id, folder_of_stores
from buildpro_saas.agent.operations.names import Method, SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.recovery import ADMIN, ROLE, SIGNING_KEY, Recovery


@quick
def admin_stores(
	bench: Bench, folder: str, name: Id | None = None, offsite: Where | None = None
) -> list[AdminStore]:
	"""The stores that have backups of an admin site, or the one of that name: offsite where that is named, else in a folder.

	folder: as take_backup has it.
	"""
	if offsite:
		found = stores_of_admin_sites.offsite(offsite, name)
	else:
		found = stores_of_admin_sites.in_folder(folder_of_stores(bench, folder), name)
	return [AdminStore(name, site, base64.b64encode(key).decode()) for name, (site, key) in found.items()]


@quick
def has_admin_keys(bench: Bench, folder: str) -> bool:
	"""Whether the backup in that folder is an admin site's, with the key that signs statements and the one that its passwords need."""
	backup = BackupFolder(folder)
	keys = backup.config.get(SIGNING_KEY), backup.encryption_key
	return backup.config.get(ROLE) == ADMIN and all(keys)


@in_thread
def recover_admin_site(
	bench: Bench,
	progress: Progress,
	folder: str,
	store: Id,
	key: str,
	note: Method,
	backup: Id | None = None,
	site: SiteName | None = None,
	offsite: Where | None = None,
) -> Recovered:
	"""Make the bench's admin site from a backup in that store: the newest one, or the one named. The others are as Recovery.run has them.

	offsite: where the store is read, in place of the folder.
	"""
	place = folder_of_stores(bench, folder)
	with (
		stores_of_admin_sites.opened(place, store, key, offsite) as kept,
		server(account.read(bench)) as mariadb,
	):
		return Recovery(bench, mariadb, progress.check).run(kept, backup, site, note)
