"""Offsite copies of a tenant's store: a second restic repository, in a bucket or in a folder of another disk, with retention of its own.

It takes the backups of the store on the bench's machine over, one after the other, and stores of each what it does not have yet. What
arrived is read again where it lies. A copy that was broken off leaves a note here; the next one goes on with what had arrived.
"""

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from typing_extensions import TypedDict

from buildpro_saas.agent import s3, site_config
from buildpro_saas.agent.backup_store import Store
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.program import Running
from buildpro_saas.agent.repository import LOCKS, Part, Repository
from buildpro_saas.agent.s3 import Bucket, S3Place
from buildpro_saas.agent.store_place import FolderPlace, Place

LOCK_SECONDS = 20
# Seconds that restic may meet one fault after the other before it is stopped, and after which it has calmed down. The job tries again later.
LONGEST_TROUBLE, CALM = 120, 60
TROUBLE = "retrying after"  # what restic says of each fault
UNUSED = (
	"25%"  # of the data there that may be unneeded before it is packed anew: packing takes it here and back
)
PASSING = (
	*("connection refused", "connection reset", "timeout", "no such host", "unexpected EOF"),
	*("SlowDown", "Service Unavailable", "Internal Error", "internal error"),
)


class Where(TypedDict):
	"""Where offsite copies are: a bucket (endpoint, region, bucket, prefix, access_key, secret_key), or a folder. only_adds: nothing is removed there."""

	kind: Literal["S3", "Folder"]
	endpoint: str
	region: str
	bucket: str
	prefix: str
	access_key: str
	secret_key: str
	folder: str
	only_adds: bool


class OffsiteRepository(Repository):
	"""The second repository of a store, to be read: that needs no lock, and writes nothing."""

	is_offsite = True

	def __init__(self, where: Where, store: str, key: str):
		"""store: its name. Raises AgentError for a folder that is not there."""
		super().__init__(place_of(where, store), key)

	def _do(self, words: list[str], checkpoint: Callable[[], None], **options) -> None:
		try:
			super()._do(words, checkpoint, **options)
		except TransientError:
			raise
		except AgentError as error:
			if any(word in str(error) for word in PASSING):
				raise TransientError(str(error), "It is tried again by itself.") from None
			raise

	def _watch(self, process: Running, checkpoint: Callable[[], None]) -> Callable[[], None]:
		said, first, last = "", 0.0, float("-inf")

		def look() -> None:
			nonlocal said, first, last
			checkpoint()
			if process.said != said and TROUBLE in process.said:
				said, now = process.said, time.monotonic()
				first = now if now - last > CALM else first
				last = now
				if now - first > LONGEST_TROUBLE:
					line = said.strip().rpartition("\n")[2]
					raise TransientError(f"The offsite store does not answer as it should: {line}")

		return look


class OffsiteStore(OffsiteRepository):
	"""The same, to be copied to and thinned out. One process at a time has it: use it as a context manager."""

	def __init__(self, where: Where, store: Path, key: str):
		"""store: the path of the store on the bench's machine, which need not be there. Raises AgentError for a folder that is not there."""
		super().__init__(where, store.name, key)
		self._only_adds = where["only_adds"]
		self._lock = FileLock(f"{store}.offsite.lock")
		self._note = Path(f"{store}.offsite.begun")

	def __enter__(self) -> "OffsiteStore":
		self._note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
		try:
			self._lock.acquire(timeout=LOCK_SECONDS)
		except Timeout:
			raise TransientError(
				f"Something else is being done with the offsite copy of {self._note.name.split('.')[0]}."
			) from None
		return self

	def __exit__(self, *_exc) -> None:
		self._lock.release()

	# -- copying ---------------------------------------------------------------------------------------------------

	def take_over(self, near: Store, backups: list[str], checkpoint: Callable[[], None]) -> list[str]:
		"""Copy these backups of the near store, those of them that it has and that are not here; returns the ones that are here then.

		Each stays that has arrived whole.
		"""
		self._unlock()
		self._clear_up(checkpoint)
		before = self._begin()
		if not self.exists:
			self._do(
				["init", "--copy-chunker-params", *self._from(near)], checkpoint, secrets=near.as_source()
			)
		with near:
			there = near.whole(checkpoint)
		here = self.whole(checkpoint)
		for backup in backups:
			if backup in there and backup not in here:
				self._copy(near, there[backup], checkpoint)
		arrived = self.whole(checkpoint)
		self._compare(arrived, there, backups)
		self._verify(self._names() - before, checkpoint)
		self._note.unlink(missing_ok=True)
		return [backup for backup in backups if backup in arrived]

	def _copy(self, near: Store, parts: dict[str, Part], checkpoint: Callable[[], None]) -> None:
		# the near store is not locked meanwhile: backups go on there. What is copied is whole, and stays as it is
		ids = [part.id for part in parts.values()]
		self._do(["copy", "--no-lock", *self._from(near), *ids], checkpoint, secrets=near.as_source())

	def _compare(self, arrived: dict, there: dict, backups: list[str]) -> None:
		for backup in backups:
			for kind, part in arrived.get(backup, {}).items():
				if backup in there and part.tree != there[backup][kind].tree:
					raise AgentError(f"The {kind} of the backup {backup} arrived as something else offsite.")

	def _from(self, near: Store) -> list[str]:
		return ["--from-repo", near.place.url]

	def _begin(self) -> set[str]:
		"""Note what is there before something is added; returns that. A note that is there tells of a copy that was broken off: it holds on."""
		if not self._note.exists():
			site_config.write_json(self._note, {"place": self.place.url, "files": sorted(self._names())})
		return set(json.loads(self._note.read_text())["files"])

	def _clear_up(self, checkpoint: Callable[[], None]) -> None:
		"""After a copy that was broken off: take away what is damaged, and have the rest known, so that it is not sent again."""
		if not self._note.exists():
			return
		noted = json.loads(self._note.read_text())
		if noted["place"] != self.place.url:
			self._note.unlink()  # copies go elsewhere now
			return
		self.place.abort_uploads()
		for name in self._names() - set(noted["files"]):
			checkpoint()
			if not self._is_as_written(name):
				self.place.remove(name)
		if self.exists and not self._only_adds:
			self._do(["rebuild-index"], checkpoint)

	def _unlock(self) -> None:
		"""Take away the locks of processes that are gone: we have it alone."""
		for name in self.place.sizes():
			if name.startswith(f"{LOCKS}/"):
				self.place.remove(name)

	# -- removing --------------------------------------------------------------------------------------------------

	def forget(self, backups: list[str], checkpoint: Callable[[], None]) -> list[str]:
		"""As the near store's. Raises AgentError where nothing may be removed."""
		if self._only_adds:
			raise AgentError(
				"Nothing is removed offsite, as SaaS Settings say.", "Let the bucket's own rules remove it."
			)
		parts = [part for part in self.parts(checkpoint) if part.backup in backups]
		if parts:
			self._unlock()
			ids = [part.id for part in parts]
			self._do(["forget", "--prune", "--max-unused", UNUSED, *ids], checkpoint)
		return sorted({part.backup for part in parts})

	def check(self, share: str, checkpoint: Callable[[], None]) -> None:
		"""As the near store's."""
		self._unlock()
		super().check(share, checkpoint)


def place_of(where: Where, store: str) -> Place:
	"""The place of a store there. Raises AgentError for a folder that is not there, as when its disk is not mounted."""
	if where["kind"] == "S3":
		return S3Place(bucket_of(where), store)
	folder = Path(where["folder"])
	if not folder.is_dir():
		raise AgentError(
			f"There is no folder {folder} on the bench's machine.",
			"Mount its disk, or name another folder in SaaS Settings.",
		)
	return FolderPlace(folder / store)


def bucket_of(where: Where) -> Bucket:
	"""The bucket that is meant."""
	fields = ("endpoint", "region", "bucket", "prefix", "access_key", "secret_key", "only_adds")
	return Bucket(**{name: where[name] for name in fields})


def probe(where: Where) -> None:
	"""Write, read and delete something there. Raises AgentError with a sentence that says what does not work."""
	name = secrets.token_hex(16)
	if where["kind"] == "S3":
		s3.probe(bucket_of(where), name)
		return
	place_of(where, name)
	path = Path(where["folder"]) / f".probe-{name}"
	try:
		path.write_text(name)
		if path.read_text() != name:
			raise AgentError(f"{where['folder']} gives back something else than was written there.")
		path.unlink()
	except OSError as error:
		raise AgentError(
			f"The bench's user cannot write, read and delete in {where['folder']}: {error.strerror}.",
			"Give the folder to that user, free its disk, or name another one.",
		) from None


def remove(where: Where, store: Path) -> None:
	"""Remove the offsite copy of a store, for which no key is needed. Repeatable."""
	place_of(where, store.name).remove_all()
	for end in ("offsite.begun", "offsite.lock"):
		Path(f"{store}.{end}").unlink(missing_ok=True)
