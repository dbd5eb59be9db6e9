"""The way back of a migrate in place: every table of the site's database as it was, in a shadow without files.

Nothing is taken from Frappe's list of touched tables, which misses names with a lower-case word, new tables and truncated ones. The
database itself tells: for each table its rows, their checksum, its counter, and a digest of how it is made.

The copy is made while people work. Once nobody writes any more, what has changed meanwhile is copied again, and the shadow holds just
what the site does. To go back, the tables that differ are put in their places by one RENAME TABLE, which happens wholly or not at all.
"""

import hashlib
import re
import secrets
from collections.abc import Callable

from buildpro_saas.agent import manifest
from buildpro_saas.agent.database_connection import quoted
from buildpro_saas.agent.database_copy import SEQUENCE, DatabaseCopy, contents_of
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import HELD, HELD_BY, OF_SHADOW, Contents
from buildpro_saas.agent.shadow import Shadow, end_connections
from buildpro_saas.agent.site import Site
from buildpro_saas.agent.table_locks import locked

NOTE = "buildpro_way_back"  # in the shadow's site_config.json: {"tables", "sequences", "config"} of the site
FORGET = "buildpro_saas.agent.installer.forget"
COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
# What a database may have beside tables and sequences: how to find it, and how it is dropped.
OTHERS = {
	"trigger": "select trigger_name from information_schema.triggers where trigger_schema = %s",
	"view": "select table_name from information_schema.views where table_schema = %s",
	"event": "select event_name from information_schema.events where event_schema = %s",
	"procedure": "select routine_name from information_schema.routines where routine_type = 'PROCEDURE' and routine_schema = %s",
	"function": "select routine_name from information_schema.routines where routine_type = 'FUNCTION' and routine_schema = %s",
}

Facts = dict[str, list]  # {table: [rows, checksum, digest, counter]}; [] for a table that cannot be read


class WayBack:
	"""The way back of a site, in a shadow."""

	def __init__(self, shadow: Shadow, site: Site):
		self.shadow, self.site = shadow, site
		self.mariadb: DatabaseServer = shadow.mariadb
		self.source = site.config_in_place()["db_name"]
		self.target = shadow.database

	def copy_ahead(self, config: dict, password: str, checkpoint: Callable[[], None]) -> None:
		"""Make the shadow anew, and copy the site's tables into it while people work: nobody waits, and it is of no one moment.

		config, password: as Shadow.make takes them. checkpoint may raise to stop. Raises AgentError where the database has what could not be
		put back, such as triggers.
		"""
		contents = contents_of(self.mariadb, self.source)  # which refuses views
		if there := self._others(self.source):
			raise AgentError(
				f"The database {self.source} has a {there[0][0]} {there[0][1]}, which a migrate in place could not put back.",
				"Remove it, or make room for a whole copy.",
			)
		self.shadow.drop()
		self.shadow.make(config, password)
		DatabaseCopy(self.mariadb, self.source, self.target, contents, is_in_use=True).run(checkpoint)

	def complete(self, checkpoint: Callable[[], None]) -> int:
		"""Copy again what has changed since, and note what the site holds; returns of how many tables. Nobody works there.

		Raises AgentError where the shadow is then another than the site.
		"""
		contents = contents_of(self.mariadb, self.source)
		with locked(self.mariadb, self.source, contents.tables) as connection:
			held = self._facts(self.source, connection)
			if crashed := [table for table, facts in held.items() if not facts]:
				raise AgentError(
					f"MariaDB cannot read {', '.join(crashed[:5])} of {self.source} to the end.",
					"`repair table` mends a crashed one. Then press Retry.",
				)
			there = self._facts(self.target)
			stale = [table for table in held if held[table][:3] != there.get(table, [])[:3]]
			self._drop("table", [*(set(stale) & there.keys()), *(there.keys() - held.keys())])
			self._drop("sequence", list(contents_of(self.mariadb, self.target).sequences))
			filled = [table for table in stale if table in contents.filled]
			again = Contents(stale, filled, contents.sequences, 0)
			DatabaseCopy(self.mariadb, self.source, self.target, again).run(checkpoint)
			self._set_counters({table: each[3] for table, each in held.items()})
			# the others were the same before
			made = self._facts(self.target, only=stale)
			if made != {table: held[table] for table in stale} or set(self._names(self.target)) != {
				*held,
				*contents.sequences,
			}:
				raise AgentError(
					f"The copy of {self.source}, with which its migrate could be taken back, is not what the site is.",
					"Nothing of the site is changed. Press Retry.",
				)
		note = {"tables": held, "sequences": contents.sequences, "config": self.site.config}
		self.shadow.folder.update_config({NOTE: note})
		return len(stale)

	def altered(self) -> list[str]:
		"""Names of the tables that are defined otherwise than they were, that are new, and that are gone, sorted. Their rows are not read."""
		was = self._note()["tables"]
		with self.mariadb.connections(1) as (connection,), connection.cursor() as cursor:
			names = self._counters(cursor, self.source)
			other = [
				name
				for name in was.keys() & names.keys()
				if self._definition(cursor, self.source, name) != was[name][2]
			]
		return sorted({*other, *(was.keys() ^ names.keys())})

	def put_back(self) -> list[str]:
		"""Make the site's database, and its site_config.json, what they were; returns the names of what differed. Repeatable.

		Raises AgentError where a table differs that is not in the shadow, before anything is changed.
		"""
		note = self._note()
		end_connections(self.mariadb.account, self.site.config)
		for kind, name in self._others(self.source):
			self._drop(kind, [name], self.source)
		back, gone = self._differing(note), self._new(note)
		if lost := sorted(set(back) - set(self._names(self.target))):
			raise AgentError(
				f"{', '.join(lost[:5])} of {self.site.name} cannot be put back: the copy {self.target} has it no more.",
				"Restore the site from its last backup.",
			)
		if back or gone:
			self._exchange(back, gone)
		self._put_config_back(note["config"])
		self.site.call(FORGET)
		if left := self._differing(note) + self._new(note):
			raise AgentError(
				f"{', '.join(left[:5])} of {self.site.name} is not what it was.", "Restore the site."
			)
		return sorted({*back, *gone})

	# -- what differs ----------------------------------------------------------------------------------------------

	def _note(self) -> dict:
		note = self.shadow.folder.config.get(NOTE)
		if not note or self.shadow.folder.mark != self.shadow.mark:
			raise AgentError(
				f"There is no complete way back in {self.target}.", "Restore the site from its last backup."
			)
		return note

	def _differing(self, note: dict) -> list[str]:
		"""What was there and is gone, or is another now."""
		now, sequences = self._facts(self.source), self._sequences()
		tables = [table for table, facts in note["tables"].items() if now.get(table) != facts]
		return tables + [name for name, state in note["sequences"].items() if sequences.get(name) != state]

	def _new(self, note: dict) -> list[str]:
		return [name for name in self._names(self.source) if name not in note["tables"] | note["sequences"]]

	def _facts(self, database: str, connection=None, only: list[str] | None = None) -> Facts:
		"""only: of these tables; None for all."""
		if connection is None:
			with self.mariadb.connections(1) as (own,):
				return self._facts(database, own, only)
		with connection.cursor() as cursor:
			counters = self._counters(cursor, database)
			wanted = sorted(counters.keys() & set(only) if only is not None else counters)
			return {table: self._of_table(cursor, database, table, counters[table]) for table in wanted}

	def _counters(self, cursor, database: str) -> dict[str, int | None]:
		cursor.execute(
			"select table_name, auto_increment from information_schema.tables"
			" where table_schema = %s and table_type = 'BASE TABLE'",
			(database,),
		)
		return {name: number and int(number) for name, number in cursor.fetchall()}

	def _of_table(self, cursor, database: str, table: str, counter: int | None) -> list:
		try:
			counted = manifest.counted(cursor, {table: database})[table]
		except (AgentError, self.mariadb.db.InternalError, self.mariadb.db.OperationalError):
			return []  # a crashed one differs from all others
		return [*counted, self._definition(cursor, database, table), counter]

	def _definition(self, cursor, database: str, table: str) -> str:
		cursor.execute(f"show create table {quoted(database, table)}")
		made = COUNTER.sub("", cursor.fetchone()[1])
		return hashlib.sha256(made.encode()).hexdigest()[:16]

	def _names(self, database: str) -> list[str]:
		rows = self.mariadb.db.sql(
			"select table_name from information_schema.tables where table_schema = %s and table_type in ('BASE TABLE', 'SEQUENCE')",
			database,
		)
		return [name for (name,) in rows]

	def _sequences(self) -> dict[str, list[int]]:
		rows = self.mariadb.db.sql(
			"select table_name from information_schema.tables where table_schema = %s and table_type = 'SEQUENCE'",
			self.source,
		)
		return {
			name: list(self.mariadb.db.sql(f"select {SEQUENCE} from {quoted(self.source, name)}")[0])
			for (name,) in rows
		}

	def _others(self, database: str) -> list[tuple[str, str]]:
		return [
			(kind, name) for kind, asked in OTHERS.items() for (name,) in self.mariadb.db.sql(asked, database)
		]

	# -- changing --------------------------------------------------------------------------------------------------

	def _exchange(self, back: list[str], gone: list[str]) -> None:
		"""Put these tables in their places, and what is there aside, by one statement."""
		there, aside = set(self._names(self.source)), f"__{secrets.token_hex(6)}"
		away = [name for name in [*back, *gone] if name in there]
		moves = [
			f"{quoted(self.source, name)} to {quoted(self.target, f'{aside}_{at}')}"
			for at, name in enumerate(away)
		]
		moves += [f"{quoted(self.target, name)} to {quoted(self.source, name)}" for name in back]
		self.mariadb.db.sql(f"rename table {', '.join(moves)}")

	def _put_config_back(self, was: dict) -> None:
		now = self.site.config
		kept = {*OF_SHADOW, HELD, HELD_BY}
		changed = {
			key: was.get(key)
			for key in was.keys() | now.keys()
			if was.get(key) != now.get(key) and key not in kept and not key.startswith("buildpro_")
		}
		if changed:
			self.site.update_config(changed)

	def _set_counters(self, counters: dict[str, int | None]) -> None:
		for table, number in counters.items():
			if number:
				self.mariadb.db.sql(
					f"alter table {quoted(self.target, table)} auto_increment = {int(number)}"
				)

	def _drop(self, kind: str, names: list[str], database: str | None = None) -> None:
		for name in names:
			self.mariadb.db.sql(f"drop {kind} {quoted(database or self.target, name)}")
