"""Where a store lies: a folder of the bench's machine here, a bucket in agent/s3.py."""

import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
WRAPPED_KEY = ".key.age"  # how the name of the file ends that has a store's key, wrapped for the recovery key; it lies beside the store


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
	def put_wrapped_key(self, content: bytes) -> None:
		"""Have the wrapped key (an age file) beside the store. Repeatable."""

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
		Path(f"{self.path}{WRAPPED_KEY}").unlink(missing_ok=True)

	def put_wrapped_key(self, content: bytes) -> None:
		path = Path(f"{self.path}{WRAPPED_KEY}")
		if not path.exists() or path.read_bytes() != content:
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
