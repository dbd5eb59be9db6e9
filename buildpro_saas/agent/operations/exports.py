"""Exports that a tenant's site shows to its System Manager (agent/site_export.py)."""

from typing import Any

from buildpro_saas.agent.backup import Backup
from buildpro_saas.agent.backup_store import Store
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.operations.backups import Id, folder_of_stores
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.site_export import SiteExport


@in_thread
def export_to_site(
	bench: Bench,
	progress: Progress,
	site: SiteName,
	folder: str,
	store: Id,
	key: str,
	backup: Id,
	until: float,
	size: int,
) -> dict[str, Any]:
	"""Write a backup of the site where its System Manager can fetch it until then. The rest is as SiteExport.make has it."""
	with Store(folder_of_stores(bench, folder) / store, key) as kept:
		return SiteExport(bench.site(site)).make(
			Backup(kept, backup, progress.check), until, size, progress.check
		)


@quick
def note_export(bench: Bench, site: SiteName, state: dict[str, Any]) -> None:
	"""Have the site show how its export goes. Raises AgentError where there is no such site."""
	folder = bench.site(site)
	folder.config_in_place()
	SiteExport(folder).note(state)


@quick
def remove_export(bench: Bench, site: SiteName) -> None:
	"""Remove the export's files. Repeatable."""
	SiteExport(bench.site(site)).remove()


@quick
def remove_expired_export(bench: Bench, site: SiteName) -> bool:
	"""Remove the export's files where their time is over; returns whether none are left. Repeatable."""
	folder = bench.site(site)
	return not folder.exists() or SiteExport(folder).remove_expired()
