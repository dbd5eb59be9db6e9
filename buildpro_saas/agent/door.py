"""The agent's door: the one way in which all other code does something with a bench.

`here()` opens the bench that this process runs on, `to(path)` the one in a folder. What is asked is an operation (operations/),
with plain data in and out. `do` answers a quick one. `run` follows a long one to its end; it is made of `start`, `look` and
`cancel`. The other methods are short for some operations.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import frappe

from buildpro_saas.agent import errors
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.diagnosis import hung_cache
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.facts import IMAGES, MARK, STANDBY
from buildpro_saas.agent.neighbour import Neighbour
from buildpro_saas.agent.operations import operation
from buildpro_saas.agent.operations.host import Host
from buildpro_saas.agent.operations.running import CANCELLED, FAILED, RUNNING

LOOK_SECONDS = 1.0  # between two looks at whether an operation is to go on

_doors: dict[tuple[int, str], "Door"] = {}


class Transport(Protocol):
	"""How operations reach a bench. Host is for the bench of this process, Neighbour for another bench on this machine.

	The docstrings of Host say what each method does.
	"""

	def do(self, name: str, spec: dict) -> Any: ...

	def start(self, name: str, spec: dict, id: str) -> None: ...

	def look(self, id: str, from_line: int, wait: float) -> dict: ...

	def cancel(self, id: str) -> None: ...

	def prepare(self) -> None: ...


class Door:
	"""One bench, as all other code sees it."""

	def __init__(self, transport: Transport):
		self._transport = transport

	def do(self, name: str, /, **spec: Any) -> Any:
		"""Answer a quick operation, and return its result in the type that its function names.

		Raises AgentError for a wrong specification. What the operation raises comes as it is on this bench, and as AgentError from
		another one.
		"""
		return operation.find(name).load(self._transport.do(name, spec))

	def prepare(self) -> None:
		"""Start now what the next quick operations need. Call it before you take a lock: another bench's helper starts in a second."""
		self._transport.prepare()

	def start(self, name: str, spec: dict, id: str) -> None:
		"""Start an operation. With an id that was given before, what that one started is found instead. So starting twice does no harm."""
		self._transport.start(name, spec, id)

	def look(self, id: str, from_line: int = 0, wait: float = 0.0) -> dict:
		"""{"state", "lines", "result", "error"} of what was started.

		state: Running, Completed, Failed or Cancelled. lines: from `from_line` on. wait: seconds to wait for something to happen.
		"""
		return self._transport.look(id, from_line, wait)

	def cancel(self, id: str) -> None:
		"""End what was started, with all that it has started itself. Raises TransientError where it goes on all the same."""
		self._transport.cancel(id)

	def run(
		self,
		name: str,
		/,
		*,
		id: str,
		timeout: float,
		log: Callable[[str], None],
		checkpoint: Callable[[], None],
		**spec: Any,
	) -> Any:
		"""Start an operation, follow it to its end, and return its result.

		id: the specification's digest is added, so that it is unique. timeout: seconds. log: gets each line. checkpoint: called about
		once a second; it may raise to stop the operation. Raises AgentError or TransientError.
		"""
		id = f"{id}:{name}:{_digest(spec)}"
		self.start(name, spec, id)
		try:
			seen = self._follow(id, time.monotonic() + timeout, timeout, log, checkpoint)
		except BaseException:
			self._stop(id, log)
			raise
		if seen["state"] == FAILED:
			raise errors.from_plain(seen["error"])
		if seen["state"] == CANCELLED:
			raise TransientError("It was stopped.")
		return operation.find(name).load(seen["result"])

	def _stop(self, id: str, log: Callable[[str], None]) -> None:
		"""Cancel. Where it goes on all the same, the log is told; the bench then refuses what would meet it (Host.cancel)."""
		try:
			self.cancel(id)
		except TransientError as error:
			log(str(error))

	def _follow(self, id: str, deadline: float, timeout: float, log: Callable, checkpoint: Callable) -> dict:
		at, last_check = 0, time.monotonic()
		while True:
			seen = self.look(id, at, LOOK_SECONDS)
			for line in seen["lines"]:
				log(line)
			at += len(seen["lines"])
			if seen["state"] != RUNNING:
				return seen
			now = time.monotonic()
			if now > deadline:
				raise TransientError(f"It took longer than {timeout:.0f} seconds and was stopped.")
			if now - last_check >= LOOK_SECONDS:
				last_check = now
				checkpoint()

	# -- in fewer words ----------------------------------------------------------------------------------------------

	def site(self, name: str) -> "SiteDoor":
		"""The site of that name, whether it exists yet or not."""
		return SiteDoor(self, name)

	def image(self, database: str) -> "SiteDoor":
		"""What is kept of the image in that database."""
		return SiteDoor(self, database, IMAGES)

	def standby(self, database: str) -> "SiteDoor":
		"""The standby site with that database."""
		return SiteDoor(self, database, STANDBY)

	def app_names(self) -> list[str]:
		"""The apps that sites of the bench can install, the framework first."""
		return self.do("app_names")

	def app_facts(self, apps: list[str]) -> list[dict]:
		"""[{"app", "version", "branch", "commit"}] of these apps."""
		return [vars(app) for app in self.do("app_facts", apps=apps)]

	def has_account(self) -> bool:
		"""True when the bench has its account on its database server."""
		return self.do("has_account")


class SiteDoor:
	"""A site of a bench, as all other code sees it."""

	def __init__(self, bench: Door, name: str, place: str = ""):
		self.name = name
		self._bench = bench
		self._do = partial(self._of_site, place)
		self.place = place

	def _of_site(self, place: str, name: str, **spec: Any) -> Any:
		return self._bench.do(name, site=self.name, place=place, **spec)

	@property
	def config(self) -> dict:
		"""site_config.json; {} when there is none. Raises AgentError when it is damaged."""
		return self._do("read_site_config")

	def config_in_place(self) -> dict:
		"""site_config.json of a site that is there. Raises AgentError, with what to do, where the site or this file is missing."""
		return self._do("read_site_config_in_place")

	@property
	def mark(self) -> str | None:
		"""The mark of the job that made the site, None when no job of ours did or there is no site."""
		return self.config.get(MARK)

	def exists(self) -> bool:
		"""True when anything of that name is there."""
		return self._do("site_exists")

	def json_file(self, name: str) -> dict:
		"""The object in a JSON file of the site's folder; {} when the file is missing or holds something else."""
		return self._bench.do("read_site_file", site=self.name, file=name)

	def put_file(self, file: str, text: str, values: dict, *, seen: dict, forgotten: list[str]) -> None:
		"""Write a JSON file and merge values into site_config.json, as operations.sites.put_site_file does."""
		self._bench.do(
			"put_site_file",
			site=self.name,
			file=file,
			text=text,
			values=values,
			seen=seen,
			forgotten=forgotten,
		)

	def update_config(self, values: dict) -> dict:
		"""Merge values into site_config.json (None removes a key), atomically; returns the whole."""
		return self._do("update_site_config", values=values)

	def call(self, method: str, /, **arguments: Any) -> Any:
		"""Call a function on the site by its dotted name; for quick work. Arguments and result are plain data."""
		return self._do("call_on_site", method=method, arguments=arguments)

	def run(
		self,
		method: str,
		/,
		*,
		id: str,
		timeout: float,
		log: Callable[[str], None],
		checkpoint: Callable[[], None],
		**arguments: Any,
	) -> Any:
		"""Call a function on the site in a process of its own, for heavy work. The other arguments are those of Door.run."""
		return self._bench.run(
			"run_on_site",
			id=id,
			timeout=timeout,
			log=log,
			checkpoint=checkpoint,
			site=self.name,
			place=self.place,
			method=method,
			arguments=arguments,
		)


def here() -> Door:
	"""The bench that this process runs on. Needs an initialised frappe."""
	path = str(path_here())
	# a process that was forked begins with none of its parent's operations
	key = (os.getpid(), path)
	if key not in _doors:
		_doors[key] = Door(Host(Bench(Path(path))))
	return _doors[key]


def to(path: str | None) -> Door:
	"""The bench in that folder of this machine. Its Python runs with this user's rights. Raises AgentError for an empty path."""
	if not path:
		raise AgentError("It is not on record where the bench is.", "Tell it with `saas add-bench PATH`.")
	found = os.path.realpath(path)
	if found == str(path_here()):
		return here()
	key = (os.getpid(), found)
	if key not in _doors:
		_doors[key] = Door(Neighbour(Path(found)))
	return _doors[key]


def path_here() -> Path:
	"""The folder of the bench that this process runs on."""
	return Path(os.path.realpath(frappe.local.sites_path)).parent


def do_without_hung_cache() -> None:
	"""Have the framework of this process take the bench's cache for away where it hangs. To be called in sites/, before frappe.init."""
	hung_cache.set_aside(Path.cwd())


def same_path(path: str | None) -> str:
	"""The path in one spelling: without blanks around it, double or trailing slashes.

	The folder of the bench that this process runs on, however it is spelled, becomes the path that the bench itself has.
	"""
	path = (path or "").strip()
	if not path:
		return ""
	here = str(path_here())
	return here if os.path.realpath(path) == here else os.path.normpath(path)


def is_folder(path: str | None) -> bool:
	"""True when there is a folder of that path on this machine."""
	return os.path.isdir(path or "")


def own_site() -> SiteDoor:
	"""The site that this process works on."""
	return here().site(frappe.local.site)


def update_own_config(values: dict) -> None:
	"""Merge values (None removes a key) into site_config.json of the site that this process works on, and into frappe.conf."""
	own_site().update_config(values)
	frappe.local.conf.update(values)


def _digest(spec: dict) -> str:
	return hashlib.sha256(json.dumps(spec, sort_keys=True, default=str).encode()).hexdigest()[:12]
