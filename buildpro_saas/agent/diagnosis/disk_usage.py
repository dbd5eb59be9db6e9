"""What takes the bench's disks, by site and by kind. Folders are walked through, so it takes its time with many files."""

import os
from pathlib import Path
from typing import Any

from buildpro_saas.agent import account, errors
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import HIDDEN, IMAGES, SHADOWS, STANDBY
from buildpro_saas.agent.metrics import mariadb, site_files
from buildpro_saas.agent.metrics.kept import Kept
from buildpro_saas.agent.metrics.machine import disks
from buildpro_saas.agent.operations.backups import folder_of_stores
from buildpro_saas.agent.trash import Trash

FETCHED, TRASH = f"{HIDDEN}/fetched", f"{HIDDEN}/trash"
PLACES = {"images": IMAGES, "standby": STANDBY, "shadows": SHADOWS}
OLD_LOGS = "*.log.*"


def take(bench: Bench, backup_folder: str) -> dict[str, Any]:
	"""{"says": why sizes of databases are not told, "disks", "sites": {site: {kind: bytes}}, "bench": {kind: bytes}}.

	Kinds of a site: "database", "public", "private", "backups" (in its own folder), "logs". Of the bench: "images", "standby", "shadows", "trash",
	each with its databases; "fetched", "stores" (of backups), "logs", "old_logs", "binary_log", "other_databases". disks: as metrics.machine.disks.
	"""
	databases, in_trash, log, datadir, says = _databases(bench)
	sites = {}
	for name in bench.site_names():
		sites[name] = _of_site(bench, name, databases)
	of_bench = {kind: _of_place(bench.sites_path / place, databases) for kind, place in PLACES.items()}
	of_bench["trash"] = folder_bytes(bench.sites_path / TRASH) + sum(
		databases.pop(name, 0) for name in in_trash
	)
	logs = bench.path / "logs"
	old = sum(_size(path) for path in logs.glob(OLD_LOGS))
	stores = folder_of_stores(bench, backup_folder)
	of_bench |= {
		"fetched": folder_bytes(bench.sites_path / FETCHED),
		"stores": folder_bytes(stores),
		"logs": folder_bytes(logs) - old,
		"old_logs": old,
		"binary_log": log,
		"other_databases": sum(databases.values()),
	}
	places = {"sites": str(bench.sites_path), "database": datadir, "backups": str(stores), "root": "/"}
	return {"says": says, "disks": disks(places), "sites": sites, "bench": of_bench}


def _databases(bench: Bench) -> tuple[dict[str, int], set[str], int, str, str]:
	"""({database: bytes}, those in the trash, bytes of the binary log, the server's folder, why nothing is seen)."""
	try:
		with server(account.read(bench)) as connected:
			numbers = mariadb.take(connected)
			found = dict(mariadb.sizes(connected, Kept()))
			in_trash = Trash(bench, connected).databases()
	except AgentError as error:
		return {}, set(), 0, "", str(error)
	except Exception as error:
		if not errors.trouble_of(error):
			raise
		return {}, set(), 0, "", errors.sentence_of_mariadb(error)
	return (
		found,
		in_trash,
		numbers.get("binary_log_bytes", 0),
		numbers["datadir"],
		"" if found else mariadb.NO_SIZES,
	)


def _of_site(bench: Bench, name: str, databases: dict[str, int]) -> dict[str, int]:
	site = bench.site(name)
	try:
		database = str(site.config.get("db_name") or "")
	except AgentError:
		database = ""  # a damaged configuration names none: it counts among the others
	files = site_files.of_site(site.path)
	return {
		"database": databases.pop(database, 0),
		"public": files["files_public_bytes"],
		"private": files["files_private_bytes"],
		"backups": files["backups_bytes"],
		"logs": folder_bytes(site.path / "logs"),
	}


def _of_place(folder: Path, databases: dict[str, int]) -> int:
	"""Bytes of what lies there, with the databases that its folders are named after."""
	if not folder.is_dir():
		return 0
	named = sum(databases.pop(path.name, 0) for path in folder.iterdir())
	return folder_bytes(folder) + named


def folder_bytes(folder: Path) -> int:
	"""Bytes of all files below the folder; 0 where there is none. What goes meanwhile, or may not be looked at, is not counted."""
	return sum(_size(Path(root) / name) for root, _folders, names in os.walk(folder) for name in names)


def _size(path: Path) -> int:
	try:
		return path.lstat().st_size
	except OSError:
		return 0
