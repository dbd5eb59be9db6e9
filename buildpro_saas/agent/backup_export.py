"""A backup as the four files of `bench backup --with-files`, which `bench restore` takes on any bench."""

import gzip
import os
import shutil
import tarfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from buildpro_saas.agent.backup import CONFIG, Backup
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.repository import STREAM

# As Frappe names them (frappe/utils/backups.py), and where `bench restore` looks for files in the archives.
ARCHIVES = {"files": "public/files", "private-files": "private/files"}
CHUNK = 1 << 20


def export(backup: Backup, target: Path, checkpoint: Callable[[], None]) -> list[Path]:
	"""Write the files into a folder; returns their paths. Nobody else may read them. Raises AgentError for files that are there already."""
	target.mkdir(mode=0o700, parents=True, exist_ok=True)
	fetched = target / f".{backup.id}"
	shutil.rmtree(fetched, ignore_errors=True)
	try:
		about = backup.fetch(fetched)
		name = f"{datetime.now():%Y%m%d_%H%M%S}-{about.site.replace('.', '_')}"
		made = [
			target / f"{name}-{part}"
			for part in ("database.sql.gz", "files.tar", "private-files.tar", "site_config_backup.json")
		]
		if there := [path.name for path in made if path.exists()]:
			raise AgentError(f"{there[0]} is in {target} already.", "Name another folder.")
		_compress(fetched / STREAM, made[0], checkpoint)
		for path, folder in zip(made[1:3], ARCHIVES.values(), strict=True):
			_archive(fetched / folder, f"./{about.site}/{folder}", path, checkpoint)
		shutil.copy2(fetched / CONFIG, made[3])
	finally:
		shutil.rmtree(fetched, ignore_errors=True)
	return made


def _compress(source: Path, target: Path, checkpoint: Callable[[], None]) -> None:
	with source.open("rb") as file, open(target, "xb", opener=_for_owner) as written:
		with gzip.GzipFile(fileobj=written, mode="wb", compresslevel=6) as compressed:
			while block := file.read(CHUNK):
				checkpoint()
				compressed.write(block)


def _archive(source: Path, name: str, target: Path, checkpoint: Callable[[], None]) -> None:
	def checked(member: tarfile.TarInfo) -> tarfile.TarInfo:
		checkpoint()
		return member

	source.mkdir(parents=True, exist_ok=True)
	with open(target, "xb", opener=_for_owner) as written, tarfile.open(fileobj=written, mode="w") as archive:
		archive.add(source, arcname=name, filter=checked)


def _for_owner(path: str, flags: int) -> int:
	return os.open(path, flags, 0o600)
