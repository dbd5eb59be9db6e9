"""An export of a tenant's data on his own site: the files of a backup, for some hours, where no visitor and no other tenant reaches them.

They lie below the site's private/backups, which no backup takes along, in a folder with a name that nobody guesses. FILE in the site's
folder says what there is; the site shows that (tenant_site/data_export.py). There is one export of a site at a time.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from buildpro_saas.agent import backup_export, site_config
from buildpro_saas.agent.backup import Backup
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.site import BACKUPS, Site

FILE, FOLDER = "export.json", "export"  # in the site's folder; below its backups
READY, GONE = "Ready", "Gone"
GB = 10**9
# Whoever may not list a folder reads a file in it only by its name. A web server of another user reads the files (X-Accel-Redirect).
LISTED_BY_OWNER, READ_BY_WEB_SERVER = 0o711, 0o644
TIMES = 2  # the room that it takes for a while, against the backup's content: as it was fetched, and as it is packed


class SiteExport:
	"""The export of a site, whether there is one or not."""

	def __init__(self, site: Site):
		self.site = site
		self.folder = site.path / BACKUPS / FOLDER

	def make(self, backup: Backup, until: float, size: int, checkpoint: Callable[[], None]) -> dict:
		"""Write the four files of `bench backup --with-files` in place of those of an earlier export; returns what FILE says then.

		until: when they are to go, seconds since the epoch. size: bytes of the backup's content. Raises AgentError where the disk has not
		room for it; nothing is left then.
		"""
		self.site.config_in_place()
		self.remove()
		self._check_room(size)
		name = secrets.token_hex(16)
		target = self.folder / name
		target.mkdir(mode=LISTED_BY_OWNER, parents=True)
		try:
			paths = backup_export.export(backup, target, checkpoint)
		except BaseException:
			self.remove()
			raise
		self._let_web_server_read(target, paths)
		files = [{"name": path.name, "size": path.stat().st_size} for path in paths]
		return self.note({"state": READY, "id": name, "files": files, "until": until})

	def note(self, state: dict) -> dict:
		"""Have FILE say this."""
		site_config.write_json(self.site.path / FILE, {**state, "noted": time.time()})
		return state

	def remove(self) -> None:
		"""Remove the files, if there are any. Repeatable."""
		if self.folder.exists():
			shutil.rmtree(self.folder)

	def remove_expired(self) -> bool:
		"""Remove the files whose time is over, and say so in FILE; returns whether none are left. What FILE does not know of goes, too."""
		known = self.site.json_file(FILE)
		if known.get("state") == READY and known.get("until", 0) > time.time():
			return False
		self.remove()
		if known.get("state") == READY:
			self.note({"state": GONE})
		return True

	def _check_room(self, size: int) -> None:
		free, needed = shutil.disk_usage(self.site.path).free, size * TIMES
		if needed > free:
			raise AgentError(
				f"The export needs {needed / GB:.1f} GB on the disk of the sites for a while, and {free / GB:.1f} GB are free there.",
				"Free room on that disk, then press Retry.",
			)

	def _let_web_server_read(self, target: Path, paths: list[Path]) -> None:
		for folder in (self.folder, target):
			os.chmod(folder, LISTED_BY_OWNER)
		for path in paths:
			os.chmod(path, READ_BY_WEB_SERVER)
