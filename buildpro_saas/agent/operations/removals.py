"""A tenant's site is closed and goes, though people have used it; and a shadow becomes the site where there is none.

Nothing else of ours takes away a site that was used: `trash_closed_site` asks for the job that has closed it, and `trash_remains` for a site of
which the folder or the database is lost.
"""

from typing import Any

from buildpro_saas.agent import account, hold, site_use
from buildpro_saas.agent.actual_state import folders
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import NotOursError
from buildpro_saas.agent.facts import HELD, HELD_BY, MARK, OF_DATABASE, Entry, Remains
from buildpro_saas.agent.lost_site import LostSite
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import quick
from buildpro_saas.agent.shadow import DRAIN, as_user, end_others
from buildpro_saas.agent.site import Site
from buildpro_saas.agent.trash import Trash


@quick
def close_site(bench: Bench, site: SiteName, by: dict[str, Any]) -> None:
	"""Hold the site: nobody comes in, and no job begins. let_go_of_site opens it again. Repeatable.

	by: {"by": the job, "mark": its mark, …}. The mark tells jobs apart: their names come again where the admin site was made again.
	"""
	folder = bench.site(site)
	folder.config_in_place()
	hold.close(folder, by)


@quick
def end_connections(bench: Bench, site: SiteName) -> None:
	"""Let requests that are under way on a closed site end, and end those that do not. Nobody writes there afterwards."""
	with as_user(account.read(bench), bench.site(site).config_in_place()) as connected:
		end_others(connected, DRAIN)


@quick
def config_to_keep(bench: Bench, site: SiteName) -> dict[str, Any]:
	"""What the site's site_config.json says as soon as nobody holds the site, without what is its database's."""
	config = bench.site(site).config_in_place()
	own = {**config, **(config.get(HELD) or {})}
	return {
		key: value
		for key, value in own.items()
		if key not in (*OF_DATABASE, HELD, HELD_BY) and value is not None
	}


@quick
def trash_closed_site(bench: Bench, site: SiteName, database: str, mark: Mark, holder: Mark) -> list[Entry]:
	"""Move the folder and the database of a tenant's site to the trash, though people have used it. Repeatable.

	Only for the jobs that archive or remove a tenant. Returns what lies in the trash by this call. Raises NotOursError, and leaves all as it
	is, unless the site has that database, both have that mark, and the job with the mark `holder` holds it.
	"""
	folder = bench.site(site)
	with server(account.read(bench)) as mariadb:
		trash = Trash(bench, mariadb)
		entries = []
		if folder.exists():
			_check_closed(folder, database, mark, holder)
			if mariadb.mark_of(database) != mark:
				raise NotOursError(
					f"The database {database} is another than its site says.", "See `saas drift`."
				)
			fact = next(each for each in folders(bench) if each.path == site)
			entries.append(trash.put_folder(fact, mark))
		elif mariadb.mark_of(database) is None:
			return []
		entries.append(trash.put_database(database, mark))
		return [each for each in entries if each]


@quick
def look_at_remains(bench: Bench, site: SiteName, database: str, tenant: str, prefix: Mark) -> Remains:
	"""What is lost of a tenant's site, and what is left of it. prefix: how marks of this admin site begin.

	Raises AgentError where it is not lost, though it does not answer.
	"""
	with server(account.read(bench)) as mariadb:
		return LostSite(bench, mariadb, site, database, tenant, prefix).look()


@quick
def trash_remains(
	bench: Bench, site: SiteName, database: str, tenant: str, prefix: Mark
) -> list[Entry] | None:
	"""Move what is left of such a site to the trash, and drop its user. None, and nothing is done, where the site is whole. Repeatable."""
	with server(account.read(bench)) as mariadb:
		return LostSite(bench, mariadb, site, database, tenant, prefix).trash()


@quick
def let_user_in(bench: Bench, site: SiteName, database: str, tenant: str, prefix: Mark) -> bool:
	"""Make the database user of a tenant's site again, as its site_config.json has him, where nothing else is lost. Repeatable.

	Returns whether he was lost: not there, another password, without rights, or locked. Raises AgentError as look_at_remains does.
	"""
	with server(account.read(bench)) as mariadb:
		return LostSite(bench, mariadb, site, database, tenant, prefix).let_user_in()


def _check_closed(folder: Site, database: str, mark: str, holder: str) -> None:
	config = folder.config_in_place()
	if (config["db_name"], config.get(MARK)) != (database, mark):
		raise NotOursError(f"The site {folder.name} is another than the job has closed.", "See `saas drift`.")
	if (config.get(HELD_BY) or {}).get("mark") != holder:
		raise NotOursError(f"The site {folder.name} is not held by this job: somebody has opened it.")


@quick
def make_shadow_the_site(
	bench: Bench, site: SiteName, database: str, mark: Mark, config: dict[str, Any]
) -> None:
	"""Make the shadow in that database the site of that name, which there is not. Repeatable.

	config: what its site_config.json says beside what is the database's. It stays in maintenance. Raises NotOursError where
	something has the site's name, or the shadow carries another mark.
	"""
	shadow, folder = bench.shadow(database), bench.site(site)
	if folder.exists():
		folder.only_with_mark(mark)
		return
	shadow.only_with_mark(mark)
	with server(account.read(bench)) as mariadb:
		mariadb.let_in(database, mark)
		site_use.note_finished(mariadb, database)
	shadow.update_config(config)
	shadow.move_to(folder, mark)
