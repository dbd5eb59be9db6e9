"""A tenant's store of backups: a restic repository in a folder, incremental, and encrypted with a key of the tenant's own.

Whatever is written there is written as a whole: until `writing` ends well, nothing is a backup, and a process that died in it leaves a
note of what was there before. Whoever comes next takes away what is not in that note.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from buildpro_saas.agent import site_config
from buildpro_saas.agent.errors import TransientError
from buildpro_saas.agent.program import Running
from buildpro_saas.agent.repository import DATABASE, FILES, LOCKS, STREAM, Repository
from buildpro_saas.agent.store_place import FolderPlace

LOCK_SECONDS = 20  # that a backup waits for another piece of work in the same store


class Store(Repository):
	"""The repository in a folder. One process at a time has it: use it as a context manager."""

	def __init__(self, path: Path, key: str):
		"""key: the password of the repository. Raises AgentError for an empty one: there is no backup without a key."""
		super().__init__(FolderPlace(path), key)
		self.path = path
		self._lock = FileLock(f"{path}.lock")
		self._note = Path(f"{path}.begun")

	def __enter__(self) -> "Store":
		self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
		try:
			self._lock.acquire(timeout=LOCK_SECONDS)
		except Timeout:
			raise TransientError(f"Something else is being done in the store {self.path.name}.") from None
		self._roll_back()
		shutil.rmtree(self.path / LOCKS, ignore_errors=True)  # of processes that are gone: we have it alone
		return self

	def __exit__(self, *_exc) -> None:
		self._lock.release()

	@contextmanager
	def writing(self, checkpoint: Callable[[], None]) -> Iterator[None]:
		"""What is added in the block stays if the block ends well, and each new file is then what was written. Else all of it goes.

		Makes the repository where it is not there yet.
		"""
		before = self._names()
		site_config.write_json(self._note, {"files": sorted(before)})
		try:
			if not self.exists:
				self._do(["init"], checkpoint)
			yield
			self._verify(self._names() - before, checkpoint)
		except BaseException:
			self._roll_back()
			raise
		self._note.unlink()

	@contextmanager
	def stream(self, backup: str) -> Iterator[Running]:
		"""restic that takes a database from its standard input. The caller closes that at the end, or leaves the block to stop it.

		It compresses well, and slowly: only what no earlier backup has, which is little but for the first one.
		"""
		words = ["--compression", "max", "--stdin", "--stdin-filename", STREAM]
		command = self._command("backup", *words, *_tags(backup, DATABASE))
		with self._running(command, stdin=subprocess.PIPE) as process:
			yield process

	@contextmanager
	def files(self, backup: str, folder: Path) -> Iterator[Running]:
		"""restic that takes a folder. It reads what has changed by time and size since the last one of that path."""
		command = self._command(
			"backup", "--ignore-inode", "--ignore-ctime", *_tags(backup, FILES), os.fspath(folder)
		)
		with self._running(command) as process:
			yield process

	def _roll_back(self) -> None:
		"""Take away what an interrupted `writing` has added."""
		if not self._note.exists():
			return
		before = set(json.loads(self._note.read_text())["files"])
		for name in self._names() - before:
			self.place.remove(name)
		self._note.unlink()


def remove(path: Path) -> None:
	"""Remove a whole store, for which no key is needed. Repeatable. Raises TransientError while something is being done there."""
	try:
		with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
			FolderPlace(path).remove_all()
			Path(f"{path}.begun").unlink(missing_ok=True)
	except Timeout:
		raise TransientError(f"Something else is being done in the store {path.name}.") from None
	Path(f"{path}.lock").unlink(missing_ok=True)


def _tags(backup: str, kind: str) -> list[str]:
	return ["--tag", f"backup={backup}", "--tag", f"part={kind}"]
