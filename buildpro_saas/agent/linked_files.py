"""A site's files as they are at one moment: the same files in a second folder, which keeps those that the site removes meanwhile."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from buildpro_saas.agent.site import FILES, Site


class LinkedFiles:
	"""A folder that has the files of a site by hard links. Where the disk has none, it has copies."""

	def __init__(self, site: Site, folder: Path):
		self.site = site
		self.folder = folder

	def make(self, checkpoint: Callable[[], None]) -> None:
		"""Make the folder anew with what is there now."""
		self.remove()
		self.folder.mkdir(mode=0o700, parents=True)
		for part in FILES:
			(self.folder / part).mkdir()
		self.add(checkpoint)

	def add(self, checkpoint: Callable[[], None] = lambda: None) -> None:
		"""Add what has come since. What has gone since stays: its record may still be in the database."""
		for source in self.site.files():
			target = self.folder / source.relative_to(self.site.path)
			# a folder of files may be a link to a larger disk
			self._add(Path(os.path.realpath(source)), target, checkpoint)

	def remove(self) -> None:
		"""Remove the folder; the site's files stay."""
		if self.folder.exists():
			shutil.rmtree(self.folder)

	def _add(self, source: Path, target: Path, checkpoint: Callable[[], None]) -> None:
		if not source.is_dir():
			self._link(source, target)
			return
		for folder, folders, names in os.walk(source):
			checkpoint()
			there = target / os.path.relpath(folder, source)
			there.mkdir(parents=True, exist_ok=True)
			links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
			for name in (*names, *links):
				self._link(Path(folder) / name, there / name)

	def _link(self, source: Path, target: Path) -> None:
		try:
			if os.path.lexists(target):
				if not _is_replaced(source, target):
					return
				target.unlink()
			os.link(source, target, follow_symlinks=False)
		except FileNotFoundError:
			return  # it went as we looked
		except OSError:
			# another disk, or another owner's file: hard links stop there
			if source.is_file() or source.is_symlink():
				shutil.copy2(source, target, follow_symlinks=False)


def _is_replaced(source: Path, target: Path) -> bool:
	"""Whether another file has come in the place of the one that was linked. A copy, on another disk, stays."""
	there, here = source.lstat(), target.lstat()
	return there.st_dev == here.st_dev and there.st_ino != here.st_ino and here.st_nlink > 1
