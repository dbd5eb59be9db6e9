"""Starts, watches and stops the services of a bench, one process each, known by a file with its process id.

Every service is started by the same command, `dev/run service NAME`, which notes its own process id and then becomes
the service: in the background from here, in the foreground from honcho's Procfile (`make serve`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dev import network_services, probes
from dev.home import REPO, Home, is_port_free, read_json, write_atomically, write_json
from dev.process_stat import ProcessStat, family_of, send
from dev.service_list import Service, bench_environment, services_of
from dev.shell import DevError, clean_environment, say

# What the others need to start.
SERVERS = ("redis_cache", "redis_queue", "mariadb")
# How long a service that runs already may take to be ready; a worker starts in about three seconds.
SETTLING_SECONDS = 10


class Services:
	"""The services of one bench. `services.kill("worker")`, `services.start("worker")`, `services.wait_ready("worker")`.

	Names, in starting order: redis_cache, redis_queue, mariadb, web, worker, provisioning, provisioning_2 (a spare),
	scheduler (and socketio on a bench whose framework brings it). A bench that was there before us keeps its own MariaDB.
	Once `make demo PROXY=1` ran, also knot, resolver, pebble and nginx, which are spares.
	"""

	def __init__(self, home: Home, bench: Path | None = None):
		self.home = home
		self.bench = bench or home.bench
		listed = [*services_of(home, self.bench), *network_services.services_of(home, self.bench)]
		self.services = {service.name: service for service in listed}
		self.environment = bench_environment(home, self.bench)
		self._children: dict[str, subprocess.Popen] = {}

	@classmethod
	def from_environment(cls) -> Services:
		"""The services of the bench that `make test` describes in BUILDPRO_HOME and BUILDPRO_BENCH."""
		bench = os.environ.get("BUILDPRO_BENCH")
		return cls(Home(os.environ.get("BUILDPRO_HOME")), Path(bench) if bench else None)

	# looking -----------------------------------------------------------------------------------------------

	def names(self) -> list[str]:
		return list(self.services)

	def port(self, name: str) -> int:
		return self.home.ports()[self._service(name).port]

	def pid(self, name: str) -> int | None:
		"""The process id of the service's own process, None when it does not run."""
		if child := self._children.get(name):
			child.poll()  # reaps it if it ended
		mark = read_json(self.home.pids / f"{self._service(name).name}.json")
		if mark and (found := ProcessStat.of(mark["pid"])) and found.started == mark["started"]:
			return mark["pid"]
		return None

	def is_running(self, name: str) -> bool:
		return self.pid(name) is not None

	def older_than(self, moment: float) -> list[str]:
		"""The running services that hold the apps' code and were started before `moment` (seconds of the epoch)."""
		without = (*SERVERS, "socketio", *network_services.NAMES)
		with_code = [name for name in self.services if name not in without]
		return [
			name
			for name in with_code
			if self.is_running(name) and (self.home.pids / f"{name}.json").stat().st_mtime < moment
		]

	def children(self, name: str) -> list[int]:
		"""Process ids below the service's own: RQ's work horse, gunicorn's workers."""
		pid = self.pid(name)
		return [] if pid is None else [other for other in family_of(pid) if other != pid]

	# starting ----------------------------------------------------------------------------------------------

	def start(self, name: str) -> int:
		"""Start the service in the background unless it runs, and return its process id; see wait_ready()."""
		service = self._service(name)
		if pid := self.pid(name):
			return pid
		log = self.home.logs / f"{name}.log"
		log.parent.mkdir(parents=True, exist_ok=True)
		with open(log, "a") as output:
			child = subprocess.Popen(
				[sys.executable, "-m", "dev", "service", service.name],
				cwd=REPO,
				env=self.launcher_environment(),
				stdin=subprocess.DEVNULL,
				stdout=output,
				stderr=output,
				start_new_session=True,
			)
		self._children[name] = child
		self._wait(
			lambda: self.pid(name) == child.pid or child.poll() is not None, 20, f"{name} did not start"
		)
		return child.pid

	def become(self, name: str) -> None:
		"""Turn this process into the service. Does not return."""
		service = self._service(name)
		if os.getsid(0) not in (os.getpid(), os.getppid()):
			raise DevError("`service` is for honcho and for background starts; use `dev/run start`.")
		stat = ProcessStat.of(os.getpid())
		write_json(self.home.pids / f"{name}.json", {"pid": os.getpid(), "started": stat.started})
		os.chdir(service.cwd)
		os.execvpe(service.argv[0], list(service.argv), self.environment)

	def wait_ready(self, name: str, seconds: float = 60) -> None:
		"""Return when the service does its work (takes connections, is registered with RQ, …).

		Raises DevError with the end of its log when it died or is not ready after `seconds`.
		"""
		service = self._service(name)

		def is_settled() -> bool:
			pid = self.pid(name)
			return pid is None or service.is_ready(pid)

		self._wait(is_settled, seconds, f"{name} was not ready after {seconds:g} s{self._tail(name)}")
		if not self.is_running(name):
			raise DevError(f"{name} ended by itself{self._tail(name)}")

	def start_all(self, *names: str) -> None:
		"""Start the named services (without names all but spare ones), servers first, and wait until each is ready.

		One that runs and does not become ready is started anew: a worker whose Redis lost its data is in no list of
		workers any more, and never enters one by itself.
		"""
		names = names or tuple(name for name, service in self.services.items() if not service.is_spare)
		wanted = [name for name in self.services if name in names]
		servers = [name for name in wanted if name in SERVERS]
		for group in (servers, [name for name in wanted if name not in servers]):
			running = {name for name in group if self.is_running(name)}
			for name in group:
				self.start(name)
			for name in group:
				if name in running and not self._becomes_ready(name, SETTLING_SECONDS):
					self.restart(name)
				else:
					self.wait_ready(name)

	def _becomes_ready(self, name: str, seconds: float) -> bool:
		try:
			self.wait_ready(name, seconds)
		except DevError:
			return False
		return True

	def free_ports(self) -> bool:
		"""Choose new ports for stopped services whose port something else took meanwhile. True if any moved."""
		has_moved = False
		for name, service in self.services.items():
			if service.port and not self.is_running(name) and not is_port_free(self.port(name)):
				port = self.home.move_port(service.port)
				say(f"The port of {name} is taken by another program; {name} moves to {port}.")
				has_moved = True
		return has_moved

	# stopping ----------------------------------------------------------------------------------------------

	def stop(self, name: str, seconds: float | None = None) -> None:
		"""End the service as an operator would (SIGTERM), with SIGKILL for what is left after `seconds`."""
		pid = self.pid(name)
		if pid is None:
			return
		session = family_of(pid)
		send(pid, signal.SIGTERM)
		seconds = self._service(name).stop_seconds if seconds is None else seconds
		try:
			self._wait(lambda: not self.is_running(name), seconds, "")
		except DevError:
			say(f"{name} did not end within {seconds:g} s and is killed.")
		for other in {*session, *family_of(pid)}:
			send(other, signal.SIGKILL)
		self._wait(lambda: not self.is_running(name), 10, f"{name} could not be killed")
		(self.home.pids / f"{name}.json").unlink(missing_ok=True)

	def kill(self, name: str, *, signal_number: int = signal.SIGKILL, is_whole: bool = True) -> None:
		"""Kill at once, as a crash would: the service with all its children, or (`is_whole=False`) its own process alone.

		Returns when the processes are gone. Raises DevError when the service does not run.
		"""
		pid = self.pid(name)
		if pid is None:
			raise DevError(f"{name} does not run, so it cannot be killed")
		victims = family_of(pid) if is_whole else [pid]
		# The parent first: otherwise it would see its child die and act on it.
		for victim in [pid, *(other for other in victims if other != pid)]:
			send(victim, signal_number)
		self._wait(lambda: not any(map(ProcessStat.of, victims)), 20, f"{name} survived")

	def restart(self, name: str) -> None:
		self.stop(name)
		self.start(name)
		self.wait_ready(name)

	def stop_all(self) -> list[str]:
		"""Stop what runs, those that need others first; returns their names."""
		running = [name for name in reversed(self.services) if self.is_running(name)]
		for name in running:
			self.stop(name)
		return running

	# the rest ----------------------------------------------------------------------------------------------

	def write_procfile(self) -> Path:
		"""Write a Procfile of the services that `make serve` runs in the foreground: all but MariaDB, Redis and spares."""
		names = [
			name for name, service in self.services.items() if name not in SERVERS and not service.is_spare
		]
		path = self.home.path / "Procfile"
		write_atomically(path, "".join(f"{name}: {REPO / 'dev/run'} service {name}\n" for name in names))
		return path

	def launcher_environment(self) -> dict[str, str]:
		"""The environment in which `dev/run service NAME` finds these services."""
		return clean_environment(
			PYTHONPATH=str(REPO),
			PYTHONDONTWRITEBYTECODE="1",
			BUILDPRO_HOME=str(self.home.path),
			BUILDPRO_BENCH=str(self.bench),
		)

	def empty_redis(self, name: str) -> None:
		"""Remove everything from a Redis server, as one that lost its data would be."""
		probes.redis_command(self.port(name), "FLUSHALL")

	def _service(self, name: str) -> Service:
		if name not in self.services:
			raise DevError(f"There is no service {name!r} here; there are {', '.join(self.services)}.")
		return self.services[name]

	def _wait(self, is_met, seconds: float, message: str) -> None:
		end = time.monotonic() + seconds
		while not is_met():
			if time.monotonic() > end:
				raise DevError(message)
			time.sleep(0.05)

	def _tail(self, name: str) -> str:
		log = self.home.logs / f"{name}.log"
		lines = log.read_text(errors="replace").splitlines()[-25:] if log.exists() else []
		return f"; the end of {log}:\n" + "\n".join(lines)
