"""What is on a bench, whoever made it: sites' folders, databases and database users. It only looks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import HIDDEN, Bench
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.site import MARK
from buildpro_saas.agent.trash import Trash

# Site makes and removes a folder under a name of its own: `.`, the site's name, `.`, the end of the mark.
DRAFT = re.compile(r"\.(?P<name>.+)\.(?P<tail>[0-9a-f]{8,})")
FINISHED = "buildpro_finished"  # in site_config.json, once the site is its tenant's for good
PLACES = ("", f"{HIDDEN}/images", f"{HIDDEN}/standby")


@dataclass(frozen=True)
class Folder:
	"""A site's folder, an image's or a standby site's, or what is left of one half made or half removed (a draft)."""

	place: str  # one of PLACES
	name: str  # the folder's own
	site: str  # the site's name, which a draft's is made of
	tail: str  # what a draft's name says of its mark; empty where it is none
	mark: str | None
	database: str | None  # that its site_config.json names
	user: str | None  # the same of the database user
	tenant: str | None  # that it was configured for
	is_finished: bool  # its job has handed it over to that tenant
	is_readable: bool  # False: its site_config.json is none
	modified: float  # seconds since the epoch: when something directly in it last came or went

	@property
	def path(self) -> str:
		"""Where it is under sites/."""
		return f"{self.place}/{self.name}".lstrip("/")


@dataclass(frozen=True)
class Inventory:
	"""What was found; databases and users as far as their names could be a site's and the account may see them."""

	folders: tuple[Folder, ...]
	databases: frozenset[str]
	marked: dict[str, str]  # {database: mark} of those whose mark begins with the prefix that was asked for
	users: frozenset[str]
	in_trash: frozenset[str] = frozenset()  # databases that the bench's trash keeps
	without_config: frozenset[str] = frozenset()  # folders of sites that have lost their site_config.json


def take(bench: Bench, mariadb: DatabaseServer, prefix: str) -> Inventory:
	"""Look at the bench and at its database server; `prefix`: how the marks begin that are to be told from others."""
	return Inventory(
		folders=tuple(_folders(bench)),
		databases=frozenset(mariadb.names()),
		marked=mariadb.marked(prefix),
		users=frozenset(mariadb.users()),
		in_trash=frozenset(Trash(bench, mariadb).databases()),
		without_config=frozenset(
			path.parent.name
			for path in bench.sites_path.glob("*/private")
			if not (path.parent / "site_config.json").exists()
		),
	)


def _folders(bench: Bench) -> Iterator[Folder]:
	for place in PLACES:
		root = bench.sites_path / place
		for path in sorted(root.iterdir()) if root.is_dir() else ():
			draft = DRAFT.fullmatch(path.name)
			# among the sites, as for Frappe, a folder without site_config.json is none; elsewhere all are ours to explain
			if path.is_dir() and (place or draft or (path / "site_config.json").exists()):
				if folder := _folder(place, path, draft):
					yield folder


def _folder(place: str, path: Path, draft: re.Match | None) -> Folder | None:
	"""None when the folder went while it was being looked at."""
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
	)


def _config(path: Path) -> dict | None:
	"""The texts of a site_config.json, and whether it is finished; None when it cannot be read, which must not hide all other folders."""
	try:
		config = site_config.read(path)
	except site_config.DamagedConfigError:
		return None
	return {key: value for key, value in config.items() if isinstance(value, str) or key == FINISHED}
