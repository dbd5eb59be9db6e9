"""A shadow: a second database of a site, with a folder of files, in which something is done and checked before it takes the site's place.

It is kept as a standby site is: a folder out of everybody's sight, named by its database. `Swap` exchanges that folder for the site's. What
was the site is the shadow then, and the swap is taken back the same way. Until the swap nothing touches the site.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from buildpro_saas.agent import hold, manifest, program, site_config, site_use
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_connection import Account
from buildpro_saas.agent.database_copy import DatabaseCopy, contents_of
from buildpro_saas.agent.databases import DatabaseServer, server
from buildpro_saas.agent.errors import (
	NOT_LET_IN_CODES,
	AgentError,
	NotOursError,
	TransientError,
	mariadb_code,
)
from buildpro_saas.agent.exchange import exchange
from buildpro_saas.agent.facts import (
	FINISHED,
	HELD,
	HELD_BY,
	MARK,
	OF_DATABASE,
	OF_SHADOW,
	USER_LOST,
	Manifest,
)
from buildpro_saas.agent.hold import let_go
from buildpro_saas.agent.site import BACKUPS, Site
from buildpro_saas.agent.table_locks import locked

# In a shadow's site_config.json: keys that its site is to have once it is swapped in (facts.Migrated.config).
CHANGED = "buildpro_changed"
# Below the site's folder: what is neither the database's nor the files', and goes on in the new one.
GOES_ON = ("logs", BACKUPS)
ENTITLEMENT = "entitlement"  # its file, and its lock (tenant_site/entitlement_in_force.py)
LOCK_TIMEOUT = 30  # seconds; who holds it writes for milliseconds
DRAIN = 0.5  # seconds that requests have to end by themselves before a swap
FORGET = "buildpro_saas.agent.installer.forget"
PAUSE = 0.02  # seconds between two looks at them
# A disk that can do it shares the blocks. A folder of files may be a link to a larger disk: the copy has them, not the link.
COPY = ("cp", "--archive", "-H", "--reflink=auto")


class Shadow:
	"""The shadow with that database, whether it exists yet or not. All of it carries the mark of the job that makes it."""

	def __init__(self, bench: Bench, mariadb: DatabaseServer, database: str, mark: str):
		self.bench = bench
		self.mariadb = mariadb
		self.database = database
		self.mark = mark
		self.folder = bench.shadow(database)

	def make(self, config: dict, password: str) -> None:
		"""Make its folder, with this site_config.json and no files, its empty database and its database user. Repeatable."""
		self.folder.make_folder(config, self.mark)
		self.mariadb.create(self.database, password, self.mark)

	def drop(self) -> None:
		"""Remove its folder, database and database user, as far as they carry the mark. Repeatable."""
		if not self.folder.exists() or self.folder.mark == self.mark:
			self.folder.remove_folder(self.mark)
		if self.mariadb.mark_of(self.database) == self.mark:
			self.mariadb.drop(self.database, self.mark)

	def copy_database(self, site: Site, checkpoint: Callable[[], None]) -> Manifest:
		"""Fill the empty database with that of a site that is in use, as it is at one moment; returns what it then held.

		Meanwhile people read there, and who writes waits. `checkpoint` may raise to stop. Raises TransientError where a
		transaction there does not end.
		"""
		source = site.config_in_place()["db_name"]
		tables = contents_of(self.mariadb, source).tables
		with locked(self.mariadb, source, tables) as connection:
			contents = contents_of(self.mariadb, source)  # what is there now that nobody writes
			if contents.tables != tables:
				raise TransientError(f"Tables of {source} came or went as they were to be copied.")
			DatabaseCopy(self.mariadb, source, self.database, contents).run(checkpoint)
			return manifest.take(self.mariadb, source, connection)

	def copy_files(self, site: Site, checkpoint: Callable[[], None]) -> None:
		"""Copy the site's files. Its backups are none of them."""
		for source in site.files():
			target = self.folder.path / source.relative_to(site.path).parent
			target.mkdir(exist_ok=True)
			with program.running([*COPY, os.fspath(source), os.fspath(target)]) as copying:
				copying.finish(checkpoint)

	def check(self, held: Manifest) -> None:
		"""Raise AgentError, with what differs, unless the shadow's database holds just that."""
		if told := manifest.differences(held, manifest.take(self.mariadb, self.database)):
			raise AgentError(
				f"The copy {self.database} is not what the site was. {' '.join(told)}",
				"Nothing of the site is changed.",
			)

	def check_is_no_site(self) -> None:
		"""Raise NotOursError where a site of the bench has this database."""
		for name in self.bench.site_names():
			if site_config.read(self.bench.sites_path / name).get("db_name") == self.database:
				raise NotOursError(
					f"The database {self.database} is that of the site {name}.", "See `saas drift`."
				)

	def size(self) -> int:
		"""Bytes that its database and its files take."""
		return self.mariadb.size_of(self.database) + self.folder.files_size()


class Swap:
	"""Puts a shadow in a site's place. Each step looks where things are, so that one that was interrupted is gone on with."""

	def __init__(self, shadow: Shadow, site: Site, database: str, mark: str):
		"""database, mark: of what is the site now, and is the shadow afterwards."""
		self.shadow = shadow
		self.site = site
		self.old = Shadow(shadow.bench, shadow.mariadb, database, mark)

	def run(self) -> float:
		"""Swap; returns for how many seconds the site was not to be reached. Repeatable.

		Raises NotOursError where site or shadow is another than was said, and nothing has changed.
		"""
		if self.old.database == self.shadow.database:
			raise NotOursError(
				f"The shadow {self.shadow.database} is the site {self.site.name} already.",
				"See `saas drift`.",
			)
		seconds = 0.0
		if self.site.config_in_place()["db_name"] != self.shadow.database:
			self._check()
			self._prepare()
			seconds = self._exchange()
		self._set_aside()
		return seconds

	def _check(self) -> None:
		config = self.site.config
		if (config["db_name"], config.get(MARK)) != (self.old.database, self.old.mark):
			raise NotOursError(
				f"The site {self.site.name} is another than the records say.", "See `saas drift`."
			)
		self.shadow.folder.only_with_mark(self.shadow.mark)
		for each in (self.old, self.shadow):
			if each.mariadb.mark_of(each.database) != each.mark:
				raise NotOursError(
					f"The database {each.database} is another than the records say.", "See `saas drift`."
				)

	def _prepare(self) -> None:
		"""What can be done to the shadow while the site is in use."""
		self.shadow.mariadb.let_in(self.shadow.database, self.shadow.mark)
		if self.site.config.get(FINISHED):
			site_use.note_finished(self.shadow.mariadb, self.shadow.database)
		self.shadow.folder.call(FORGET)

	def _exchange(self) -> float:
		began = time.monotonic()
		hold.close(self.site)
		try:
			with self._locks(), as_user(self.shadow.mariadb.account, self.site.config) as connected:
				end_others(connected, DRAIN)
				self._take_along()
				exchange(self.site.path, self.shadow.folder.path)
		except BaseException:
			let_go(self.site)
			raise
		return time.monotonic() - began

	@contextmanager
	def _locks(self) -> Iterator[None]:
		"""Keep out who writes site_config.json, or brings a statement, while the folders are exchanged."""
		locks = self.site.path / "locks"
		with (
			FileLock(locks / f"{ENTITLEMENT}.lock", timeout=LOCK_TIMEOUT),
			FileLock(locks / "site_config.lock", timeout=LOCK_TIMEOUT),
		):
			yield

	def _take_along(self) -> None:
		"""Give the shadow what is the site's own: its statement, its site_config.json, and its logs and backups as the same files."""
		site, shadow = self.site.path, self.shadow.folder.path
		statement = site / f"{ENTITLEMENT}.json"
		if statement.exists():
			shutil.copy2(statement, shadow / statement.name)
		for part in GOES_ON:
			_link_tree(site / part, shadow / part)
		own = {key: value for key, value in self.shadow.folder.config.items() if key in OF_DATABASE}
		aside = {*own, HELD, HELD_BY}
		config = {key: value for key, value in self.site.config.items() if key not in aside}
		config |= self.site.config[HELD] | (self.shadow.folder.config.get(CHANGED) or {})
		site_config.write(shadow, {key: value for key, value in (config | own).items() if value is not None})

	def _set_aside(self) -> None:
		"""Keep what was the site as it was: under the name of its database, and nobody writes there any more."""
		if self.shadow.folder.config.get("db_name") == self.old.database:
			os.rename(self.shadow.folder.path, self.old.folder.path)
		mariadb, config = self.old.mariadb, self.old.folder.config
		mariadb.let_in(self.old.database, self.old.mark)  # for its last connections to be ended
		with as_user(mariadb.account, config) as connected:
			mariadb.shut_out(self.old.database, self.old.mark)
			end_others(connected, 0)
		let_go(self.old.folder)


def lend_config(folder: Site, site: Site) -> None:
	"""Give a shadow's folder the site's own configuration and statement, as apps' code expects them. It sends no mail, and nobody comes in."""
	own = folder.config
	lent = {key: value for key, value in site.config.items() if key not in (*OF_SHADOW, HELD, HELD_BY)}
	folder.update_config({**lent, **{key: own[key] for key in OF_SHADOW if key in own}, "mute_emails": 1})
	statement = site.path / f"{ENTITLEMENT}.json"
	if statement.exists():
		shutil.copy2(statement, folder.path / statement.name)


@contextmanager
def as_user(of_bench: Account, config: dict) -> Iterator[DatabaseServer]:
	"""A connection as the site's own user, who alone sees and may end what he has open, but for this bench's account.

	Raises AgentError where the server does not let him in.
	"""
	user = config.get("db_user") or config["db_name"]
	try:
		with server(Account(of_bench.host, of_bench.port, user, config["db_password"])) as connected:
			yield connected
	except Exception as error:
		if mariadb_code(error) not in NOT_LET_IN_CODES:
			raise
		raise AgentError(f"MariaDB does not let in the site's database user {user}.", USER_LOST) from error


def end_connections(of_bench: Account, config: dict) -> None:
	"""End all that the site with this site_config.json has open on its database, and wait for it to be gone."""
	with as_user(of_bench, config) as connected:
		end_others(connected, 0)
		until = time.monotonic() + LOCK_TIMEOUT
		while _others(connected) and time.monotonic() < until:
			time.sleep(PAUSE)


def end_others(connected: DatabaseServer, seconds: float) -> None:
	"""Wait for so long until the user has no other connection, and end those that are left."""
	until = time.monotonic() + seconds
	while others := _others(connected):
		if time.monotonic() >= until:
			break
		time.sleep(PAUSE)
	for number in others:
		with suppress(connected.db.OperationalError, connected.db.InternalError):  # it has ended by itself
			connected.db.sql(f"kill connection {int(number)}")


def _others(connected: DatabaseServer) -> list[int]:
	rows = connected.db.sql(
		"select id from information_schema.processlist where id != connection_id() and user = %s",
		connected.account.user,
	)
	return [number for (number,) in rows]


def _link_tree(source: Path, target: Path) -> None:
	"""Have the files of a folder in another one, too: the same files, not copies. What is there already stays."""
	if not source.is_dir():
		return
	for path in [source, *sorted(source.rglob("*"))]:
		there = target / path.relative_to(source)
		if path.is_dir():
			there.mkdir(parents=True, exist_ok=True)
		elif path.is_file() and not there.exists():
			os.link(path, there)
