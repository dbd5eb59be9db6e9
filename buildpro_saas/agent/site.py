"""One Frappe site of a bench: its folder, its configuration, and calls made on it."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from buildpro_saas.agent import site_config, site_context, site_jobs
from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.facts import CONFIG_BACK, MARK, RESTORE

FILES = ("public", "private")
BACKUPS = "private/backups"  # which are none of the site's files
FRAPPE_NEEDS = ("logs", "locks")  # it opens log and lock files before its installer makes the folders


class Site:
	"""A site by its name, which is also its host name and its folder's name.

	A site that we make carries its job's mark in site_config.json from its first moment. The methods that change or remove a folder
	raise NotOursError for another mark.
	"""

	def __init__(self, sites_path: Path, name: str, bench_sites: Path | None = None):
		"""bench_sites: the bench's sites/ folder, with common_site_config.json, for a site that is kept below it."""
		self.sites_path = Path(sites_path)
		self.name = name
		self.path = self.sites_path / name
		self.bench_sites = bench_sites or self.sites_path

	@property
	def config(self) -> dict:
		"""site_config.json; {} when there is none. Raises AgentError when it is damaged."""
		return site_config.read(self.path)

	def json_file(self, name: str) -> dict:
		"""The object in a JSON file of the site's folder; {} when the file is missing or holds something else."""
		try:
			content = json.loads((self.path / name).read_text())
		except (OSError, ValueError):  # a ValueError also where it is no text
			return {}
		return content if isinstance(content, dict) else {}

	def config_in_place(self) -> dict:
		"""site_config.json of a site that is there. Raises AgentError, with what to do, where the site or this file is missing."""
		if not (config := self.config):
			if self.path.is_dir():
				raise AgentError(f"The folder of the site {self.name} has no site_config.json.", CONFIG_BACK)
			raise AgentError(f"There is no site {self.name} on this bench.", RESTORE)
		if not config.get("db_name"):
			raise AgentError(f"The site_config.json of {self.name} names no database.", CONFIG_BACK)
		return config

	@property
	def mark(self) -> str | None:
		"""The mark of the job that made the site, None when no job of ours did or there is no site."""
		return self.config.get(MARK)

	def exists(self) -> bool:
		"""True when anything of that name is there: a site, or a file or folder that would be in its way."""
		return os.path.lexists(self.path)

	def default_database_name(self, number: int = 0) -> str:
		"""The name that `bench new-site` gives the site's database: `_` and 16 digits of the SHA-1 of its folder's path.

		number: of another name, where a site that was renamed has kept that one.
		"""
		path = os.path.realpath(self.path) + (f"#{number}" if number else "")
		return "_" + hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()[:16]

	def update_config(self, values: dict) -> dict:
		"""Merge values into site_config.json (None removes a key), atomically; returns the whole."""
		return site_config.update(self.path, values)

	def files(self) -> Iterator[Path]:
		"""The files and folders right below FILES that are the site's data: not its backups."""
		for part in FILES:
			yield from (path for path in sorted((self.path / part).glob("*")) if path != self.path / BACKUPS)

	def files_size(self) -> int:
		"""Bytes that its files take."""
		found = (path for top in self.files() for path in (top, *top.rglob("*")))
		return sum(path.lstat().st_size for path in found if path.is_file())

	# -- folder ----------------------------------------------------------------------------------------------------

	def make_folder(self, config: dict, mark: str, files: "Site | None" = None) -> None:
		"""Make the site's folder with site_config.json and mark in one move, so that it is never half there.

		files: the site whose public and private files are copied into it. Nothing when the folder is there with the mark. Raises
		NotOursError when something of that name is there without it.
		"""
		if self.exists():
			self.only_with_mark(mark)
			return
		draft = self._hidden(mark)
		shutil.rmtree(draft, ignore_errors=True)
		for part in ("", *FRAPPE_NEEDS):
			(draft / part).mkdir(mode=0o755, parents=True)
		for part in FILES if files else ():
			if (files.path / part).exists():
				shutil.copytree(files.path / part, draft / part, symlinks=True)
		site_config.write(draft, {**config, MARK: mark})
		os.rename(draft, self.path)

	def remove_folder(self, mark: str) -> None:
		"""Remove the site's folder when it carries the mark; nothing when it is gone already."""
		self.hide(mark)
		self.remove_draft(mark)

	def hide(self, mark: str) -> bool:
		"""Take the site's folder out of the web server's sight, in one move. Returns False when there is none.

		Raises NotOursError unless it carries the mark. `show` puts it back.
		"""
		if not self.exists():
			return False
		self.only_with_mark(mark)
		self.remove_draft(mark)
		os.rename(self.path, self._hidden(mark))
		return True

	def show(self, mark: str) -> None:
		"""Put back what `hide` took out of sight, if it did."""
		if not self.exists() and site_config.read(self._hidden(mark)).get(MARK) == mark:
			os.rename(self._hidden(mark), self.path)

	def marked_config(self, mark: str) -> dict:
		"""site_config.json of the site that carries the mark, hidden or not; {} when there is none."""
		config = self.config or site_config.read(self._hidden(mark))
		return config if config.get(MARK) == mark else {}

	def remove_draft(self, mark: str) -> None:
		"""Remove what an interrupted making or removing left of the folder. The site itself is not touched.

		Where there is no site of that name, its background jobs are removed first. Raises NotOursError when the draft carries another mark.
		"""
		hidden = self._hidden(mark)
		if hidden.exists():
			if site_config.read(hidden).get(MARK, mark) != mark:
				raise NotOursError(f"{hidden.name} was not made by this job and is left alone.")
		if not self.exists():
			self.forget_jobs()
		if hidden.exists():
			shutil.rmtree(hidden)

	def hand_over(self, mark: str, new_mark: str) -> None:
		"""Change the site's mark to `new_mark`. Nothing when it has that already. Raises NotOursError unless it has `mark`."""
		if self.mark != new_mark:
			self.only_with_mark(mark)
			self.update_config({MARK: new_mark})

	def move_to(self, other: "Site", mark: str) -> None:
		"""Move the folder to where the other site is to be, in one move. Jobs under the old name are removed.

		Both carry the mark. Nothing when it is done already. Raises NotOursError when either is somebody else's.
		"""
		if other.exists():
			other.only_with_mark(mark)
			return
		self.only_with_mark(mark)
		other.sites_path.mkdir(parents=True, exist_ok=True)
		self.forget_jobs()
		os.rename(self.path, other.path)

	def forget_jobs(self) -> None:
		"""Remove the site's background jobs from its bench's queues: the site goes, and they need it. Raises RedisError when Redis is away."""
		site_jobs.forget(self.frappe_name(), self.bench_sites)

	def only_with_mark(self, mark: str) -> None:
		"""Raise NotOursError unless the site carries the mark."""
		if self.mark != mark:
			raise NotOursError(
				f"The site {self.name} was not made by this job and is left alone.",
				"Choose another subdomain for this tenant.",
			)

	def _hidden(self, mark: str) -> Path:
		# a name that no web server takes for a site, and that a later try of the same job finds again
		return self.sites_path / f".{self.name}.{mark.rsplit('/', 1)[-1]}"

	# -- calls -----------------------------------------------------------------------------------------------------

	def call(self, method: str, /, **arguments: Any) -> Any:
		"""Call a function by its dotted name on the site, in this process; for quick work.

		Arguments and result are plain data. The caller's own site context is not touched (site_context.call). Raises AgentError when there
		is no such site, else what the function raises.
		"""
		self.config_in_place()
		return site_context.call(self.frappe_name(), self.bench_sites, method, arguments)

	def frappe_name(self) -> str:
		"""The name by which Frappe knows the site: its folder, relative to the one with common_site_config.json."""
		return os.path.relpath(self.path, self.bench_sites)
