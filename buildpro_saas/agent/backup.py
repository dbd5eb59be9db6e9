"""A backup of a site: its database and files at one moment, as they lie in the tenant's store, and out of there again.

The database is a stream of SQL whose last line is ours: what it must hold, how long it is, and its SHA-256. So a backup says of itself
whether it is whole, also where all records are lost.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from buildpro_saas.agent import backup_end
from buildpro_saas.agent.backup_facts import About, Taken
from buildpro_saas.agent.backup_store import Store
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_dump import Dump, dumping
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import HIDDEN, MARK, OF_DATABASE, SERVER_KEYS
from buildpro_saas.agent.linked_files import LinkedFiles
from buildpro_saas.agent.repository import DATABASE, FILES, STREAM, Part, Repository
from buildpro_saas.agent.site import FILES as PARTS_OF_SITE
from buildpro_saas.agent.site import Site
from buildpro_saas.agent.store_place import digest_of

UNDER_WAY = f"{HIDDEN}/backups"  # below sites/: the files of a site as they are taken
# Of site_config.json, what belongs to the data: without the key, what was encrypted cannot be read.
OF_DATA = ("encryption_key",)
# Of an admin site's, what does not belong to it: where its database was, and what was done to the site at that moment.
OF_MOMENT = ("maintenance_mode", "allow_reads_during_maintenance", "pause_scheduler")
NOT_OF_ADMIN_SITE = ({*OF_DATABASE, *SERVER_KEYS, *OF_MOMENT, "db_type", MARK}) - {*OF_DATA}
MANIFEST, CONFIG, ABOUT = "manifest.json", "site_config.json", "about.json"
CHUNK = 1 << 20


class Backup:
	"""The backup of that id in a store. It is taken into a Store; it is fetched from wherever it lies."""

	def __init__(self, store: Store | Repository, id: str, checkpoint: Callable[[], None]):
		"""checkpoint: called again and again; may raise to stop."""
		self.store = store
		self.id = id
		self._checkpoint = checkpoint

	def take(
		self, bench: Bench, mariadb: DatabaseServer, site: Site, *, is_admin_site: bool = False
	) -> Taken:
		"""Take it of a site that is in use. Returns what it is. Where it fails, the store is as it was before, and the error says why.

		is_admin_site: the site's own configuration comes along, with the keys that sign statements.
		"""
		links = LinkedFiles(site, bench.sites_path / UNDER_WAY / site.name)
		before = self.store.size()
		try:
			links.make(self._checkpoint)
			with self.store.writing(self._checkpoint):
				about = self._add(bench, mariadb, site, links, is_admin_site)
		finally:
			links.remove()
		return Taken(about, size=about.manifest.size + site.files_size(), added=self.store.size() - before)

	def _add(
		self, bench: Bench, mariadb: DatabaseServer, site: Site, links: LinkedFiles, is_admin_site: bool
	) -> About:
		with (
			dumping(mariadb, site.config_in_place()["db_name"], links.add) as dump,
			self.store.files(self.id, links.folder) as files,
			self.store.stream(self.id) as stream,
		):
			digest, length = hashlib.sha256(), 0
			for block in dump.blocks(self._checkpoint):
				digest.update(block)
				length += len(block)
				_give(stream, block)
			kept = _of_admin_site if is_admin_site else _of_data
			config = kept(site.config_in_place())
			about = _about_site(bench, site, config, dump, length, digest.hexdigest())
			_give(stream, backup_end.line_of(about))
			stream.process.stdin.close()
			stream.finish(self._checkpoint)
			files.finish(self._checkpoint)
		return about

	def fetch(self, target: Path) -> About:
		"""Write it into a folder that is not there yet; returns what it is. The folder appears once all is in it, and proven to be whole.

		In it: database.sql, public/, private/, manifest.json (facts.Manifest), site_config.json (what of it belongs to the data) and
		about.json. Raises AgentError where the store has no such backup, or another than was written.
		"""
		parts = self._parts()
		if target.exists():
			raise AgentError(f"{target} is there already.", "Name a folder that is not there yet.")
		draft = target.with_name(f".{target.name}.draft")
		shutil.rmtree(draft, ignore_errors=True)
		draft.mkdir(mode=0o700, parents=True)
		try:
			about = self._fetch_database(parts[DATABASE], draft)
			self._fetch_files(parts[FILES], draft)
			for name, content in (
				(MANIFEST, asdict(about.manifest)),
				(CONFIG, about.config),
				(ABOUT, asdict(about)),
			):
				_write(draft / name, content)
			os.rename(draft, target)
		finally:
			shutil.rmtree(draft, ignore_errors=True)
		return about

	def read(self) -> Taken:
		"""Read its database to the end where it lies; returns what the backup is. Nothing is written. Raises AgentError as `fetch` does."""
		parts, follower = self._parts(), backup_end.Follower()
		with self.store.reading(parts[DATABASE]) as stream:
			while block := stream.process.stdout.read1(CHUNK):
				follower.take(block)
				self._checkpoint()
			stream.finish(self._checkpoint)
		about = follower.end(self.id)
		files = self.store.restored_size(parts[FILES], self._checkpoint)
		return Taken(about, size=about.manifest.size + files, added=0)

	def _parts(self) -> dict[str, Part]:
		parts = self.store.whole(self._checkpoint).get(self.id)
		if not parts:
			raise AgentError(
				f"The store has no whole backup {self.id}.", "See which there are with `saas backups`."
			)
		return parts

	def _fetch_database(self, part: Part, draft: Path) -> About:
		path = draft / STREAM
		with open(path, "wb", opener=_for_owner) as file, self.store.reading(part) as stream:
			while block := stream.process.stdout.read1(CHUNK):
				file.write(block)
				self._checkpoint()
			stream.finish(self._checkpoint)
		about, length = _cut_last_line(path)
		with path.open("rb") as file:
			digest = digest_of(file)
		backup_end.check(about, length, digest, self.id)
		return about

	def _fetch_files(self, part: Part, draft: Path) -> None:
		restored = self.store.restore(part, draft / "restored", self._checkpoint)
		for name in PARTS_OF_SITE:
			os.rename(restored / name, draft / name)
		shutil.rmtree(draft / "restored")


def _of_data(config: dict) -> dict:
	return {key: config[key] for key in OF_DATA if key in config}


def _of_admin_site(config: dict) -> dict:
	return {key: value for key, value in config.items() if key not in NOT_OF_ADMIN_SITE}


def _about_site(bench: Bench, site: Site, config: dict, dump: Dump, length: int, digest: str) -> About:
	return About(
		site=site.name,
		database=site.config_in_place()["db_name"],
		manifest=dump.manifest(),
		config=config,
		apps=[bench.app(name) for name in bench.app_names()],
		dump_size=length,
		dump_sha256=digest,
		log=dump.log(),
	)


def _give(stream, block: bytes) -> None:
	"""Pass a block on to restic. Raises AgentError, with what it said, where it has ended."""
	try:
		stream.process.stdin.write(block)
		stream.process.stdin.flush()
	except BrokenPipeError:
		raise AgentError(
			stream.fault(stream.wait(lambda: None)),
			"See what it says of the disk of the backups, then press Retry.",
		) from None


def _cut_last_line(path: Path) -> tuple[About, int]:
	"""Take our last line off the end of a file; returns what it says, and the bytes that are left."""
	with path.open("r+b") as file:
		size = file.seek(0, os.SEEK_END)
		start = max(size - backup_end.LONGEST, 0)
		file.seek(start)
		tail = file.read()
		at = max(tail.rfind(backup_end.BEGINS), 0)
		about = backup_end.parsed(tail[at:])
		file.truncate(start + at)
	return about, start + at


def _for_owner(path: str, flags: int) -> int:
	return os.open(path, flags, 0o600)


def _write(path: Path, content: dict) -> None:
	with open(path, "w", opener=_for_owner) as file:
		json.dump(content, file, indent=1, sort_keys=True)
