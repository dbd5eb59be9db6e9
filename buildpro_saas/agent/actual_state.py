"""What is on a bench, whoever made it: sites' folders, databases and database users. It only looks."""

import re
from collections.abc import Iterator
from pathlib import Path

from buildpro_saas.agent import database_dump, site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import DatabaseServer, lets_in
from buildpro_saas.agent.facts import FINISHED, HELD, HELD_BY, MARK, PLACES, Folder, Inventory
from buildpro_saas.agent.hold import IN_PLACE
from buildpro_saas.agent.trash import Trash

# site.py makes and removes a folder under a name of its own: `.`, the site's name, `.`, the end of the mark.
DRAFT = re.compile(r"\.(?P<name>.+)\.(?P<tail>[0-9a-f]{8,})")

KEPT = (FINISHED, HELD, HELD_BY)  # of a site_config.json, beside its texts


def take(bench: Bench, mariadb: DatabaseServer, prefix: str) -> Inventory:
	"""List what is on the bench and on its database server. prefix: only marks that begin so are listed."""
	found, databases = tuple(folders(bench)), mariadb.names()
	return Inventory(
		folders=found,
		databases=frozenset(databases),
		marked=mariadb.marked(prefix),
		users=frozenset(mariadb.users()),
		set_aside=frozenset(database_dump.left_aside(mariadb)),
		in_trash=frozenset(Trash(bench, mariadb).databases()),
		without_config=frozenset(
			path.parent.name
			for path in bench.sites_path.glob("*/private")
			if not (path.parent / "site_config.json").exists()
		),
		shut_out=frozenset(
			folder.path
			for folder in found
			if folder.database in databases
			and _is_ours(folder, prefix)
			and _is_shut_out(bench, mariadb, folder)
		),
	)


def _is_ours(folder: Folder, prefix: str) -> bool:
	return not folder.place and not folder.tail and (folder.mark or "").startswith(prefix)


def _is_shut_out(bench: Bench, mariadb: DatabaseServer, folder: Folder) -> bool:
	"""Whether MariaDB does not let in the site's database user, who is named as its database."""
	if folder.user != folder.database:
		return False
	password = (_config(bench.sites_path / folder.path) or {}).get("db_password")
	return bool(password) and not lets_in(mariadb.account, folder.database, password)


def folders(bench: Bench) -> Iterator[Folder]:
	"""The folders of sites, images and standby sites, and their drafts (half made or half removed); by place and name."""
	for place in PLACES:
		root = bench.sites_path / place
		for path in sorted(root.iterdir()) if root.is_dir() else ():
			draft = DRAFT.fullmatch(path.name)
			# among the sites a folder without site_config.json is no site, as for Frappe; in the other places each is listed
			if path.is_dir() and (place or draft or (path / "site_config.json").exists()):
				if folder := _folder(place, path, draft):
					yield folder


def _folder(place: str, path: Path, draft: re.Match | None) -> Folder | None:
	"""The facts of one folder; None when it went meanwhile."""
	try:
		modified = path.stat().st_mtime
		config = _config(path)
	except FileNotFoundError:
		return None
	if not path.exists():
		return None
	known = config or {}
	return Folder(
		place=place,
		name=path.name,
		site=draft["name"] if draft else path.name,
		tail=draft["tail"] if draft else "",
		mark=known.get(MARK),
		database=known.get("db_name"),
		user=known.get("db_user") or known.get("db_name"),
		tenant=known.get("buildpro_tenant"),
		is_finished=bool((config or {}).get(FINISHED)),
		is_readable=config is not None,
		modified=modified,
		held_by=_holder(known),
		is_half_migrated=bool((known.get(HELD_BY) or {}).get(IN_PLACE)),
	)


def _holder(config: dict) -> str:
	"""Who holds the site, and since when; empty where nobody does. The moment of a swap has no name."""
	if HELD not in config:
		return ""
	by = config.get(HELD_BY) or {}
	return f"{by.get('by') or 'a swap'} since {by.get('since') or 'a moment that is not known'}"


def _config(path: Path) -> dict | None:
	"""What is needed of a site_config.json: its texts, and KEPT. None when it cannot be read; that must not hide the other folders."""
	try:
		config = site_config.read(path)
	except site_config.DamagedConfigError:
		return None
	return {key: value for key, value in config.items() if isinstance(value, str) or key in KEPT}
