"""A site of the bench becomes a tenant's where it stands: a copy of it was made ready in a shadow, and takes its place by a swap.

Just before the swap, what is the site gets a mark, and keeps its site_config.json beside. So it can be given back as it was.
"""

import os
from pathlib import Path

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import NotOursError
from buildpro_saas.agent.exchange import exchange
from buildpro_saas.agent.facts import FINISHED, HELD, HELD_BY, MARK
from buildpro_saas.agent.shadow import ENTITLEMENT, Shadow, Swap
from buildpro_saas.agent.site import Site

KEPT = ".before_tenant.json"  # in the site's folder: its site_config.json before anything was done


class InPlace:
	"""A site, and the shadow that takes its place. Each step looks where things are, so that one that was interrupted is gone on with."""

	def __init__(self, shadow: Shadow, site: Site, database: str):
		"""database: of what the site is before."""
		self.shadow = shadow
		self.site = site
		self.old = Shadow(shadow.bench, shadow.mariadb, database, mark_before(shadow.mark))

	def swap(self) -> float:
		"""Put the shadow in the site's place; returns for how many seconds it was not to be reached. Repeatable.

		Raises NotOursError where the site carries somebody's mark.
		"""
		if self.site.config_in_place()["db_name"] == self.old.database:
			self._mark()
		return Swap(self.shadow, self.site, self.old.database, self.old.mark).run()

	def give_back(self) -> str:
		"""Make the site what it was before, and remove the shadow. Repeatable.

		Where the site has been opened to its tenant's users, nothing is done; returns what shows that, as a piece of a sentence.
		"""
		if self.site.config.get(MARK) == self.shadow.mark and self.site.config.get(FINISHED):
			return "it has been opened to its users"
		if (place := self._aside()) is not None:
			self.old.mariadb.let_in(self.old.database, self.old.mark)
			_take_logs_along(self.site.path, place)
			exchange(self.site.path, place)
		if self.old.folder.config.get("db_name") == self.shadow.database:
			os.rename(self.old.folder.path, self.shadow.folder.path)
		self._unmark()
		self.shadow.drop()
		return ""

	def _mark(self) -> None:
		mariadb, found = self.old.mariadb, self.old.mariadb.mark_of(self.old.database)
		if found not in ("", self.old.mark) or self.site.config.get(MARK) not in (None, self.old.mark):
			raise NotOursError(
				f"The site {self.site.name} carries the mark of somebody else's job.", "See `saas drift`."
			)
		kept = self.site.path / KEPT
		if not kept.exists():
			config = {key: value for key, value in self.site.config.items() if key not in (HELD, HELD_BY)}
			held = self.site.config.get(HELD) or {}
			site_config.write_json(
				kept, {key: value for key, value in (config | held).items() if value is not None}
			)
		mariadb.mark_again(self.old.database, self.old.mark)
		self.site.update_config({MARK: self.old.mark})

	def _unmark(self) -> None:
		mariadb = self.old.mariadb
		if mariadb.mark_of(self.old.database) == self.old.mark:
			mariadb.hand_over(self.old.database, self.old.mark, "")
		kept = self.site.path / KEPT
		if kept.exists():
			os.replace(kept, self.site.path / "site_config.json")
			for name in (f"{ENTITLEMENT}.json", f"locks/{ENTITLEMENT}.lock"):
				(self.site.path / name).unlink(missing_ok=True)

	def _aside(self) -> Path | None:
		"""Where what the site was lies since the swap; None where it is in its place."""
		if self.site.config_in_place()["db_name"] == self.old.database:
			return None
		for folder in (self.old.folder, self.shadow.folder):
			if folder.config.get("db_name") == self.old.database:
				return folder.path
		raise NotOursError(f"What the site {self.site.name} was is not to be found.", "See `saas drift`.")


def mark_before(mark: str) -> str:
	"""The mark of what the site was, by that of the job."""
	return f"{mark}-before"


def of(
	bench: Bench, mariadb: DatabaseServer, site: Site, database: str, mark: str, old_database: str
) -> InPlace:
	"""The site, and the shadow in that database with the job's mark. old_database: of what the site is before."""
	return InPlace(Shadow(bench, mariadb, database, mark), site, old_database)


def _take_logs_along(source: Path, target: Path) -> None:
	"""What was logged since the swap stays with the site."""
	for path in (source / "logs").glob("*"):
		there = target / "logs" / path.name
		if path.is_file() and not there.exists():
			there.parent.mkdir(exist_ok=True)
			os.link(path, there)
