"""The certificates that nginx presents: copies of those in the store, each looked at before it takes the place of the last whole one.

nginx opens them at each handshake, so a new one counts without a reload. A version is a folder; one link names the one that counts.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from buildpro_saas.agent import site_config
from buildpro_saas.agent.uploaded_certificate import self_signed

CHAIN, KEY = "fullchain.pem", "privkey.pem"
VERSIONS, SEEN = ".versions", ".seen.json"
# a name that no certificate of the store can have
DEFAULT, DEFAULT_NAME = ".default", "unknown-host.invalid"
KEPT = 2  # versions of a certificate: the one that counts, and the one before


@dataclass(frozen=True)
class Taken:
	"""What came of taking certificates over.

	presentable: {name: "" or why it cannot be presented}. stale: {name: why the store's newest is not}, while the last whole one is.
	changed: {name: the version before, "" for none} of those that have another one now.
	"""

	presentable: dict[str, str]
	stale: dict[str, str]
	changed: dict[str, str]


class Presented:
	"""The folder of what nginx presents. store: where certificates are kept (another part of the agent writes there)."""

	def __init__(self, folder: Path, store: Path):
		self.folder, self.store = folder, store

	def take(self, names: set[str], fixed: str = "") -> Taken:
		"""Take the store's newest version of each of these. One that cannot be used leaves the last one in its place, and is told.

		fixed: one of them that nginx reads with its configuration. It would refuse all for that one, so its copy is read, too.
		"""
		self._prepare()
		self._discard_damaged(fixed)
		taken, seen, noted = Taken({}, {}, {}), self._seen(), {}
		for name in sorted(names):
			before = self.version(name)
			try:
				signature = _signature(self.store / name)
				is_known = bool(before) and seen.get(name) == [signature, before]
				version = before if is_known else self._copy(name)
			except (OSError, ValueError) as error:
				complaint = _complaint(name, error)
				taken.presentable[name] = "" if before else complaint
				if before:
					taken.stale[name] = f"{complaint} The last one that could be still is."
				continue
			taken.presentable[name], noted[name] = "", [signature, version]
			if version != before:
				self._point(name, version)
				taken.changed[name] = before
		if noted != seen:
			site_config.write_text(self.folder / SEEN, json.dumps(noted))
		return taken

	def _discard_damaged(self, name: str) -> None:
		"""Let a copy count no more that nginx could not read."""
		if self.version(name):
			try:
				_read(self.folder / name)
			except (OSError, ValueError):
				(self.folder / name).unlink()

	def version(self, name: str) -> str:
		"""The version that counts; empty for none."""
		try:
			target = os.readlink(f"{self.folder}/{name}")
		except OSError:
			return ""
		is_whole = all(_size(f"{self.folder}/{target}/{file}") for file in (CHAIN, KEY))
		return os.path.basename(target) if is_whole else ""

	def put_back(self, changed: dict[str, str]) -> None:
		"""Let the versions count that counted before a take. A certificate that had none keeps the new one: nothing else is there."""
		for name, before in changed.items():
			if before and (self.folder / VERSIONS / before).exists():
				self._point(name, before)

	def fingerprint(self, name: str) -> str:
		"""SHA-256 of the certificate (DER, hexadecimal) that is presented under the name. Raises OSError, ValueError."""
		return _fingerprint((self.folder / name / CHAIN).read_bytes())

	def forget_old(self, names: set[str]) -> None:
		"""Remove links that nothing names any more, and all but the last versions of the others."""
		for link in self.folder.iterdir():
			if link.is_symlink() and link.name not in names | {DEFAULT}:
				link.unlink()
		kept = {self.version(link.name) for link in self.folder.iterdir() if link.is_symlink()}
		by_name: dict[str, list[Path]] = {}
		for version in sorted((self.folder / VERSIONS).iterdir(), key=lambda path: -path.stat().st_mtime):
			by_name.setdefault(version.name.rpartition("~")[0], []).append(version)
		for name, versions in by_name.items():
			spare = [version for version in versions if version.name not in kept]
			for version in spare[KEPT - 1 if (self.folder / name).is_symlink() else 0 :]:
				shutil.rmtree(version)

	def ensure_default(self) -> None:
		"""Make the self-signed certificate for names that nobody serves, where there is none that can be used."""
		self._prepare()
		try:
			_read(self.folder / DEFAULT)
		except (OSError, ValueError):
			chain, key = self_signed(DEFAULT_NAME, [DEFAULT_NAME])
			self._point(DEFAULT, self._write(DEFAULT, chain, key))

	# -- within -------------------------------------------------------------------------------------------------------

	def _prepare(self) -> None:
		if not self.folder.exists():
			self.folder.mkdir(parents=True, mode=0o700)
		(self.folder / VERSIONS).mkdir(mode=0o750, exist_ok=True)

	def _copy(self, name: str) -> str:
		chain, key = _read(self.store / name)
		return self._write(name, chain, key)

	def _write(self, name: str, chain: bytes, key: bytes) -> str:
		"""The version with this content, written unless it is there whole."""
		version = f"{name}~{hashlib.sha256(chain + b'~' + key).hexdigest()[:16]}"
		place = self.folder / VERSIONS / version
		if place.exists():
			try:
				if _read(place) == (chain, key):
					os.utime(place)
					return version
			except (OSError, ValueError):
				os.rename(place, tempfile.mkdtemp(prefix=".damaged.", dir=place.parent))
		mode = self._mode()
		draft = self.folder / VERSIONS / f".{name}.{secrets.token_hex(6)}"
		# Made with its mode, and not changed to it: a change by a user who is not in its group would take the set-group-ID bit away,
		# by which the files get that group, too.
		os.mkdir(draft, 0o750 if mode & 0o040 else 0o700)
		try:
			for file, content in ((CHAIN, chain), (KEY, key)):
				descriptor = os.open(draft / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
				with os.fdopen(descriptor, "wb") as out:
					os.fchmod(out.fileno(), mode)
					out.write(content)
					out.flush()
					os.fsync(out.fileno())
			os.rename(draft, place)
		except BaseException:
			shutil.rmtree(draft, ignore_errors=True)
			raise
		return version

	def _mode(self) -> int:
		"""0600; 0640 where `saas setup-proxy` has given the folder to the group of the machine's nginx (its set-group-ID bit)."""
		return 0o640 if self.folder.stat().st_mode & 0o2000 else 0o600

	def _point(self, name: str, version: str) -> None:
		point(self.folder / name, f"{VERSIONS}/{version}")

	def _seen(self) -> dict[str, list]:
		"""{name: [how the store's files looked, the version made of them]}: what has not changed since is not read again."""
		try:
			return json.loads((self.folder / SEEN).read_text())
		except (OSError, ValueError):
			return {}


def _complaint(name: str, error: Exception) -> str:
	why = "it is not in the certificate store" if isinstance(error, FileNotFoundError) else told(error)
	return f"The certificate {name} cannot be presented: {why}."


def _size(path: str) -> int:
	"""Bytes of a file; 0 where there is none."""
	try:
		return os.stat(path).st_size
	except OSError:
		return 0


def _signature(folder: Path) -> list[list[int]]:
	stats = [os.stat(f"{folder}/{file}") for file in (CHAIN, KEY)]
	return [[stat.st_ino, stat.st_mtime_ns, stat.st_size] for stat in stats]


def point(link: Path, target: str) -> None:
	"""Make a link, or have it lead elsewhere, in one step."""
	draft = link.with_name(f".{link.name}.{os.getpid()}.{os.urandom(4).hex()}")
	os.symlink(target, draft)
	try:
		os.replace(draft, link)
	except BaseException:
		draft.unlink(missing_ok=True)
		raise


def told(error: Exception) -> str:
	"""What an error of Python's SSL or of the disk says, shortened."""
	text = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
	return re.sub(r"\s+", " ", str(text)).strip().rstrip(".")[:200]


def _read(folder: Path) -> tuple[bytes, bytes]:
	"""(chain, key) of a certificate's folder. Raises ValueError or OSError where nginx could not present them."""
	chain, key = (folder / CHAIN).read_bytes(), (folder / KEY).read_bytes()
	if b"ENCRYPTED" in key:
		raise ValueError("its key has a password")
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	try:
		# looks whether the key is the certificate's
		context.load_cert_chain(folder / CHAIN, folder / KEY, password=lambda: b"")
	except ssl.SSLError as error:
		raise ValueError(
			f"its files are damaged, or its key is another certificate's ({told(error)})"
		) from None
	_fingerprint(chain)
	return chain, key


def _fingerprint(chain: bytes) -> str:
	return x509.load_pem_x509_certificate(chain).fingerprint(hashes.SHA256()).hex()
