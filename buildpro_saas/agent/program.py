"""Programs of the operating system that the agent runs: found by what they are for, given secrets by file descriptor, and never left behind."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.site_runner import die_with

CHECK_SECONDS = 1.0
TOLD = 500  # characters of what a program says that are passed on
DUMP, STORE, LOG = ("mariadb-dump", "mysqldump"), ("restic",), ("mariadb-binlog",)
PACKAGES = {DUMP: "mariadb-client", STORE: "restic", LOG: "mariadb-client", ("git",): "git"}
PIPE = subprocess.PIPE


def find(names: tuple[str, ...]) -> str:
	"""The path of the first of these programs that is installed. Raises AgentError that names the package."""
	for name in names:
		if path := shutil.which(name):
			return path
	package = PACKAGES.get(names)
	how = f"Install it (`apt-get install {package}`)" if package else "Name one that is there"
	raise AgentError(
		f"There is no program {names[0]} on the bench's machine.",
		f"{how}, then press Retry. `saas doctor` says what else is missing.",
	)


@dataclass
class Running:
	"""A program that runs. What it says on standard error is taken all the while, so that it never waits for its reader."""

	name: str
	process: subprocess.Popen
	_listener: threading.Thread
	_said: list[bytes]

	@property
	def said(self) -> str:
		"""What it has said on standard error, shortened; whole once it has ended."""
		return without_traces(b"".join(self._said).decode(errors="replace")).strip()[-TOLD:]

	def wait(self, checkpoint: Callable[[], None]) -> int:
		"""Wait for its end; returns its exit code. Raises what `checkpoint` raises."""
		while True:
			try:
				code = self.process.wait(CHECK_SECONDS)
				break
			except subprocess.TimeoutExpired:
				checkpoint()
		self._listener.join()
		return code

	def finish(self, checkpoint: Callable[[], None]) -> None:
		"""The same. Raises AgentError, with what it said, unless it ended well."""
		if code := self.wait(checkpoint):
			raise AgentError(self.fault(code))

	def fault(self, code: int) -> str:
		"""A sentence about how it ended."""
		how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
		return f"{self.name} {how}: {self.said or 'it said nothing'}"


def without_traces(said: str) -> str:
	"""The text without the stack traces of programs in Go, which are longer than what they are about: a function, then its place, indented."""
	lines = said.splitlines() or [""]
	follows = [*lines[1:], ""]
	kept = [
		line
		for line, next_line in zip(lines, follows, strict=True)
		if not line.startswith("\t") and not next_line.startswith("\t")
	]
	return "\n".join(dict.fromkeys(kept))


@contextmanager
def running(
	command: list[str],
	*,
	secrets: Mapping[str, str] | None = None,
	environment: Mapping[str, str] | None = None,
	stdin: int | None = subprocess.DEVNULL,
	stdout: int | None = subprocess.DEVNULL,
	folder: str | None = None,
) -> Iterator[Running]:
	"""Run a program for the block. It is gone when the block ends, and dies with this process.

	secrets: {option: what the program reads from the file descriptor whose path is given with that option}. environment: added to this
	process's own. folder: where it runs; this process's own where it is left out.
	"""
	parent, name = os.getpid(), os.path.basename(command[0])
	with ExitStack() as stack:
		readers = {
			option: stack.enter_context(_descriptor_with(secret))
			for option, secret in (secrets or {}).items()
		}
		told = [f"{option}=/dev/fd/{reader}" for option, reader in readers.items()]
		process = subprocess.Popen(
			[command[0], *told, *command[1:]],
			stdin=stdin,
			stdout=stdout,
			cwd=folder,
			stderr=subprocess.PIPE,
			pass_fds=tuple(readers.values()),
			env={**os.environ, **(environment or {})},
			preexec_fn=lambda: die_with(parent),
		)
	said: list[bytes] = []
	listener = threading.Thread(target=lambda: said.extend(iter(process.stderr.readline, b"")), daemon=True)
	listener.start()
	try:
		yield Running(name, process, listener, said)
	finally:
		process.kill()
		process.wait()
		listener.join()
		for stream in filter(None, (process.stdin, process.stdout, process.stderr)):
			_close(stream)


def _close(stream) -> None:
	try:
		stream.close()
	except BrokenPipeError:
		return  # what was not written yet, to a program that is gone


@contextmanager
def _descriptor_with(secret: str) -> Iterator[int]:
	"""The reading end of a pipe that holds the secret, which fits into a pipe's buffer."""
	reader, writer = os.pipe()
	try:
		os.write(writer, secret.encode())
		os.close(writer)
		yield reader
	finally:
		os.close(reader)
