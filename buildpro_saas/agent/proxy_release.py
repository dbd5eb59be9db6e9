"""Releases of the proxy's configuration: a folder each. One link leads to the one that nginx reads; the one before is kept."""

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from buildpro_saas.agent import site_config
from buildpro_saas.agent.proxy_certificates import point
from buildpro_saas.agent.proxy_config import HTTP_FILE, Rendered
from buildpro_saas.agent.proxy_hosts import Host, Serving
from buildpro_saas.agent.proxy_probe import Asker
from buildpro_saas.agent.proxy_settings import Places

STATE = "state.json"
NAME = re.compile(r"(\d{8})-([0-9a-f]{16})")
KEPT = 3


@dataclass(frozen=True)
class State:
	"""What was last seen to work. ticket: of the specification. hosts: the listed ones, by name. reloads: since the bench has a proxy.

	http_port, https_port, address: where that release is asked.
	"""

	release: str = ""
	ticket: int = 0
	hosts: dict[str, Host] = field(default_factory=dict)
	set_aside: dict[str, str] = field(default_factory=dict)
	reloads: int = 0
	is_changed: bool = False
	is_reloaded: bool = False
	http_port: int = 0
	https_port: int = 0
	address: str = ""

	def asker(self) -> Asker:
		"""Who asks that release, where it listens."""
		return Asker(self.address, self.http_port, self.https_port)


class Releases:
	"""The releases in a bench's folder."""

	def __init__(self, places: Places):
		self.places = places

	def current(self) -> str:
		"""The name of the release that the link leads to; empty for none."""
		link = self.places.current
		return os.path.basename(os.readlink(link)) if link.is_symlink() and link.exists() else ""

	def digest_of(self, name: str) -> str:
		found = NAME.fullmatch(name)
		return found[2] if found else ""

	def write(self, rendered: Rendered) -> Path:
		"""Write the files into a new folder, which nothing leads to yet. Nothing stays of it where the disk is full, or read-only."""
		numbers = [int(found[1]) for each in self._all() if (found := NAME.fullmatch(each.name))]
		folder = self.places.releases / f"{max(numbers, default=0) + 1:08}-{rendered.digest}"
		folder.mkdir(parents=True)
		try:
			for name, text in rendered.written_in(folder).items():
				with open(folder / name, "w") as out:
					out.write(text)
					out.flush()
					os.fsync(out.fileno())
		except BaseException:
			self.remove(folder)
			raise
		return folder

	def lead_to(self, name: str) -> None:
		"""Have the link lead to that release, in one step; "" removes the link, where there was no release before."""
		if name:
			point(self.places.current, f"releases/{name}")
		else:
			self.places.current.unlink(missing_ok=True)

	def remove(self, folder: Path) -> None:
		shutil.rmtree(folder)

	def forget_old(self, kept: set[str]) -> None:
		"""Remove all but the newest releases and those that are named."""
		whole = sorted((each for each in self._all()), key=lambda each: each.name)
		for each in whole[:-KEPT] if len(whole) > KEPT else []:
			if each.name not in kept:
				self.remove(each)

	def state(self) -> State:
		"""What was last seen to work; an empty one where that cannot be read: then all is asked anew."""
		try:
			found = json.loads((self.places.root / STATE).read_text())
			return State(**{**found, "hosts": {name: Host(**host) for name, host in found["hosts"].items()}})
		except (OSError, ValueError, TypeError, KeyError):
			return State()

	def keep(self, state: State) -> None:
		plain = {**vars(state), "hosts": {name: vars(host) for name, host in state.hosts.items()}}
		site_config.write_text(self.places.root / STATE, json.dumps(plain))

	def _all(self) -> list[Path]:
		return [each for each in self.places.releases.glob("*") if (each.is_dir() and not each.is_symlink())]


class Live:
	"""Marks that nginx looks for at each request, so that they count at once: closed sites, and sites with a limit."""

	def __init__(self, places: Places):
		self.folder = places.live

	def put(self, serving: Serving, rate_name) -> None:
		"""Make the marks that the records ask for, and take away the others."""
		wanted = {f"closed/{site}" for site in serving.closed}
		wanted |= {f"rate/{rate_name(rate)}/{site}" for site, rate in serving.rates.items()}
		there = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
		for mark in sorted(wanted - there):
			path = self.folder / mark
			path.parent.mkdir(parents=True, exist_ok=True)
			path.touch()
		for mark in there - wanted:
			(self.folder / mark).unlink(missing_ok=True)


def has_release(places: Places) -> bool:
	"""Whether there is one that nginx can read."""
	return (places.current / HTTP_FILE).exists()
