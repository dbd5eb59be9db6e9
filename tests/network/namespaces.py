"""Network namespaces with real links between them: a machine, somebody outside, and a container behind the machine."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import psutil

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
# {namespace: its addresses on the link to the machine}; the machine's own end has .1 and ::1
OUTSIDE, CONTAINER = ("10.77.1.2", "fd77:1::2"), ("10.77.2.2", "fd77:2::2")
MACHINE, MACHINE6 = "10.77.1.1", "fd77:1::1"
SECONDS = 60  # that a condition may take on a loaded machine
OPEN_SECONDS, CLOSED_SECONDS = (
	20.0,
	1.0,
)  # how long an answer is waited for that is to come, and one that is not
# what a child process is told: it connects from its own namespace, and prints what it got
CONNECT = """import socket, sys
try:
	connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3]))
	connection.settimeout(float(sys.argv[3]))
	print(connection.recv(100).decode())
except OSError as error:
	print(type(error).__name__)
"""
ECHO = """import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(float(sys.argv[3]))
sock.sendto(b"echo", (sys.argv[1], int(sys.argv[2])))
try:
	print(sock.recv(100).decode())
except OSError as error:
	print(type(error).__name__)
"""


def why_not() -> str:
	"""Why no namespaces can be made here; empty where they can. Programs that `make test` makes sure of for root may not be missing."""
	if os.geteuid() != 0:
		return "only root makes network namespaces"
	path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
	missing = [name for name in ("ip", "nft", "nsenter", "sysctl") if not shutil.which(name, path=path)]
	assert not missing, f"{', '.join(missing)} are missing: run these tests with `make test ONLY=network`."
	name = f"bp-try-{os.getpid()}"
	made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
	if made.returncode:
		return f"no network namespace can be made: {made.stderr.strip()}"
	try:
		listed = subprocess.run(
			[*inside(name), "nft", "add", "table", "inet", "try"], capture_output=True, text=True
		)
		return f"nft does not work here: {listed.stderr.strip()}" if listed.returncode else ""
	finally:
		subprocess.run(["ip", "netns", "del", name], check=False)


def inside(name: str) -> list[str]:
	"""The words before a command that runs it in the namespace."""
	return ["nsenter", f"--net=/run/netns/{name}", "--"]


class Net:
	"""The three namespaces. root: the folder that has the machine's etc/ and run/."""

	def __init__(self, root: Path):
		self.root = root
		self.names = {each: f"bp-{each}-{os.getpid()}" for each in ("machine", "outside", "container")}
		self._processes: list[subprocess.Popen] = []
		self.programs = root / "programs"  # of a test's own, before the machine's
		self.programs.mkdir()

	def __enter__(self) -> "Net":
		try:
			for name in self.names.values():
				run("ip", "netns", "add", name)
			for each in self.names:
				self.run(each, "ip", "link", "set", "lo", "up")
			self._link("outside", OUTSIDE)
			self._link("container", CONTAINER)
			self.run("machine", "sysctl", "-q", "net.ipv4.ip_forward=1")
		except BaseException:
			self.__exit__()
			raise
		return self

	def __exit__(self, *_exc) -> None:
		for process in self._processes:
			process.kill()
			process.wait()
			process.stdout.close()
		# the timers of changes that were not confirmed
		for timer in self.timers():
			self.end(timer)
		for name in self.names.values():
			subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

	def _link(self, other: str, addresses: tuple[str, str]) -> None:
		end, machine = self.names[other], self.names["machine"]
		run(
			"ip",
			"link",
			"add",
			f"m-{other}",
			"netns",
			machine,
			"type",
			"veth",
			"peer",
			"name",
			"eth0",
			"netns",
			end,
		)
		for address, length in zip(addresses, ("24", "64"), strict=True):
			gateway = f"{address.rpartition('2')[0]}1"
			no_wait = ["nodad"] if ":" in address else []
			self.run("machine", "ip", "address", "add", f"{gateway}/{length}", "dev", f"m-{other}", *no_wait)
			self.run(other, "ip", "address", "add", f"{address}/{length}", "dev", "eth0", *no_wait)
		self.run("machine", "ip", "link", "set", f"m-{other}", "up")
		self.run(other, "ip", "link", "set", "eth0", "up")
		self.run(other, "ip", "route", "add", "default", "via", f"{addresses[0].rpartition('.')[0]}.1")

	def run(self, where: str, *words: str, **options) -> str:
		"""Run a command in a namespace; returns what it printed."""
		return run(*inside(self.names[where]), *words, **options)

	def serve(self, where: str, tcp: list[int], udp: list[int] = ()) -> None:
		"""Have servers in a namespace until the end."""
		words = [
			sys.executable,
			str(HERE / "servers_there.py"),
			*(",".join(map(str, each)) for each in (tcp, udp)),
		]
		process = subprocess.Popen(
			[*inside(self.names[where]), *words], stdout=subprocess.PIPE, env=environment(), text=True
		)
		self._processes.append(process)
		assert process.stdout.readline() == "ready\n"

	def asks(
		self, where: str, address: str, port: int, how: str = CONNECT, seconds: float = OPEN_SECONDS
	) -> str:
		"""What somebody gets in a namespace who asks a server: what it says, or the name of an error."""
		return self.run(where, sys.executable, "-c", how, address, str(port), str(seconds)).strip()

	def is_open(self, port: int, address: str = MACHINE, where: str = "outside") -> bool:
		"""Whether the server answers."""
		return self.asks(where, address, port) == "hello"

	def is_closed(self, port: int, address: str = MACHINE, where: str = "outside") -> bool:
		"""Whether what is sent there is dropped: no answer, not even a refusal."""
		return self.asks(where, address, port, seconds=CLOSED_SECONDS) == "TimeoutError"

	@contextmanager
	def connected(self, address: str, port: int, where: str = "outside"):
		"""A connection to the machine, open in this very process."""
		with in_namespace(self.names[where]):
			connection = socket.create_connection((address, port), SECONDS)
		with connection:
			assert connection.recv(100) == b"hello"
			yield connection

	def command(self, word: str, **given) -> list[str]:
		"""The words with which the agent's part is done, in the namespace where they run."""
		return [sys.executable, str(HERE / "as_root_there.py"), word, str(self.root), json.dumps(given)]

	def does(self, word: str, **given) -> dict:
		"""Do it on the machine: {"result"} or {"error", "hint"}."""
		own = environment()
		own["PATH"] = f"{self.programs}:{own['PATH']}"
		return json.loads(self.run("machine", *self.command(word, **given), env=own))

	def program(self, name: str, script: str) -> None:
		"""Have a program of that name, in the shell's language, in place of the machine's."""
		(self.programs / name).write_text(f"#!/bin/sh\n{script}\n")
		(self.programs / name).chmod(0o755)

	def over_ssh(self, connection: socket.socket, word: str, with_sudo: bool = False, **given) -> dict:
		"""The same over a connection to the machine's port 22. with_sudo: the variable of the connection is dropped, as sudo does."""
		command = shlex.join(
			[*(["env", "-u", "SSH_CONNECTION"] if with_sudo else []), *self.command(word, **given)]
		)
		# a shell that stays, as that of somebody who is signed in
		connection.sendall(f"{command}; true".encode())
		said = b"".join(iter(lambda: connection.recv(65536), b""))
		return json.loads(said)

	def ruleset(self) -> str:
		"""All tables of the machine."""
		return self.run("machine", "nft", "-s", "list", "ruleset")

	def let_time_pass(self, timer: int) -> None:
		"""Have the time of a change be over now, and wait until its timer has done what it does then."""
		shell = psutil.Process(timer)
		(sleeping,) = wait_for(
			lambda: [each for each in shell.children() if each.name() == "sleep"], "the sleep of a timer"
		)
		sleeping.kill()
		wait_for(lambda: timer not in self.timers(), "the end of the timer")

	def end(self, timer: int) -> None:
		"""Kill a timer, and its sleep."""
		shell = psutil.Process(timer)
		for process in (shell, *shell.children()):  # not the other way: the shell would go on after its sleep
			process.kill()
		wait_for(lambda: timer not in self.timers(), "the end of the timer")

	def timers(self) -> list[int]:
		"""The processes that will take a change back."""
		found = []
		for path in Path("/proc").glob("[0-9]*/cmdline"):
			try:
				words = path.read_bytes().split(b"\0")
			except (FileNotFoundError, ProcessLookupError):
				continue
			if b"buildpro-way-back" in words and any(str(self.root).encode() in word for word in words):
				found.append(int(path.parent.name))
		return found


@contextmanager
def in_namespace(name: str):
	"""This thread in another network namespace; sockets keep the one that they were made in."""
	import ctypes

	libc = ctypes.CDLL(None, use_errno=True)
	own, other = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{name}", os.O_RDONLY)
	try:
		assert libc.setns(other, 0x40000000) == 0, os.strerror(ctypes.get_errno())
		yield
	finally:
		assert libc.setns(own, 0x40000000) == 0
		os.close(own)
		os.close(other)


def environment() -> dict[str, str]:
	known = {key: value for key, value in os.environ.items() if key != "SSH_CONNECTION"}
	return {**known, "PYTHONPATH": str(REPOSITORY), "PATH": f"{known.get('PATH', '')}:/usr/sbin:/sbin"}


def run(*words: str, **options) -> str:
	done = subprocess.run(
		words, capture_output=True, text=True, timeout=SECONDS, **{"env": environment(), **options}
	)
	assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr}{done.stdout}"
	return done.stdout


def wait_for(condition: Callable[[], object], what: str):
	"""What the condition gives once it gives something."""
	end = time.monotonic() + SECONDS
	while not (found := condition()):
		assert time.monotonic() < end, f"It did not come: {what}"
		time.sleep(0.1)
	return found
