"""The files of a backup, public or private: in a folder, or in a tar archive as `bench backup --with-files` and others make it.

Nothing of it gets out of the folder where it is put, whatever its names and links say.
"""

import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from buildpro_saas.agent.compressed import opened
from buildpro_saas.agent.errors import AgentError

FILES = "files"  # below a site's `public` and `private`: where Frappe keeps them
BACKUPS = "backups"  # which are none of the site's files
FOLDER_MODE, FILE_MODE = 0o755, 0o644  # whatever the archive says
CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Held:
	"""How many files there are, and their bytes."""

	files: int
	size: int


@dataclass(frozen=True)
class _Entry:
	name: str  # as the archive has it
	kind: str  # "file", "folder", "symlink", "hardlink", or what it is beside these
	size: int = 0
	link: str = ""
	content: Callable[[], BinaryIO] | None = None


def place(name: str, part: str) -> PurePosixPath | None:
	"""Where an entry of that name belongs, below the site's folder `part` ("public" or "private"); None for what is no file of it.

	`./SITE/private/files/a`, `/home/…/private/files/a`, `files/a` and `a` are the same. Raises AgentError for a name that leads upward.
	"""
	steps = [step for step in name.split("/") if step not in ("", ".")]
	if ".." in steps or "\0" in name:
		raise AgentError(
			f"The archive has {name!r}, which leads out of the folder.",
			"It is not unpacked: take another backup.",
		)
	for at in range(len(steps) - 1):
		if steps[at : at + 2] == [part, FILES]:
			return PurePosixPath(FILES, *steps[at + 2 :])
	if steps[-1:] == [part] or steps[:1] == [BACKUPS]:
		return None  # the folder itself, or one above
	return PurePosixPath(FILES, *steps[steps[:1] == [FILES] :])


class FileArchive:
	"""The files of one part, "public" or "private"."""

	def __init__(self, path: Path, part: str):
		self.path = path
		self.part = part

	def judge(self) -> Held:
		"""What it holds. Raises AgentError for what is not unpacked: names and links that lead out of the folder, devices, a damaged archive."""
		files = size = 0
		for _target, entry in self._placed():
			if entry.kind != "folder":
				files, size = files + 1, size + entry.size
		return Held(files, size)

	def put_into(self, folder: Path, checkpoint: Callable[[], None]) -> Held:
		"""Put the files below `folder` (the site's `public` or `private`). Raises as `judge` does, and what `checkpoint` raises."""
		files = size = 0
		for target, entry in self._placed():
			checkpoint()
			self._put(folder, target, entry)
			if entry.kind != "folder":
				files, size = files + 1, size + entry.size
		return Held(files, size)

	def _put(self, folder: Path, target: PurePosixPath, entry: _Entry) -> None:
		there = folder / target
		for above in reversed(target.parents[:-1]):
			(folder / above).mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
		if entry.kind == "folder":
			there.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
			return
		there.unlink(missing_ok=True)
		if entry.kind == "symlink":
			there.symlink_to(entry.link)
		elif entry.kind == "hardlink":
			shutil.copyfile(folder / place(entry.link, self.part), there)
		else:
			with entry.content() as source, there.open("wb") as out:
				shutil.copyfileobj(source, out, CHUNK)
		if entry.kind != "symlink":
			there.chmod(FILE_MODE)

	def _placed(self) -> Iterator[tuple[PurePosixPath, _Entry]]:
		links, seen = set(), set()
		for entry in self._entries():
			if (target := place(entry.name, self.part)) is None or target == PurePosixPath("."):
				continue
			if links.intersection(target.parents) or (target in links and entry.kind == "folder"):
				raise self._refused(entry, "lies behind a link")
			if entry.kind == "symlink":
				self._check_symlink(target, entry)
				links.add(target)
			elif entry.kind == "hardlink":
				if place(entry.link, self.part) not in seen:
					raise self._refused(
						entry, f"is a link to {entry.link!r}, which is no file before it in the archive"
					)
			elif entry.kind not in ("file", "folder"):
				raise self._refused(entry, f"is a {entry.kind}")
			else:
				links.discard(target)  # a later one of the same name takes its place
			if entry.kind == "file":
				seen.add(target)
			yield target, entry

	def _check_symlink(self, target: PurePosixPath, entry: _Entry) -> None:
		to = os.path.normpath(target.parent / entry.link)
		if os.path.isabs(entry.link) or to == ".." or to.startswith("../"):
			raise self._refused(entry, f"is a link to {entry.link!r}, out of the folder")

	def _refused(self, entry: _Entry, why: str) -> AgentError:
		return AgentError(
			f"{self.path.name} has {entry.name!r}, which {why}: it is not unpacked.",
			"Take it out of the archive, or take another backup.",
		)

	def _entries(self) -> Iterator[_Entry]:
		if self.path.is_dir():
			yield from self._of_folder()
			return
		with opened(self.path) as stream:
			try:
				with tarfile.open(fileobj=stream, mode="r|") as archive:
					for member in archive:
						yield _of_tar(archive, member)
				while stream.read(CHUNK):  # what is behind: a damaged end shows there
					continue
			except tarfile.TarError as error:
				raise AgentError(
					f"{self.path.name} is no tar archive, or is cut off ({error}).",
					"Take another copy of it, or another backup.",
				) from None

	def _of_folder(self) -> Iterator[_Entry]:
		# `private` with `files` in it, or the files themselves
		for above, folders, files in os.walk(self.path):
			for name in sorted(folders + files):
				path = Path(above, name)
				mode = path.lstat().st_mode
				name = os.fspath(path.relative_to(self.path))
				if stat.S_ISLNK(mode):
					yield _Entry(name, "symlink", link=os.readlink(path))
				elif stat.S_ISDIR(mode):
					yield _Entry(name, "folder")
				elif stat.S_ISREG(mode):
					yield _Entry(
						name, "file", path.lstat().st_size, content=lambda path=path: path.open("rb")
					)
				else:
					yield _Entry(name, "device")


def _of_tar(archive: tarfile.TarFile, member: tarfile.TarInfo) -> _Entry:
	if member.isfile():
		return _Entry(member.name, "file", member.size, content=lambda: archive.extractfile(member))
	if member.isdir():
		return _Entry(member.name, "folder")
	if member.issym():
		return _Entry(member.name, "symlink", link=member.linkname)
	if member.islnk():
		return _Entry(member.name, "hardlink", link=member.linkname)
	return _Entry(member.name, "device")
