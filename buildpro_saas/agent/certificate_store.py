"""The certificates of a bench: <bench>/config/buildpro/certificates/<name>/{fullchain.pem,privkey.pem,facts.json}.

<name> is a symlink into .versions/<name>/, where a version's name ends with its method: so it is known that a certificate was uploaded
even where its files are lost. A certificate is written whole into a new version, and then the symlink is swapped: whoever
opens the files meets the old pair or the new one. Keys are 0600 in folders that are 0700. They are nowhere else.
"""

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from filelock import FileLock, Timeout

from buildpro_saas.agent import certificate_reading as reading
from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.certificate_facts import Certificate, third_left
from buildpro_saas.agent.errors import AgentError, TransientError

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}"
FULL_CHAIN, KEY, FACTS = "fullchain.pem", "privkey.pem", "facts.json"
VERSIONS, LOCKS = ".versions", ".locks"
KEPT = 3  # versions of a name, the installed one among them
LOCK_SECONDS = 10
NOT_WHOLE = "Renew it, or upload it again: a new version takes its place as a whole."


def folder_of(bench: Bench) -> Path:
	"""Where the app keeps what is the bench's and no site's. The web server may go through it."""
	return open_folder(bench.path / "config/buildpro")


def open_folder(path: Path) -> Path:
	"""The folder, made where it is missing; anybody may go through it, whatever the umask."""
	if not path.exists():
		path.mkdir(parents=True, exist_ok=True)
		os.chmod(path, 0o755)
	return path


def private_folder(path: Path) -> Path:
	"""The folder, made where it is missing; only its owner gets in."""
	path.mkdir(mode=0o700, parents=True, exist_ok=True)
	os.chmod(path, 0o700)
	return path


class CertificateStore:
	"""The store of one bench."""

	def __init__(self, bench: Bench):
		self.folder = private_folder(folder_of(bench) / "certificates")

	@contextmanager
	def held(self, name: str) -> Iterator[None]:
		"""Have the certificate to oneself; the lock dies with its process. Raises TransientError where somebody else has it."""
		if not re.fullmatch(NAME, name):
			raise AgentError(
				f"{name!r} cannot be a certificate's name.", "Take letters, digits, dots, - and _."
			)
		lock = FileLock(private_folder(self.folder / LOCKS) / f"{name}.lock", timeout=LOCK_SECONDS)
		try:
			lock.acquire()
		except Timeout:
			raise TransientError(f"Another process is at work on the certificate {name}.") from None
		try:
			yield
		finally:
			lock.release()

	# -- reading -----------------------------------------------------------------------------------------------------

	def all(self) -> list[Certificate]:
		"""What is installed, by name."""
		return [self.read(each.name) for each in sorted(self.folder.iterdir()) if each.name[0] != "."]

	def find(self, name: str) -> Certificate | None:
		"""The installed certificate; None where there is none."""
		return self.read(name) if os.path.lexists(self.folder / name) else None

	def read(self, name: str) -> Certificate:
		"""What is installed under the name. Its files are looked at, not what was noted of them; what is not whole has a fault."""
		folder = self.folder / name
		noted, fault = _noted(folder)
		noted.setdefault("method", os.readlink(folder).partition("-")[2] if folder.is_symlink() else "")
		try:
			chain = reading.chain_of((folder / FULL_CHAIN).read_bytes())
			key = reading.key_of((folder / KEY).read_bytes())
			if not reading.belong_together(chain[0], key):
				raise AgentError(f"{KEY} is not the key of {FULL_CHAIN}.")
		except (OSError, AgentError) as error:
			return _unreadable(name, noted, getattr(error, "strerror", None) or str(error))
		return _facts(name, chain[0], noted, fault)

	def leaf(self, name: str) -> x509.Certificate:
		"""The installed certificate itself. Raises AgentError where there is none, or it cannot be read."""
		try:
			return reading.chain_of((self.folder / name / FULL_CHAIN).read_bytes())[0]
		except FileNotFoundError:
			raise AgentError(f"There is no certificate {name} on this bench.") from None

	def version_of(self, name: str, order: str) -> Path | None:
		"""The version that an order came to; None where it is not stored yet."""
		for version in self._versions(name):
			if order and _noted(version)[0].get("order") == order:
				return version
		return None

	# -- writing. The caller holds the name. -------------------------------------------------------------------------

	def put(
		self, name: str, chain: bytes, key: bytes, *, authority: str, method: str, order: str = ""
	) -> Path:
		"""Store a version, and return its folder. What is installed stays. Nothing is left of a version that could not be written whole."""
		versions = private_folder(self.folder / VERSIONS / name)
		for left in versions.glob(".new-*"):  # of a process that was killed
			shutil.rmtree(left)
		draft = Path(tempfile.mkdtemp(prefix=".new-", dir=versions))  # mkdtemp makes it 0700
		try:
			facts = {"authority": authority, "method": method, "order": order}
			for file, content in (
				(FULL_CHAIN, chain),
				(KEY, key),
				(FACTS, json.dumps(facts, indent=1).encode()),
			):
				write_private(draft / file, content)
			target = versions / f"{time.time_ns():020}-{method}"
			os.rename(draft, target)
		except BaseException:
			shutil.rmtree(draft, ignore_errors=True)
			raise
		sync_folder(versions)
		return target

	def install(self, name: str, version: Path) -> Certificate:
		"""Have the version served from now on. Older ones are dropped, all but the last few."""
		link, place = self.folder / f".link-{name}", self.folder / name
		if place.is_dir() and not place.is_symlink():
			raise AgentError(f"{place} is a folder that this app has not made.", "Move it away.")
		link.unlink(missing_ok=True)  # of a process that was killed
		link.symlink_to(version.relative_to(self.folder))
		os.replace(link, place)
		sync_folder(self.folder)
		for old in self._versions(name)[:-KEPT]:
			if old.name != version.name:
				shutil.rmtree(old)
		return self.read(name)

	def remove(self, name: str) -> None:
		"""Remove the certificate, its key and its older versions. Repeatable."""
		(self.folder / f".link-{name}").unlink(missing_ok=True)
		if (self.folder / name).is_symlink():
			(self.folder / name).unlink()
		if (self.folder / VERSIONS / name).exists():
			shutil.rmtree(self.folder / VERSIONS / name)

	def _versions(self, name: str) -> list[Path]:
		return sorted((self.folder / VERSIONS / name).glob("[0-9]*"))


def write_private(path: Path, content: bytes) -> None:
	"""Write a new file, mode 0600, down to the disk."""
	handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
	with os.fdopen(handle, "wb") as file:
		file.write(content)
		file.flush()
		os.fsync(file.fileno())


def put_private(path: Path, content: dict) -> None:
	"""Write a JSON file, mode 0600, so that a reader or a crash meets the old or the new one. The caller has the file to itself."""
	for left in path.parent.glob(f".{path.stem}.*"):  # of a process that was killed
		if not left.name.endswith(".lock"):
			left.unlink(missing_ok=True)
	site_config.write_json(path, content)
	sync_folder(path.parent)


def sync_folder(path: Path) -> None:
	"""Bring what was made or renamed in the folder down to the disk."""
	handle = os.open(path, os.O_RDONLY)
	try:
		os.fsync(handle)
	finally:
		os.close(handle)


def _noted(folder: Path) -> tuple[dict, str]:
	"""(what FACTS says, a sentence where it says nothing)."""
	try:
		found = json.loads((folder / FACTS).read_text())
	except (OSError, ValueError) as error:
		return {}, f"{FACTS} cannot be read ({getattr(error, 'strerror', None) or error}). {NOT_WHOLE}"
	return (found, "") if isinstance(found, dict) else ({}, f"{FACTS} is no object. {NOT_WHOLE}")


def _facts(name: str, leaf: x509.Certificate, noted: dict, fault: str) -> Certificate:
	begin, end = reading.life_of(leaf)
	return Certificate(
		name=name,
		names=reading.names_of(leaf),
		authority=str(noted.get("authority") or ""),
		method=str(noted.get("method") or ""),
		serial=reading.serial_of(leaf),
		valid_from=begin,
		valid_until=end,
		renew_from=third_left(begin, end),
		order=str(noted.get("order") or ""),
		fault=fault,
	)


def _unreadable(name: str, noted: dict, why: str) -> Certificate:
	return Certificate(
		name=name,
		names=[],
		authority=str(noted.get("authority") or ""),
		method=str(noted.get("method") or ""),
		serial="",
		valid_from=0.0,
		valid_until=0.0,
		renew_from=0.0,
		fault=f"The files of the certificate {name} are not whole: {why.rstrip('.')}. {NOT_WHOLE}",
	)
