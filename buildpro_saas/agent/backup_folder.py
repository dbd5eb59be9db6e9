"""The parts of a backup in a folder of the bench's machine: those of our own backups, or the four files of `bench backup --with-files`."""

import json
import re
from pathlib import Path

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Manifest
from buildpro_saas.agent.file_archive import FileArchive

TAR = r"(\.tar|\.tgz)(\.gz|\.zst)?"
# What each part may be called. Frappe's names begin with the moment and the site (frappe/utils/backups.py).
DUMP = re.compile(r"(.+-)?database\.sql(\.gz|\.zst)?")
PARTS = {
	"private": re.compile(rf"private|private{TAR}|.+-private-files{TAR}"),
	"public": re.compile(rf"public|public{TAR}|(?!.+-private-files).+-files{TAR}"),
}
CONFIG = re.compile(r"site_config\.json|.+-site_config_backup\.json")
MANIFEST = re.compile(r"manifest\.json")
ENCRYPTED = re.compile(r".+-(database|files|site_config_backup)-enc\..+")
KEY, TENANT = "encryption_key", "buildpro_tenant"


class BackupFolder:
	"""The backup in that folder. Nothing of it is changed."""

	def __init__(self, path: str):
		"""Raises AgentError where there is no such folder, or no backup in it."""
		self.path = Path(path)
		if not self.path.is_absolute() or not self.path.is_dir():
			raise AgentError(
				f"There is no folder {path} on the bench's machine.", "Name a folder by its whole path."
			)
		self._names = sorted(each.name for each in self.path.iterdir())
		if encrypted := [name for name in self._names if ENCRYPTED.fullmatch(name)]:
			raise AgentError(
				f"{encrypted[0]} is encrypted by the framework's own backup.",
				"Decrypt it with gpg and its backup_encryption_key first.",
			)
		self.dump = self._only(DUMP, "dump of a database")
		if not self.dump:
			raise AgentError(
				f"There is no backup in {path}: no file there is called database.sql, database.sql.gz or …-database.sql.gz.",
				"Name the folder that has them.",
			)

	def archives(self) -> dict[str, FileArchive]:
		"""{"private", "public": its files}, those that are there."""
		found = {part: self._only(names, f"archive of {part} files") for part, names in PARTS.items()}
		return {part: FileArchive(path, part) for part, path in found.items() if path}

	@property
	def encryption_key(self) -> str | None:
		"""The key that the backup's passwords are encrypted with; None where the backup does not have it."""
		key = self._json(CONFIG).get(KEY)
		return key if isinstance(key, str) and key else None

	@property
	def tenant(self) -> str | None:
		"""The tenant whose site it was, where the backup says so."""
		return self._json(CONFIG).get(TENANT)

	@property
	def config(self) -> dict:
		"""The site's site_config.json, as far as the backup has it; {} where it has none."""
		return self._json(CONFIG)

	@property
	def manifest(self) -> Manifest | None:
		"""What the database held when the backup was made; None where nobody noted it. Raises AgentError for a damaged one."""
		if not (noted := self._json(MANIFEST)):
			return None
		try:
			return Manifest(dict(noted["tables"]), str(noted["schema"]), int(noted["size"]))
		except (KeyError, TypeError, ValueError):
			raise AgentError(
				"The backup's manifest.json is not what a backup writes.", "Take another copy of it."
			) from None

	def _json(self, names: re.Pattern) -> dict:
		if not (path := self._only(names, "file of this kind")):
			return {}
		try:
			content = json.loads(path.read_text())
		except (OSError, ValueError):
			content = None
		if not isinstance(content, dict):
			raise AgentError(f"{path.name} of the backup cannot be read.", "Take another copy of it.")
		return content

	def _only(self, names: re.Pattern, what: str) -> Path | None:
		found = [name for name in self._names if names.fullmatch(name)]
		if len(found) > 1:
			raise AgentError(
				f"{self.path} has more than one {what}: {', '.join(found)}.",
				"Put the files of one backup into a folder of their own.",
			)
		return self.path / found[0] if found else None
