"""The bench's trash. What is removed by itself lies there for some days, and can be put back.

A folder is moved there, a database gets another name. Both keep the mark of the job that made them. Each entry has a folder of
its own with a note. The note is written before anything is moved, so an interrupted move is known. A database with views, triggers,
routines or events, which do not move with tables, keeps its name and loses its user.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.facts import DATABASE, FOLDER, HIDDEN, MARK, Entry, Folder
from buildpro_saas.agent.site import Site

RENAMED = "_trash_"  # how the names of databases begin that lie here
NOTE, CONTENT = "note.json", "content"
DAY = 86400
# The most time that counts between two looks. So a leap of the clock, or a bench that stood still, removes nothing at once.
LONGEST_LOOK = 3600  # seconds


class Trash:
	"""The trash of a bench; `mariadb`: its database server."""

	def __init__(self, bench: Bench, mariadb: DatabaseServer):
		self.bench, self.mariadb = bench, mariadb
		self.path = bench.sites_path / HIDDEN / "trash"

	def entries(self) -> list[Entry]:
		"""What lies here, the oldest first."""
		return sorted(self._entries(), key=lambda entry: (entry.removed_at, entry.name))

	def databases(self) -> set[str]:
		"""The names of databases in the trash. While a note cannot be read, all names that begin with RENAMED are among them."""
		entries = [entry for _name, entry in self._notes()]
		noted = {entry.database for entry in entries if entry and entry.kind == DATABASE and entry.database}
		if None in entries:
			noted |= {name for name in self.mariadb.names() if name.startswith(RENAMED)}
		return noted

	def unreadable(self) -> list[str]:
		"""The names of entries whose note cannot be read. They are left as they are: nobody knows what they were."""
		return sorted(name for name, entry in self._notes() if entry is None)

	def entry(self, name: str) -> Entry:
		"""The entry of that name. Raises AgentError when there is none."""
		for entry in self._entries():
			if entry.name == name:
				return entry
		if name in self.unreadable():
			raise AgentError(
				f"What {name} was is not known: its {NOTE} cannot be read.",
				f"Correct sites/{HIDDEN}/trash/{name}/{NOTE}, or put back the one of a backup.",
			)
		raise AgentError(
			f"There is nothing called {name!r} in the trash.", "`saas trash` lists what is there."
		)

	# -- in --------------------------------------------------------------------------------------------------------

	def put_folder(self, folder: Folder, mark: str) -> Entry | None:
		"""Move the folder here when it carries the mark, and remove its background jobs. None when it is gone already.

		Raises NotOursError for another mark, RedisError when Redis is away.
		"""
		path = self.bench.sites_path / folder.path
		if not os.path.lexists(path):
			return None
		# a draft may have lost its site_config.json: its name says the mark
		if site_config.read(path).get(MARK, mark if folder.tail else None) != mark:
			raise NotOursError(f"sites/{folder.path} was not made by this job and is left alone.")
		if not folder.tail:
			Site(self.bench.sites_path, folder.path).forget_jobs()
		entry = self._note(FOLDER, folder.path, mark, folder.database)
		os.rename(path, self.path / entry.name / CONTENT)
		return entry

	def put_database(self, name: str, mark: str) -> Entry | None:
		"""Give the database another name when it carries the mark. Returns None for one without tables: it is dropped.

		One that holds what cannot be moved keeps its name: nobody can sign in there any more. Raises NotOursError for another mark.
		"""
		if not self.mariadb.has_tables(name):
			self.mariadb.drop(name, mark)
			return None
		if self.mariadb.other_contents(name):
			self.mariadb.drop_user(name, mark)
			return self._in_place(name, mark) or self._note(DATABASE, name, mark, name)
		entry = self._note(DATABASE, name, mark, f"{RENAMED}{secrets.token_hex(8)}")
		self.mariadb.rename(name, entry.database, mark)
		return entry

	def _in_place(self, name: str, mark: str) -> Entry | None:
		of_it = (each for each in self._entries() if each.is_in_place and each.subject == name)
		return next((each for each in of_it if each.mark == mark), None)

	def _note(self, kind: str, subject: str, mark: str, database: str | None) -> Entry:
		now = datetime.now()
		entry = Entry(
			name=f"{now:%Y%m%d}-{subject.rpartition('/')[2].strip('.')}-{secrets.token_hex(3)}",
			kind=kind,
			subject=subject,
			mark=mark,
			database=database,
			removed_at=now.isoformat(sep=" ", timespec="seconds"),
			looked_at=time.time(),
		)
		(self.path / entry.name).mkdir(parents=True)
		self._write(entry)
		return entry

	# -- back ------------------------------------------------------------------------------------------------------

	def put_back(self, name: str, owner_of: Callable[[Entry], str]) -> list[Entry]:
		"""Put the entry back where it was, with the database or folder that belongs to it. Returns what was put back.

		owner_of: says whose the entry's place is by the records, such as "the tenant acme's, which is Active"; empty for nobody. Raises
		AgentError, before anything is moved, when one of the places is taken.
		"""
		wanted = self.with_its_other_half(self.entry(name))
		self._check_places_free(wanted, owner_of)
		# the database first: a site is seen as a whole or not at all
		for entry in sorted(wanted, key=lambda entry: entry.kind != DATABASE):
			folder = next((each for each in wanted if each.kind == FOLDER), None)
			if entry.kind == DATABASE:
				self._put_database_back(entry, folder)
			else:
				os.rename(self.path / entry.name / CONTENT, self.bench.sites_path / entry.subject)
			shutil.rmtree(self.path / entry.name)
		return wanted

	def with_its_other_half(self, entry: Entry) -> list[Entry]:
		"""The entry; and the database of its folder, or the folder of its database, where that is here, too."""
		database = entry.database if entry.kind == FOLDER else entry.subject
		other = DATABASE if entry.kind == FOLDER else FOLDER
		for each in self._entries():
			names = each.subject if each.kind == DATABASE else each.database
			if database and each.kind == other and names == database and each.mark == entry.mark:
				return [entry, each]
		return [entry]

	def _check_places_free(self, entries: list[Entry], owner_of: Callable[[Entry], str]) -> None:
		taken = {entry.subject: owner_of(entry) for entry in entries if self._is_place_taken(entry)}
		if not taken:
			return
		told = [
			f"{subject} cannot be put back. It is {owner}: leave it."
			if owner
			else f"{subject} cannot be put back: something of that name is in its place."
			for subject, owner in taken.items()
		]
		raise AgentError(" ".join(told), "" if any(taken.values()) else "Move that away first.")

	def _is_place_taken(self, entry: Entry) -> bool:
		if entry.kind == FOLDER:
			return os.path.lexists(self.bench.sites_path / entry.subject)
		if entry.is_in_place and self.mariadb.mark_of(entry.subject) == entry.mark:
			return self.mariadb.has_user(entry.subject)
		return self.mariadb.has_database(entry.subject) or self.mariadb.has_user(entry.subject)

	def _put_database_back(self, entry: Entry, folder: Entry | None) -> None:
		"""Rename it, and make its user with the password in the site's configuration. Where no site has that, there is no user."""
		if not entry.is_in_place:
			self.mariadb.rename(entry.database, entry.subject, entry.mark)
		for config in self._configs(folder):
			if config.get("db_name") == entry.subject and config.get("db_password"):
				self.mariadb.create(entry.subject, config["db_password"], entry.mark)
				return

	def _configs(self, folder: Entry | None) -> Iterator[dict]:
		if folder:
			yield _config(self.path / folder.name / CONTENT)
		for name in self.bench.site_names():
			yield _config(self.bench.site(name).path)

	# -- out -------------------------------------------------------------------------------------------------------

	def look(self, days: float) -> list[Entry]:
		"""Count the time that entries have been here. Remove for good, and return, those that have been here for `days`."""
		removed = []
		for entry in self.entries():
			passed = min(max(time.time() - entry.looked_at, 0), LONGEST_LOOK)
			entry = Entry(**{**asdict(entry), "age": entry.age + passed, "looked_at": time.time()})
			if self._is_empty(entry) or self._is_used_again(entry) or entry.age >= days * DAY:
				self.remove(entry)
				removed.append(entry)
			else:
				self._write(entry)
		return removed

	def remove(self, entry: Entry) -> None:
		"""Remove it for good; of a database that has kept its name, and is in use again, the note alone."""
		is_there = entry.kind == DATABASE and self.mariadb.mark_of(entry.database) == entry.mark
		if is_there and not self._is_used_again(entry):
			self.mariadb.drop(entry.database, entry.mark)
		shutil.rmtree(self.path / entry.name)

	def _is_empty(self, entry: Entry) -> bool:
		"""Whether its move never happened: there is a note, and nothing else."""
		if entry.kind == FOLDER:
			return not os.path.lexists(self.path / entry.name / CONTENT)
		return not self.mariadb.has_tables(entry.database)

	def _is_used_again(self, entry: Entry) -> bool:
		"""Whether somebody has made the user of a database that has kept its name, or a database of that name, anew."""
		if not entry.is_in_place:
			return False
		return self.mariadb.mark_of(entry.subject) != entry.mark or self.mariadb.has_user(entry.subject)

	# -- notes -----------------------------------------------------------------------------------------------------

	def _entries(self) -> Iterator[Entry]:
		return (entry for _name, entry in self._notes() if entry)

	def _notes(self) -> Iterator[tuple[str, Entry | None]]:
		"""(name, entry) of all that lies here. The entry is None where its note cannot be read: that must not hide the others."""
		for path in self.path.iterdir() if self.path.is_dir() else ():
			try:
				entry = Entry(**{**json.loads((path / NOTE).read_text()), "name": path.name})
			except FileNotFoundError:
				continue  # being made, or being removed
			except (OSError, ValueError, TypeError):  # a ValueError also where it is no text
				entry = None
			yield path.name, entry

	def _write(self, entry: Entry) -> None:
		site_config.write_json(self.path / entry.name / NOTE, asdict(entry))


def _config(folder: Path) -> dict:
	"""The site's configuration; {} for a damaged one, which must not keep others' things from being put back."""
	try:
		return site_config.read(folder)
	except site_config.DamagedConfigError:
		return {}
