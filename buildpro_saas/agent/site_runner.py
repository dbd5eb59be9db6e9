"""Runs a function on a site in a process of its own. Its memory, its open files and its `sys.exit` stay there."""

import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from buildpro_saas.agent import machine_memory
from buildpro_saas.agent.errors import AgentError, KilledError, TransientError

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
CHUNK = 65536
LONGEST_DYING = 2.0  # seconds
LONGEST_LINE = 65536  # bytes that a line may have; what is longer is passed on in parts
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Order:
	"""What a process is to do: a function by its dotted name, on a site.

	python: the interpreter. site: the site's folder, relative to sites_path, which has common_site_config.json. arguments: plain data.
	"""

	python: str
	site: str
	sites_path: str
	method: str
	arguments: dict


class SiteProcess:
	"""The process that carries an order out.

	It dies with this one, also when this one is killed, and what it has started dies with it. So no orphan goes on working on the site.
	Arguments go through standard input, never through the command line. Whoever starts it calls `follow` until that returns True, or
	`end`.
	"""

	def __init__(self, order: Order, log: Callable[[str], None]) -> None:
		self._reader, writer = os.pipe()
		self._kills = machine_memory.kills()
		parent = os.getpid()
		# `env`: a CI variable would switch Frappe's test mode on in the child
		self._process = subprocess.Popen(
			[order.python, "-m", "buildpro_saas.agent.run_on_site", order.site, str(writer)],
			cwd=order.sites_path,
			env={key: value for key, value in os.environ.items() if key != "CI"} | {"PYTHONUNBUFFERED": "1"},
			stdin=subprocess.PIPE,
			stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			pass_fds=(writer,),
			start_new_session=True,
			preexec_fn=lambda: die_with(parent),
		)
		os.close(writer)
		told = json.dumps({"method": order.method, "arguments": order.arguments}).encode()
		self._following = _Following(self._process, self._reader, told, log)

	def follow(self, seconds: float) -> bool:
		"""Take what it prints and answers, for `seconds` at most or until something has come.

		Returns True once it has ended, and all is taken.
		"""
		if not self._following.turn(seconds):
			return False
		_kill_group(
			self._process
		)  # before its output is read to the end, which what it has started may hold open
		self._following.rest()
		return True

	def result(self) -> Any:
		"""The answer of a process that has ended. Raises what the function raised, as AgentError or TransientError."""
		try:
			status = self._process.wait()
			if status == -signal.SIGKILL and not self._following.answer:
				raise _killed(machine_memory.kills() > self._kills)
			return _result(status, bytes(self._following.answer).decode())
		finally:
			self.end()

	def end(self) -> None:
		"""Make sure that it and what it has started are gone. Repeatable."""
		if self._reader is None:
			return
		self._following.close()
		end_tree(self._process)
		os.close(self._reader)
		self._reader = None


def die_with(parent: int) -> None:
	"""In a new child, before it executes anything: ask to be killed when the parent dies.

	The child has its parent's priority. A worker's is lower than that of web requests (Frappe's `background_process_niceness`).
	"""
	_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
	if os.getppid() != parent:  # it died before we asked
		os.kill(os.getpid(), signal.SIGKILL)


class _Following:
	"""Sends the child its order, and takes its lines and its answer as they come: whoever writes into a full pipe stops."""

	def __init__(
		self, process: subprocess.Popen, reader: int, order: bytes, log: Callable[[str], None]
	) -> None:
		self.process, self.reader, self.log = process, reader, log
		self.order = memoryview(order)
		self.answer = bytearray()
		self.pending = b""
		self.output = process.stdout.fileno()
		for descriptor in (self.output, reader, process.stdin.fileno()):
			os.set_blocking(descriptor, False)
		self.ended = os.pidfd_open(process.pid)
		self.selector = selectors.DefaultSelector()
		self.selector.register(self.ended, selectors.EVENT_READ)
		self.selector.register(self.output, selectors.EVENT_READ, self._read_output)
		self.selector.register(reader, selectors.EVENT_READ, self._read_answer)
		self.selector.register(process.stdin.fileno(), selectors.EVENT_WRITE, self._send)

	def turn(self, seconds: float) -> bool:
		"""Wait for something to happen, `seconds` at most, and handle it. True when the child has ended."""
		ready = [key for key, _events in self.selector.select(timeout=seconds)]
		for key in ready:
			if key.data and key.data() is False:
				self.selector.unregister(key.fileobj)
		return any(key.fileobj == self.ended for key in ready)

	def close(self) -> None:
		self.selector.close()
		os.close(self.ended)

	def rest(self) -> None:
		"""Take what the child has left in its pipes. It has ended."""
		for read in (self._read_output, self._read_answer):
			while read() is True:
				pass
		_pass_on(self.pending, self.log)

	def _send(self) -> bool:
		"""Send a part of the order. False once all is sent, or the child takes no more."""
		try:
			self.order = self.order[os.write(self.process.stdin.fileno(), self.order[:CHUNK]) :]
		except BrokenPipeError:
			self.order = self.order[:0]
		if not self.order:
			with suppress(BrokenPipeError):
				self.process.stdin.close()
		return bool(self.order)

	def _read_output(self) -> bool | None:
		if not (chunk := _read(self.output)):
			return None if chunk is None else False
		*lines, self.pending = (self.pending + chunk).split(b"\n")
		if len(self.pending) > LONGEST_LINE:
			lines, self.pending = [*lines, self.pending], b""
		for line in lines:
			_pass_on(line, self.log)
		return True

	def _read_answer(self) -> bool | None:
		chunk = _read(self.reader)
		self.answer += chunk or b""
		return None if chunk is None else bool(chunk)


def _read(descriptor: int) -> bytes | None:
	"""What the pipe has; empty at its end, None where there is nothing yet."""
	try:
		return os.read(descriptor, CHUNK)
	except BlockingIOError:
		return None


def _pass_on(line: bytes, log: Callable[[str], None]) -> None:
	# of a progress bar, which redraws itself after each carriage return, only the last state counts
	text = line.decode(errors="replace").rstrip().rsplit("\r", 1)[-1]
	text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
	if text.strip():
		log(text)


def _killed(is_by_kernel: bool) -> KilledError:
	by = (
		"by the kernel, for the machine's memory was used up"
		if is_by_kernel
		else "by the kernel or by somebody"
	)
	return KilledError(
		f"The site's process was ended with signal 9 {by}; nothing is said of what it was at.",
		"See what takes the memory (`free -m`, `dmesg`), give the machine more, or let fewer heavy jobs run at once, then press Retry.",
	)


def _result(status: int, answer: str) -> Any:
	if not answer:
		how = f"signal {-status}" if status < 0 else f"status {status}"
		# killed from outside (out of memory, an operator): worth another try; an exit of its own is not
		error = TransientError if status < 0 else AgentError
		raise error(f"The site's process ended with {how} and without an answer.", "See the step's output.")
	answer = json.loads(answer)
	if "error" in answer:
		error = TransientError if answer["is_transient"] else AgentError
		raise error(answer["error"], answer["hint"])
	return answer["result"]


def _kill_group(process: subprocess.Popen) -> None:
	"""End the child and whatever it has started: its process group, and what has left the group while the child lives.

	The child has not been waited for. Until then no other process gets the group's number.
	"""
	if process.returncode is None:
		with suppress(ProcessLookupError):
			elsewhere = _descendants(process.pid)
			os.killpg(process.pid, signal.SIGKILL)
			_kill(elsewhere)


def adopt_orphans() -> None:
	"""Make this process the parent of what its children leave behind, so that end_descendants finds it."""
	_libc.prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_descendants() -> None:
	"""End whatever this process has started, directly or not."""
	_kill(_descendants(os.getpid()))


def _descendants(pid: int) -> list[psutil.Process]:
	try:
		return psutil.Process(pid).children(recursive=True)
	except psutil.NoSuchProcess:
		return []


def _kill(processes: list[psutil.Process]) -> None:
	for process in processes:
		with suppress(psutil.NoSuchProcess):
			process.kill()
	psutil.wait_procs(processes, timeout=LONGEST_DYING)


def end_tree(process: subprocess.Popen) -> None:
	"""Kill a child that leads a session of its own, and all that it has started. Returns when they are gone."""
	_kill_group(process)
	process.stdout.close()
	if not process.stdin.closed:
		with suppress(BrokenPipeError):
			process.stdin.close()
	process.wait()
	_wait_for_group(process.pid)


def _wait_for_group(group: int) -> None:
	"""Wait until the last process of the group has died, which takes the kernel a moment; LONGEST_DYING at most, for zombies may stay."""
	until = time.monotonic() + LONGEST_DYING
	with suppress(ProcessLookupError):
		while time.monotonic() < until:
			os.killpg(group, 0)
			time.sleep(0.01)
