"""A tenant's site of which the folder or the database is lost: what is left of it, whose that is, and its way to the trash.

What is left is taken only where it says itself that it is the tenant's: the folder by its site_config.json, the database by its mark.
"""

import re
from dataclasses import dataclass

from buildpro_saas.agent.actual_state import folders
from buildpro_saas.agent.backup_folder import TENANT
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_connection import check_name
from buildpro_saas.agent.databases import DatabaseServer, lets_in
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import MARK, Entry, Remains
from buildpro_saas.agent.trash import Trash

# A name that Frappe gives: no person would choose it for a user of his own.
OF_FRAPPE = re.compile(r"_[0-9a-f]{16}")
UNCONFIGURED = "Put back its site_config.json, from a backup: the site's data is untouched."


@dataclass(frozen=True)
class LostSite:
	"""The site of a tenant as its record names it, on a bench. Nothing is taken of a site that is whole."""

	bench: Bench
	mariadb: DatabaseServer
	site: str
	database: str
	tenant: str
	prefix: str  # how marks of this admin site begin

	def look(self) -> Remains:
		"""What is lost, what is left, and what has its names and is somebody else's.

		Raises AgentError where the site is not lost, though it may not answer: it was moved, its site_config.json is lost or damaged, or says
		something else than the records.
		"""
		check_name(self.database)
		config, mark = self._config(), self.mariadb.mark_of(self.database)
		if not config:
			self._check_not_elsewhere()
		is_ours, has_user = self._is_ours(mark, config), self.mariadb.has_user(self.database)
		lost, left_alone, is_name_taken = [], [], False
		if not config:
			lost.append(f"its folder sites/{self.site}")
			if is_name_taken := self.bench.site(self.site).exists():
				left_alone.append(f"sites/{self.site}, which is not the tenant's")
		# where the folder is there, the database that it names is the site's: one that was restored by hand has no mark
		if not self.mariadb.has_tables(self.database) or not (config or is_ours):
			lost.append(f"its database {self.database}")
		if mark is not None and not is_ours:
			left_alone.append(f"the database {self.database}, which does not carry the site's mark")
		elif mark is None and has_user and not self._is_our_user(config):
			left_alone.append(f"the database user {self.database}, who may be anybody's")
		return Remains(
			lost=lost,
			left_alone=left_alone,
			mark=config.get(MARK),
			database_mark=mark if is_ours else None,
			has_user=mark is None and has_user and self._is_our_user(config),
			is_name_taken=is_name_taken,
			unmovable=self.mariadb.other_contents(self.database) if is_ours else "",
			is_shut_out=not lost and self._is_shut_out(config),
		)

	def _is_shut_out(self, config: dict) -> bool:
		"""Whether the server does not let in the user that site_config.json names. One with another name than the database is not ours."""
		password, user = config.get("db_password"), config.get("db_user") or self.database
		if not password or user != self.database:
			return False
		return not lets_in(self.mariadb.account, self.database, password)

	def let_user_in(self) -> bool:
		"""Make the database user again as site_config.json has him, where nothing else is lost; returns whether he was lost. Repeatable.

		Raises AgentError where that does not help, NotOursError where the database does not carry the site's mark.
		"""
		if not self.look().is_shut_out:
			return False
		config = self._config()
		self.mariadb.create(self.database, config["db_password"], config[MARK])
		self.mariadb.let_in(self.database, config[MARK])
		if self._is_shut_out(config):
			raise AgentError(
				f"MariaDB does not let in its user {self.database}, though he was made anew.",
				"See in MariaDB's `mysql.user` from which hosts he may come.",
			)
		return True

	def trash(self) -> list[Entry] | None:
		"""Move to the trash what is left, and drop a user without a database; None, and nothing is done, where the site is whole. Repeatable.

		The folder goes last: it says whose the others are.
		"""
		left = self.look()
		if not left.lost:
			return None
		trash, entries = Trash(self.bench, self.mariadb), []
		if left.has_user:
			self.mariadb.drop_lone_user(self.database)
		if left.database_mark:
			entries.append(trash.put_database(self.database, left.database_mark))
		if left.mark:
			fact = next(each for each in folders(self.bench) if each.path == self.site)
			entries.append(trash.put_folder(fact, left.mark))
		elif not self.bench.site(self.site).exists():  # else another site has the name, and the jobs
			self.bench.site(self.site).forget_jobs()
		return [each for each in entries if each]

	def _config(self) -> dict:
		"""site_config.json of the tenant's own folder; {} where there is none, or what is there has nothing to do with the tenant."""
		folder = self.bench.site(self.site)
		config = folder.config
		if folder.path.is_dir() and not config and self.mariadb.has_tables(self.database):
			raise AgentError(f"The folder of the site {self.site} has no site_config.json.", UNCONFIGURED)
		facts = config.get(TENANT) == self.tenant, config.get("db_name") == self.database
		if any(facts) and not (all(facts) and config.get(MARK)):
			raise AgentError(f"The site {self.site} is another than the records say.", "See `saas drift`.")
		return config if all(facts) else {}

	def _check_not_elsewhere(self) -> None:
		for each in folders(self.bench):
			if each.database == self.database and each.path != self.site:
				raise AgentError(
					f"sites/{each.path} has the database of {self.tenant}.",
					f"Was the site moved? Put it back: `mv sites/{each.path} sites/{self.site}`.",
				)

	def _is_ours(self, mark: str | None, config: dict) -> bool:
		if config:
			return mark == config[MARK]
		return bool(mark) and mark.startswith(self.prefix)

	def _is_our_user(self, config: dict) -> bool:
		"""Whether a user without a database is the site's: its folder says so, or his name is none that a person would choose."""
		return bool(config) or bool(OF_FRAPPE.fullmatch(self.database))
