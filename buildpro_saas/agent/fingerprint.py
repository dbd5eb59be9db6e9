"""Fingerprints of apps' code on disk. Apps with equal fingerprints make equal sites."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import frappe

from buildpro_saas.agent.bench import Bench

# What Frappe brings from files into a site's database as it installs or migrates an app: patches, the app's hooks, records of
# modules (doctypes, reports, workspaces, …: <module>/<kind>/<name>/<name>.json), fixtures and customisations.
FILES = ("patches.txt", "modules.txt", "hooks.py", "database/mariadb/framework_mariadb.sql")
DEEPEST = 4
OTHERS = ("public", "node_modules", "__pycache__")  # hold JSON, but no records
RECORDS = {(2, "fixtures"), (3, "custom")}  # (depth of the file, its folder) beside DEEPEST


@dataclass(frozen=True)
class Fingerprint:
	"""One app as it is on disk. schema: the schema_digest.

	commit: where the app is a folder of a larger checkout, the folder's git tree. Commits that leave the folder alone do not change that.
	"""

	app: str
	version: str
	commit: str
	schema: str

	@classmethod
	def of(cls, bench: Bench, app: str) -> "Fingerprint":
		"""Read from the bench's disk."""
		facts = bench.app(app)
		commit = facts.commit or bench.app_tree(app)
		package = Path(frappe.get_module(app).__file__).parent
		return cls(app, facts.version, commit, schema_digest(package))


def fingerprints(bench: Bench, apps: list[str]) -> list[dict]:
	"""One {"app", "version", "commit", "schema"} for each app, in the given order."""
	return [asdict(Fingerprint.of(bench, app)) for app in apps]


def schema_digest(package: Path) -> str:
	"""A digest of what an app's Python package brings into a site's database: paths and contents of FILES and records.

	Contents are read again only when a file's inode, size or change time has changed (nobody can set the change time). ERPNext has a
	thousand such files, and each new site asks.
	"""
	files = _source_files(package)
	state = _digest(
		f"{name}\0{stat.st_ino}\0{stat.st_size}\0{stat.st_ctime_ns}" for name, stat in files.items()
	)
	key = f"buildpro_schema_digest|{package}"
	kept = frappe.cache.get_value(key) or {}
	if kept.get("state") != state:
		contents = (f"{name}\0{hashlib.sha256((package / name).read_bytes()).hexdigest()}" for name in files)
		kept = {"state": state, "digest": _digest(contents)}
		frappe.cache.set_value(key, kept)
	return kept["digest"]


def _source_files(package: Path) -> dict[str, os.stat_result]:
	"""{path below the package: its stat}, sorted: FILES, and the JSON files at DEEPEST or where RECORDS says.

	Path.glob takes five times as long.
	"""
	found = {name: (package / name).stat() for name in FILES if (package / name).exists()}
	folders = [(str(package), "")]
	for depth in range(1, DEEPEST + 1):
		below = []
		for folder, name in folders:
			is_of_records = depth == DEEPEST or (depth, os.path.basename(name)) in RECORDS
			with os.scandir(folder) as entries:
				for entry in entries:
					if entry.name.endswith(".json"):
						if is_of_records:
							found[f"{name}/{entry.name}"] = entry.stat()
					elif depth < DEEPEST and entry.name not in OTHERS and entry.is_dir():
						below.append((entry.path, f"{name}/{entry.name}" if name else entry.name))
		folders = below
	return dict(sorted(found.items()))


def _digest(lines: Iterable[str]) -> str:
	digest = hashlib.sha256()
	for line in lines:
		digest.update(f"{line}\n".encode())
	return digest.hexdigest()[:32]
