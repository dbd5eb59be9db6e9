"""The nginx program: tried with a configuration, started, told to read it anew, and looked at."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil

from buildpro_saas.agent import own_nginx_config, unix_users
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.proxy_config import HTTP_FILE, SITE_FILE
from buildpro_saas.agent.proxy_facts import OWN
from buildpro_saas.agent.proxy_settings import Places, Settings

LONGEST = 300  # seconds for one run of the program
MOST_DYING = 4  # old workers that still end: no reload before there are fewer
WAIT_FOR_DYING = 60  # seconds
LOOK = 0.02  # seconds between two looks
FIRST_OPEN_PORT = 1024  # below it only root listens
TRIED_AT = 60_000  # such a port is tried as this one more
TRIED = "tried-"  # how the files of a release begin as they are tried
TOLD = 600  # characters of what the program says
FAULT = re.compile(r"\[emerg\] (?:\d+#\d+: )?(.+?)(?: in (\S+):(\d+))?\s*$", re.MULTILINE)
CONFLICT = re.compile(r'conflicting server name "([^"]+)"')
LISTEN = re.compile(r"^(\s*listen \S+:)(\d+)\b", re.MULTILINE)


class BrokenConfig(AgentError):
	"""nginx does not take a configuration. line: of HTTP_FILE, where it named one; else 0."""

	def __init__(self, message: str, line: int = 0):
		super().__init__(message)
		self.line = line


class Nginx:
	"""The nginx of a bench's machine, as its settings say."""

	def __init__(self, settings: Settings, places: Places):
		self.settings, self.places = settings, places

	def write_main(self) -> None:
		"""Write the configuration of an nginx of our own, which includes what `current` leads to."""
		self.places.run.mkdir(parents=True, exist_ok=True)
		self.places.logs.mkdir(exist_ok=True)
		text = own_nginx_config.render(
			self.places, self.places.current / HTTP_FILE, Path(self.settings.pid_file), worker_user()
		)
		if not self.places.main.exists() or self.places.main.read_text() != text:
			draft = self.places.main.with_suffix(".draft")
			draft.write_text(text)
			os.replace(draft, self.places.main)

	def try_release(self, folder: Path) -> None:
		"""Have nginx read a release that nothing leads to yet. Raises BrokenConfig.

		Ports below 1024 are tried as others, since only root may open them. So are logs: the machine's nginx makes them as root.
		"""
		tried, main = folder / f"{TRIED}{HTTP_FILE}", folder / f"{TRIED}main.conf"
		self.places.run.mkdir(parents=True, exist_ok=True)
		self._write_tried(folder)
		main.write_text(
			own_nginx_config.render(self.places, tried, self.places.run / "tried.pid", worker_user())
		)
		try:
			self._run([self.settings.nginx, "-t", "-q", "-c", str(main)], tried)
		finally:
			for file in folder.glob(f"{TRIED}*"):
				file.unlink()

	def _write_tried(self, folder: Path) -> None:
		"""The release's files as they are tried, each beside its own."""
		for file in (HTTP_FILE, SITE_FILE):
			if (folder / file).exists():  # one that serves nothing has no sites
				text = LISTEN.sub(_port_to_try, (folder / file).read_text())
				text = text.replace(f"{folder}/{SITE_FILE}", f"{folder}/{TRIED}{SITE_FILE}")
				logs = f"access_log {self.places.logs}/", f"access_log {self.places.run}/{TRIED}"
				(folder / f"{TRIED}{file}").write_text(text.replace(*logs))

	def try_current(self) -> set[str]:
		"""Have nginx read all that it would be reloaded with, others' files too.

		Returns the names that two server blocks have: nginx takes the first, which is ours. Raises BrokenConfig.
		"""
		command = self.settings.test or [self.settings.nginx, "-t", "-q", "-c", str(self.places.main)]
		if not self.settings.test and _needs_root(self.places.current / HTTP_FILE):
			self.try_release(Path(os.path.realpath(self.places.current)))
			return set()
		said = self._run(command, Path(os.path.realpath(self.places.current)) / HTTP_FILE)
		return set(CONFLICT.findall(said))

	def start(self) -> None:
		"""Start an nginx of our own, beside, unless it runs. Raises AgentError, with what it says. systemd does it where there is one."""
		if self.settings.mode != OWN:
			raise AgentError("The machine's nginx is not ours to start.")
		if not self.master():
			self.write_main()
			self._run([self.settings.nginx, "-c", str(self.places.main)], self.places.current / HTTP_FILE)

	def stop(self) -> None:
		"""End an nginx of our own and wait until it is gone. Nothing where it does not run."""
		if self.settings.mode == OWN and (master := self.master()):
			master.send_signal(signal.SIGTERM)
			master.wait(30)

	def reload(self) -> None:
		"""Have it read its configuration anew. It does so beside: ask which release it serves. Raises TransientError where it does not run.

		Waits before that until enough of the workers have ended that earlier reloads have replaced.
		"""
		self.wait_for_old_workers()
		master = self.master()
		if not master:
			raise not_running()
		if not self.settings.reload:
			master.send_signal(signal.SIGHUP)
			return
		done = subprocess.run(
			self.settings.reload,
			capture_output=True,
			text=True,
			timeout=LONGEST,
			check=False,
			stdin=subprocess.DEVNULL,
		)
		if done.returncode:
			raise AgentError(
				f"{' '.join(self.settings.reload)} ended with {done.returncode}: {_said(done)}",
				"Run `saas setup-proxy` again: it lets the bench's user reload nginx.",
			)

	def refused_commands(self) -> list[str]:
		"""The commands by which it is tried and reloaded that this user may not run as root; none for an nginx of our own."""
		return [
			f"`{' '.join(words[2:])}`"
			for words in (self.settings.test, self.settings.reload)
			if not _is_let(words)
		]

	def master(self) -> psutil.Process | None:
		"""nginx's first process; None where it does not run. Of an nginx of our own only the very one that has our configuration."""
		try:
			process = psutil.Process(int(Path(self.settings.pid_file).read_text()))
			words = " ".join(process.cmdline())
		except (OSError, ValueError, psutil.Error):
			return None
		is_ours = self.settings.mode != OWN or str(self.places.main) in words
		return process if "nginx: master process" in words and is_ours else None

	def accepting(self) -> set[int]:
		"""Process ids of the workers that take new connections."""
		return self._workers() - self._workers("shutting down")

	def dying_workers(self) -> int:
		"""How many workers still end that a reload has replaced."""
		return len(self._workers("shutting down"))

	def _workers(self, state: str = "") -> set[int]:
		"""Process ids of the workers whose title has that text."""
		master, found = self.master(), set()
		for worker in master.children() if master else ():
			try:
				if state in " ".join(worker.cmdline()):
					found.add(worker.pid)
			except psutil.Error:
				continue  # it is gone
		return found

	def wait_for_old_workers(self) -> None:
		"""Wait until fewer than MOST_DYING replaced workers still end. Raises TransientError where they do not in time."""
		until = time.monotonic() + WAIT_FOR_DYING
		while (dying := self.dying_workers()) >= MOST_DYING:
			if time.monotonic() > until:
				raise TransientError(
					f"{dying} of nginx's old workers still answer earlier requests, so it was not reloaded.",
					"It is tried again by itself. Each keeps memory until its last connection ends.",
				)
			time.sleep(LOOK)

	def _run(self, command: list[str], http: Path) -> str:
		"""Run nginx to its end, and return what it says. Raises BrokenConfig, and AgentError where there is no such program."""
		try:
			done = subprocess.run(
				command,
				capture_output=True,
				text=True,
				errors="replace",
				timeout=LONGEST,
				check=False,
				stdin=subprocess.DEVNULL,
			)
		except FileNotFoundError:
			raise AgentError(
				f"There is no program {command[0]}.", "Install nginx, then run `saas setup-proxy`."
			) from None
		if done.returncode:
			raise broken(done.stderr or done.stdout, http)
		return done.stderr


def _is_let(words: list[str]) -> bool:
	"""Whether sudo lets this user run the command, which begins with `sudo -n`; asked without running it."""
	if words[:2] != ["sudo", "-n"]:
		return True
	try:
		asked = subprocess.run(
			["sudo", "-n", "-l", *words[2:]],
			capture_output=True,
			timeout=60,
			check=False,
			stdin=subprocess.DEVNULL,
		)
	except FileNotFoundError:
		return False
	return asked.returncode == 0


def not_running() -> TransientError:
	return TransientError(
		"nginx does not run on the bench's machine, so nothing was changed.",
		"Start it (`systemctl start`); it is tried again by itself.",
	)


def worker_user() -> str:
	"""Whom nginx's workers run as where we start it as root, as a container may; "" for anybody else, who can only be himself."""
	return unix_users.own() if os.geteuid() == 0 else ""


def broken(said: str, http: Path) -> BrokenConfig:
	"""What nginx said of a configuration, as an error. http: the file whose lines are hosts'."""
	found = FAULT.search(said)
	if not found:
		return BrokenConfig(f"nginx does not take its configuration: {said.strip()[-TOLD:]}")
	what, file, line = found.groups()
	return BrokenConfig(
		f"nginx does not take its configuration: {what[:TOLD]}", int(line) if file == str(http) else 0
	)


def is_in_its_own_way(old: str, new: str) -> bool:
	"""Whether nginx could not open the sockets of a configuration while it has those of another: all addresses of a port, and one of them."""
	before, after = _addresses(old), _addresses(new)
	return any(
		before[port] != after[port] and {"0.0.0.0", "[::]"} & (before[port] ^ after[port])
		for port in before.keys() & after.keys()
	)


def _addresses(http: str) -> dict[str, set[str]]:
	"""{port: addresses} of a configuration's `listen` directives."""
	found: dict[str, set[str]] = {}
	for start, port in LISTEN.findall(http):
		found.setdefault(port, set()).add(start.split()[-1].rstrip(":"))
	return found


def _needs_root(http: Path) -> bool:
	return os.geteuid() != 0 and any(
		int(port) < FIRST_OPEN_PORT for _start, port in LISTEN.findall(http.read_text())
	)


def _port_to_try(found: re.Match) -> str:
	port = int(found[2])
	return f"{found[1]}{port + TRIED_AT if port < FIRST_OPEN_PORT else port}"


def _said(done: subprocess.CompletedProcess) -> str:
	return (done.stderr or done.stdout).strip()[-TOLD:] or "it said nothing"
