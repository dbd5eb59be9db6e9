"""An admin site that is gone, made anew from its backup: its database, its files and its own configuration, under its own name.

It is loaded beside the sites, as a shadow is, compared with its manifest, and appears by one rename. Nothing else of the bench is touched,
and nothing of what is there is replaced. What an earlier try left goes first.
"""

import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import asdict

from buildpro_saas.agent import account, judgement, site_config
from buildpro_saas.agent.backup import Backup
from buildpro_saas.agent.backup_facts import About
from buildpro_saas.agent.backup_folder import BackupFolder
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import DatabaseServer
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import HIDDEN, MARK, SHADOWS, Recovered
from buildpro_saas.agent.loading import Loading
from buildpro_saas.agent.operations.sites import first_config, new_password
from buildpro_saas.agent.repository import DATABASE, Part, Repository
from buildpro_saas.agent.shadow import Shadow
from buildpro_saas.agent.site import BACKUPS, Site

ROLE, ADMIN, SIGNING_KEY = "buildpro_role", "admin", "buildpro_signing_key"
TAILS = "recovery-"  # how the last part of each mark begins; a folder that is half made has it in its name, and no mark yet
MARKS = f"recover-admin-site/{TAILS}"  # no job's mark begins so
UNDER_WAY = f"{HIDDEN}/recovery"  # below sites/: the backup as it was fetched
SETTLE = "buildpro_saas.agent.restored_site.settle"


class Recovery:
	"""Makes the admin site of a bench that has none."""

	def __init__(self, bench: Bench, mariadb: DatabaseServer, checkpoint: Callable[[], None]):
		self.bench = bench
		self.mariadb = mariadb
		self._checkpoint = checkpoint

	def run(self, store: Repository, backup: str | None, name: str | None, note: str) -> Recovered:
		"""Make it from that backup, or from the newest one, under that name, or under its own.

		note: the dotted name of a function that is called on the loaded site, before anybody uses it, with `backup`, `taken_at`, `about` and
		`is_offsite`: whether it lies there alone, as far as is known.
		Raises AgentError, and nothing is made, where the store has no such backup, the bench has an admin site, or cannot take this one.
		"""
		self._check_is_none()
		self._remove_leftovers()
		part = self._chosen(store.whole(self._checkpoint), backup)
		folder = self.bench.sites_path / UNDER_WAY / part.backup
		folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
		try:
			about = Backup(store, part.backup, self._checkpoint).fetch(folder)
			site = self._place(about, name)
			fetched = BackupFolder(str(folder))
			judged = judgement.judge(self.bench, self.mariadb, fetched, 0, self._checkpoint)
			told = {"backup": part.backup, "taken_at": part.taken_at, "about": asdict(about)}
			told["is_offsite"] = store.is_offsite
			self._make(fetched, about, site, note, told)
		finally:
			shutil.rmtree(folder, ignore_errors=True)
		tables = len(about.manifest.tables)
		return Recovered(site.name, part.backup, part.taken_at, tables, judged.older)

	def _chosen(self, whole: dict[str, dict[str, Part]], backup: str | None) -> Part:
		if not whole or backup not in (None, *whole):
			raise AgentError(
				f"The store has no whole backup{f' {backup}' if backup else ''}.",
				f"It has {', '.join(whole)}." if whole else "Look for a copy of the store that has one.",
			)
		return whole[backup or list(whole)[-1]][DATABASE]

	def _check_is_none(self) -> None:
		for name in self.bench.site_names():
			site = self.bench.site(name)
			if site.config.get(ROLE) == ADMIN:
				self._unmark(site)
				raise AgentError(
					f"The bench has the admin site {name}.",
					"Where it is to be replaced, move its folder out of sites/ first.",
				)

	def _place(self, about: About, name: str | None) -> Site:
		if about.config.get(ROLE) != ADMIN:
			raise AgentError(f"The store has backups of {about.site}, which is no admin site.")
		site = self.bench.site(name or about.site)
		if site.exists():
			raise AgentError(f"{site.path} is there already.", "Move it out of sites/ first.")
		return site

	def _make(self, fetched: BackupFolder, about: About, site: Site, note: str, told: dict) -> None:
		database, password = f"_{secrets.token_hex(8)}", new_password()
		shadow = Shadow(self.bench, self.mariadb, database, f"{MARKS}{told['backup']}")
		of_bench = first_config(account.read(self.bench), database, password)
		try:
			shadow.make({**of_bench, **about.config}, password)
			Loading(fetched, shadow).run(password, self._checkpoint)
			(shadow.folder.path / BACKUPS).mkdir(parents=True, exist_ok=True)
			shadow.folder.call(SETTLE)
			shadow.folder.call(note, **told)
			site.forget_jobs()
		except BaseException:
			shadow.drop()
			raise
		self._show(shadow, site, about)

	def _show(self, shadow: Shadow, site: Site, about: About) -> None:
		"""Put the folder where sites are, and take the mark away: from then on it is a site as any other."""
		own = {
			key: value for key, value in shadow.folder.config.items() if key.startswith("db_") or key == MARK
		}
		site_config.write(shadow.folder.path, {**own, **about.config})
		os.rename(shadow.folder.path, site.path)
		self._unmark(site)

	def _unmark(self, site: Site) -> None:
		mark = site.mark or ""
		if mark.startswith(MARKS):
			self.mariadb.hand_over(site.config["db_name"], mark, "")
			site.update_config({MARK: None})

	def _remove_leftovers(self) -> None:
		"""What a try that was killed has made, and what it fetched."""
		shutil.rmtree(self.bench.sites_path / UNDER_WAY, ignore_errors=True)
		for path in (self.bench.sites_path / SHADOWS).glob("*"):
			mark = site_config.read(path).get(MARK) or ""
			if path.name.startswith(".") and path.suffix.startswith(f".{TAILS}"):
				shutil.rmtree(path)
			elif mark.startswith(MARKS):
				Shadow(self.bench, self.mariadb, path.name, mark).drop()
