"""Where this clone keeps what it builds: folders, ports, secrets, finished stages. Nothing outside is written."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dev.shell import DevError, say

REPO = Path(__file__).resolve().parent.parent
# Below 32768 Linux hands no port to outgoing connections, so a port chosen once stays free more often.
PORTS = range(20_000, 32_000)
PORT_NAMES = ("mariadb", "redis_cache", "redis_queue", "web", "socketio")
# Of what `make demo PROXY=1` has besides.
NETWORK_PORT_NAMES = ("dns", "resolver", "acme", "acme_management", "proxy_http", "proxy_https")


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
	"""Replace the file in one step: a reader, or a run after a crash, sees the old text or the new, never half."""
	path.parent.mkdir(parents=True, exist_ok=True)
	draft = path.with_name(f".{path.name}.{os.getpid()}")
	descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
	with os.fdopen(descriptor, "w") as file:
		file.write(text)
	os.chmod(draft, mode)
	os.replace(draft, path)


def write_json(path: Path, value: object, mode: int = 0o644) -> None:
	write_atomically(path, json.dumps(value, indent=1, sort_keys=True) + "\n", mode)


def read_json(path: Path, default: object = None):
	"""The JSON in `path`, or `default` when there is no such file."""
	try:
		return json.loads(path.read_text())
	except FileNotFoundError:
		return default


def link(name: Path, target: Path) -> None:
	"""Make `name` a symbolic link to `target`; what is there already stays if it is that link."""
	name.parent.mkdir(parents=True, exist_ok=True)
	if name.is_symlink() and Path(os.readlink(name)) == target:
		return
	if name.exists() and not name.is_symlink():
		raise DevError(f"{name} is in the way: it is no link to {target}.")
	name.unlink(missing_ok=True)
	name.symlink_to(target)


def is_port_free(port: int) -> bool:
	with socket.socket() as probe:
		probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		try:
			probe.bind(("127.0.0.1", port))
		except OSError:
			return False
	return True


class Home:
	"""The folder `.bench` of a clone (`BENCH_HOME` moves it) and what is remembered in it."""

	def __init__(self, path: Path | str | None = None, label: str = ""):
		"""`label` stands before what is said about stages, where several homes are built at the same time."""
		self.label = label
		self.path = Path(path or os.environ.get("BENCH_HOME") or REPO / ".bench").expanduser().absolute()
		self.tools = self.path / "tools"
		self.bench = self.path / "frappe-bench"
		self.mariadb = self.path / "mariadb"
		# A MariaDB that starts removes all temporary tables in its folder for them: in /tmp also those of other benches' servers.
		self.mariadb_temporary = self.path / "mariadb-tmp"
		self.logged = self.path / "logged"  # there while MariaDB writes a binary log
		self.unsynced = self.path / "unsynced"  # there while MariaDB does not wait for the disk
		self.framework_sql = self.path / "framework.sql"  # a site with the framework alone, for tests
		self.redis = self.path / "redis"
		self.network = (
			self.path / "network"
		)  # there once `make demo PROXY=1` ran: files of DNS, authority and proxy
		self.bin = self.path / "bin"
		self.logs = self.path / "logs"
		self.pids = self.path / "pids"

	@contextlib.contextmanager
	def lock(self) -> Iterator[None]:
		"""Only one build at a time in a home; a second waits for the first."""
		self.path.mkdir(parents=True, exist_ok=True)
		with open(self.path / "lock", "w") as file:
			try:
				fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
			except BlockingIOError:
				say("Waiting for another run in this clone to finish building …")
				fcntl.flock(file, fcntl.LOCK_EX)
			yield

	# stages ------------------------------------------------------------------------------------------------

	def is_done(self, stage: str, key: object = None) -> bool:
		mark = read_json(self.path / "stages" / f"{stage}.json")
		return mark is not None and mark["key"] == key

	def stage(self, name: str, title: str, build: Callable[[], None], key: object = None) -> bool:
		"""Run `build` unless this stage was finished with the same `key` before. True if it ran.

		A stage is marked after its last action only, so what an interrupted run left is built again: `build`
		must start by removing or accepting what it finds.
		"""
		if self.is_done(name, key):
			return False
		self.undo_stage(name)
		say(f"{self.label}{title} …")
		started = time.monotonic()
		build()
		seconds = round(time.monotonic() - started, 1)
		self.mark_done(name, key, seconds)
		say(f"{self.label}  done in {seconds} s")
		return True

	def mark_done(self, name: str, key: object = None, seconds: float = 0) -> None:
		write_json(self.path / "stages" / f"{name}.json", {"key": key, "seconds": seconds})

	def undo_stage(self, name: str) -> None:
		(self.path / "stages" / f"{name}.json").unlink(missing_ok=True)

	# ports and secrets -------------------------------------------------------------------------------------

	def ports(self) -> dict[str, int]:
		"""The loopback ports of this home, chosen at the first call and kept: {"mariadb": 20123, …}."""
		ports = read_json(self.path / "ports.json", {})
		names = PORT_NAMES + (NETWORK_PORT_NAMES if self.network.exists() else ())
		if missing := [name for name in names if name not in ports]:
			for name in missing:
				ports[name] = self._free_port(set(ports.values()))
			write_json(self.path / "ports.json", ports)
		return ports

	def move_port(self, name: str) -> int:
		"""Choose another port for `name`, because something that is not ours listens on the present one."""
		ports = self.ports()
		ports[name] = self._free_port(set(ports.values()))
		write_json(self.path / "ports.json", ports)
		return ports[name]

	def _free_port(self, taken: set[int]) -> int:
		candidates = random.sample(PORTS, 200)
		for port in candidates:
			if port not in taken and is_port_free(port):
				return port
		raise DevError(
			"No free loopback port between 20000 and 32000 was found; stop some servers and try again."
		)

	def secret(self, name: str) -> str:
		"""A password made at the first call and kept in `secrets.json` (mode 0600)."""
		path = self.path / "secrets.json"
		kept = read_json(path, {})
		if name not in kept:
			kept[name] = secrets.token_urlsafe(18)
			write_json(path, kept, mode=0o600)
		return kept[name]

	def remove(self) -> None:
		"""Delete everything that was built. Refuses a folder that does not look like a home."""
		if not self.path.exists():
			return
		if not any((self.path / mark).exists() for mark in ("lock", "stages", "ports.json")):
			raise DevError(f"{self.path} was not made by dev/run, so it is left alone; remove it yourself.")
		shutil.rmtree(self.path)
