"""Where a store lies: a folder of the bench's machine here, a bucket in agent/s3.py."""

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
# How the names of files end that lie beside a store: its key, wrapped for the recovery key; the admin site whose backups it has.
WRAPPED_KEY, SITE = ".key.age", ".site"
BESIDE = (WRAPPED_KEY, SITE)


class Place(ABC):
	"""One store's place. `url` and `environment` are how restic reaches it; names are paths in the store."""

	url: str
	environment: dict[str, str]

	@abstractmethod
	def has(self, name: str) -> bool:
		"""Whether there is a file of that name."""

	@abstractmethod
	def sizes(self) -> dict[str, int]:
		"""{name: bytes} of all files."""

	@abstractmethod
	def digest(self, name: str) -> str:
		"""SHA-256 of a file, read where it lies, in hexadecimal."""

	@abstractmethod
	def remove(self, name: str) -> None:
		"""Remove a file. Repeatable."""

	@abstractmethod
	def remove_all(self) -> None:
		"""Remove the whole store, and what lies beside it. Repeatable."""

	@abstractmethod
	def beside(self, ending: str) -> bytes | None:
		"""What the file beside the store has whose name ends so (BESIDE); None where there is none."""

	@abstractmethod
	def put_beside(self, ending: str, content: bytes) -> None:
		"""Have that file beside the store. Repeatable."""

	def put_wrapped_key(self, content: bytes) -> None:
		"""Have the wrapped key (an age file) beside the store: who has the recovery key needs nothing of the admin site. Repeatable."""
		self.put_beside(WRAPPED_KEY, content)

	def put_site(self, name: str) -> None:
		"""Have beside the store the name of the admin site whose backups it has: when that site is gone, no record says which store it is."""
		self.put_beside(SITE, name.encode())

	def abort_uploads(self) -> None:
		"""Take away what uploads that were broken off have left outside all files."""
		return None


class FolderPlace(Place):
	"""A folder."""

	def __init__(self, path: Path):
		self.path = path
		self.url = os.fspath(path)
		self.environment = {}

	def has(self, name: str) -> bool:
		return (self.path / name).exists()

	def sizes(self) -> dict[str, int]:
		found = {}
		for folder, _folders, names in os.walk(self.path):
			for name in names:
				path = os.path.join(folder, name)
				with suppress(FileNotFoundError):  # a lock, which goes as it comes
					found[os.path.relpath(path, self.path)] = os.stat(path).st_size
		return found

	def digest(self, name: str) -> str:
		with (self.path / name).open("rb") as file:
			return digest_of(file)

	def remove(self, name: str) -> None:
		with suppress(FileNotFoundError):
			(self.path / name).unlink()

	def remove_all(self) -> None:
		if self.path.exists():
			shutil.rmtree(self.path)
		for ending in BESIDE:
			Path(f"{self.path}{ending}").unlink(missing_ok=True)

	def beside(self, ending: str) -> bytes | None:
		try:
			return Path(f"{self.path}{ending}").read_bytes()
		except FileNotFoundError:
			return None

	def put_beside(self, ending: str, content: bytes) -> None:
		path = Path(f"{self.path}{ending}")
		if self.beside(ending) != content:
			draft = path.with_suffix(".draft")
			try:
				draft.write_bytes(content)
				os.replace(draft, path)
			finally:
				draft.unlink(missing_ok=True)


def digest_of(file: BinaryIO) -> str:
	"""SHA-256 of what is left to read in the file, in hexadecimal."""
	digest = hashlib.sha256()
	while block := file.read(CHUNK):
		digest.update(block)
	return digest.hexdigest()
