"""A restic repository, wherever it lies: what is in it, what reads it, what checks it, and what removes from it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from buildpro_saas.agent import program
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.program import Running
from buildpro_saas.agent.store_place import Place

DATABASE, FILES = "database", "files"
STREAM = "database.sql"  # what the stream of a database is called in the store
# Kinds of files that restic names by the SHA-256 of their content (restic's design document, "Repository layout").
NAMED_BY_CONTENT = ("data", "index", "snapshots", "keys")
LOCKS = "locks"
KEY_OPTION, SOURCE_KEY_OPTION = "--password-file", "--from-password-file"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Part:
	"""One half of a backup in the store. id: restic's. path: of the folder, or of the stream, that it was taken from.

	tree: digest of all that is in it, equal in each copy.
	"""

	id: str
	backup: str
	kind: str  # DATABASE or FILES
	taken_at: str  # ISO 8601, UTC by the bench's clock
	path: str
	tree: str = ""


class Repository:
	"""The repository in a place."""

	is_offsite = False

	def __init__(self, place: Place, key: str):
		"""key: the password of the repository. Raises AgentError for an empty one: there is no backup without a key."""
		if not key:
			raise AgentError("The tenant has no key for its backups, so no backup is taken.")
		self.place = place
		self._key = key

	@property
	def exists(self) -> bool:
		"""Whether the repository has been made."""
		return self.place.has("config")

	def size(self) -> int:
		"""Bytes that it takes there."""
		return sum(self.place.sizes().values())

	# -- reading ---------------------------------------------------------------------------------------------------

	def parts(self, checkpoint: Callable[[], None]) -> list[Part]:
		"""All that is in the store, the oldest first; [] where there is no store yet."""
		if not self.exists:
			return []
		found = json.loads(self._run(["snapshots", "--json", "--no-lock"], checkpoint) or "[]") or []
		parts = [_part(each) for each in sorted(found, key=lambda each: each["time"])]
		return [part for part in parts if part]

	def whole(self, checkpoint: Callable[[], None]) -> dict[str, dict[str, Part]]:
		"""{backup: {DATABASE: part, FILES: part}} of those with both, the oldest first."""
		found: dict[str, dict[str, Part]] = {}
		for part in self.parts(checkpoint):
			found.setdefault(part.backup, {})[part.kind] = part
		return {backup: parts for backup, parts in found.items() if parts.keys() == {DATABASE, FILES}}

	@contextmanager
	def reading(self, part: Part) -> Iterator[Running]:
		"""restic that writes the stream of a database to its standard output."""
		command = self._command("dump", "--no-lock", part.id, f"/{STREAM}")
		with self._running(command, stdout=subprocess.PIPE) as process:
			yield process

	def restore(self, part: Part, target: Path, checkpoint: Callable[[], None]) -> Path:
		"""Write a folder's files below `target`; returns where the folder is then."""
		self._do(["restore", "--no-lock", "--target", os.fspath(target), part.id], checkpoint)
		return target / part.path.lstrip("/")

	def restored_size(self, part: Part, checkpoint: Callable[[], None]) -> int:
		"""Bytes that a part takes once it is restored."""
		told = self._run(["stats", "--json", "--no-lock", "--mode", "restore-size", part.id], checkpoint)
		return json.loads(told)["total_size"]

	def check(self, share: str, checkpoint: Callable[[], None]) -> None:
		"""Check the whole structure, and read a share of the data (`1/7`, `5%`, `100%`). Raises AgentError with what is damaged."""
		self._do(["check", "--read-data-subset", share], checkpoint)

	# -- removing --------------------------------------------------------------------------------------------------

	def forget(self, backups: list[str], checkpoint: Callable[[], None]) -> list[str]:
		"""Remove these backups, and the data that no other one needs. Returns those that were there. restic itself can be killed in it."""
		parts = [part for part in self.parts(checkpoint) if part.backup in backups]
		if parts:
			self._do(["forget", "--prune", *(part.id for part in parts)], checkpoint)
		return sorted({part.backup for part in parts})

	def as_source(self) -> dict[str, str]:
		"""The key as program.running's secrets have it, for a restic that copies out of this repository."""
		return {SOURCE_KEY_OPTION: self._key}

	# -- restic ----------------------------------------------------------------------------------------------------

	def _command(self, *words: str) -> list[str]:
		return [program.find(program.STORE), "--repo", self.place.url, "--no-cache", "--quiet", *words]

	@contextmanager
	def _running(self, command: list[str], **options) -> Iterator[Running]:
		"""restic with its keys and its place's credentials, none of which is on its command line. options: of program.running."""
		secrets = {KEY_OPTION: self._key, **options.pop("secrets", {})}
		environment = {"TZ": "UTC", **self.place.environment}
		with program.running(command, secrets=secrets, environment=environment, **options) as process:
			yield process

	def _run(self, words: list[str], checkpoint: Callable[[], None]) -> str:
		"""Run restic to its end; returns what it printed."""
		printed: list[bytes] = []
		with self._running(self._command(*words), stdout=subprocess.PIPE) as process:
			while block := process.process.stdout.read1(CHUNK):
				printed.append(block)
				checkpoint()
			process.finish(checkpoint)
		return b"".join(printed).decode()

	def _do(self, words: list[str], checkpoint: Callable[[], None], **options) -> None:
		"""Run restic to its end, which may take long. What it prints is not wanted."""
		with self._running(self._command(*words), **options) as process:
			process.finish(self._watch(process, checkpoint))

	def _watch(self, process: Running, checkpoint: Callable[[], None]) -> Callable[[], None]:
		"""What is called each second while restic runs; may raise to stop it."""
		return checkpoint

	def _verify(self, names: set[str], checkpoint: Callable[[], None]) -> None:
		"""Read each of these files where it lies now, and raise AgentError where it is not what restic wrote."""
		for name in sorted(names):
			checkpoint()
			if not self._is_as_written(name):
				raise AgentError(
					f"{name} in the store is not what was written there.", "Look at the disk of the backups."
				)

	def _is_as_written(self, name: str) -> bool:
		"""Whether the file's content is what its name says; yes for a file that is not named so."""
		return name.split("/")[0] not in NAMED_BY_CONTENT or self.place.digest(name) == os.path.basename(name)

	def _names(self) -> set[str]:
		"""All files of the repository, by their paths in it."""
		return {name for name in self.place.sizes() if not name.startswith(f"{LOCKS}/")}


def _part(told: dict) -> Part | None:
	"""A snapshot as restic tells it; None for one that is none of ours."""
	tags = dict(tag.split("=", 1) for tag in told.get("tags") or [] if "=" in tag)
	if tags.keys() != {"backup", "part"}:
		return None
	return Part(
		told["id"], tags["backup"], tags["part"], told["time"], told["paths"][0], told.get("tree", "")
	)
