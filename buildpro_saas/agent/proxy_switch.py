"""Leads nginx from one release of the proxy to another and waits until it serves that; leads it back where it does not."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from buildpro_saas.agent import proxy_config
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.nginx import Nginx, is_in_its_own_way, not_running
from buildpro_saas.agent.proxy_config import HTTP_FILE, Rendered
from buildpro_saas.agent.proxy_facts import INCLUDED, OWN, ProxySpec
from buildpro_saas.agent.proxy_hosts import Serving
from buildpro_saas.agent.proxy_probe import Asker
from buildpro_saas.agent.proxy_release import Releases, State
from buildpro_saas.agent.proxy_settings import Places

RELOADED_WITHIN = 120  # seconds
LOOK = 0.02  # seconds between two looks


class NotAnswering(AgentError):
	"""Names that do not answer as they should. faults: {host: a sentence}. asked: how many were."""

	def __init__(self, faults: dict[str, str], asked: int):
		super().__init__(next(iter(faults.values())))
		self.faults, self.asked = faults, asked


class Switch:
	"""Of the proxy of one bench, under its lock. checkpoint: called while it waits for nginx; may raise to stop."""

	def __init__(self, nginx: Nginx, releases: Releases, places: Places, checkpoint: Callable[[], None]):
		self.nginx, self.releases, self.places, self.checkpoint = nginx, releases, places, checkpoint

	def to(
		self, at: Asker, name: str, serving: Serving, spec: ProxySpec, before: State, current: str
	) -> None:
		"""Lead to a release and reload. Leads back to `current` where nginx does not take it; `before` is what was seen of that.

		Raises AgentError, with what nginx says, BrokenConfig and NotAnswering.
		"""
		self.nginx.wait_for_old_workers()
		if self.nginx.settings.mode == OWN and current:
			self._make_way(current, name)
		self.releases.lead_to(name)
		try:
			if self.nginx.settings.mode == INCLUDED:
				self._try_beside_others(serving, spec)
		except BaseException:
			self.releases.lead_to(current)
			raise
		try:
			self.reload(at, name)
		except BaseException:
			self.lead_back(before, current)
			raise

	def _make_way(self, current: str, name: str) -> None:
		"""Have nginx close its sockets first where it is to listen on one address of a port in place of all, or the other way round.

		Visitors are refused for a moment. It happens only when the addresses to listen on are changed.
		"""
		old, new = ((self.places.releases / each / HTTP_FILE).read_text() for each in (current, name))
		if not is_in_its_own_way(old, new):
			return
		empty = self.releases.write(Rendered({HTTP_FILE: "# listens nowhere\n"}))
		workers = self.nginx.accepting()
		self.releases.lead_to(empty.name)
		self.nginx.reload()
		until = time.monotonic() + RELOADED_WITHIN
		while workers & self.nginx.accepting() and time.monotonic() < until:
			time.sleep(LOOK)

	def _try_beside_others(self, serving: Serving, spec: ProxySpec) -> None:
		"""Have nginx read others' files, too. Names that theirs have stay theirs. Raises BrokenConfig, NotAnswering."""
		doubled = self.nginx.try_current()
		if f"*.{spec.base_domain}" in doubled:
			raise AgentError(
				f"Another server block of the machine's nginx has the name *.{spec.base_domain}.",
				"Take it out there.",
			)
		faults = {
			name: f"{name} is in another server block of the machine's nginx, and stays there."
			for name in doubled & serving.hosts.keys()
		}
		if faults:
			raise NotAnswering(faults, len(serving.hosts) + 1)

	def reload(self, at: Asker, name: str) -> None:
		"""Reload, and wait until that release alone is served: the workers before take no connection any more.

		Raises AgentError, with what nginx says, where it stays with the one before.
		"""
		errors = ErrorLog(self.places.logs / "proxy-error.log")
		old = self.nginx.accepting()
		self.nginx.reload()
		until = time.monotonic() + RELOADED_WITHIN
		while old & self.nginx.accepting() or at.release(proxy_config.probe_name(self.places)) != name:
			if said := errors.fault():
				raise AgentError(f"nginx does not serve the new configuration: {said}")
			if not self.nginx.master():
				raise not_running()
			self.checkpoint()
			if time.monotonic() > until:
				raise TransientError(
					f"nginx was reloaded, and did not serve the new configuration within {RELOADED_WITHIN} seconds."
				)
			time.sleep(LOOK)

	def lead_back(self, before: State, current: str) -> None:
		"""Have the release served again that was, where there was one. It is asked where it listens, which may be elsewhere."""
		self.releases.lead_to(current)
		with suppress(AgentError):  # the fault that led here is told, and the next publishing looks again
			if current and before.release:
				self.reload(before.asker(), current)
			elif current:
				self.nginx.reload()  # to the one without names that setting up wrote


class ErrorLog:
	"""What nginx writes from now on into its log of errors, where that is ours to read."""

	def __init__(self, path: Path):
		self.path = path
		self.start = path.stat().st_size if path.exists() else 0

	def fault(self) -> str:
		"""The first thing since that kept nginx from taking a configuration; empty for none."""
		try:
			with open(self.path, errors="replace") as log:
				log.seek(self.start)
				lines = log.read(100_000).splitlines()
		except OSError:
			return ""
		return next((line.partition("[emerg] ")[2] for line in lines if "[emerg]" in line), "")
