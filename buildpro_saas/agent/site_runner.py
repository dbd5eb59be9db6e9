"""Run a function on a site in a process of its own: its memory, its open files and its `sys.exit` stay there."""

import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from buildpro_saas.agent.errors import AgentError, TransientError

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
POLL_SECONDS = 1.0
CHUNK = 65536
LONGEST_DYING = 2.0  # seconds
LONGEST_LINE = 65536  # bytes that a line may have; what is longer is passed on in parts
_libc = ctypes.CDLL(None, use_errno=True)


def run(
	site: str,
	sites_path: Path,
	method: str,
	arguments: dict,
	*,
	timeout: float,
	log: Callable[[str], None],
	checkpoint: Callable[[], None],
) -> Any:
	"""Run `method` on the site in a child process and return its JSON-able result. See Site.run.

	`site`: the site's folder, relative to `sites_path`, which has common_site_config.json. The child dies with this process (also when
	that is killed), so no orphan goes on working on the site, and what the child has started goes with it. Arguments go through standard
	input, never through the command line.
	"""
	reader, writer = os.pipe()
	parent = os.getpid()
	# `env`: a CI variable would switch Frappe's test mode on in the child
	process = subprocess.Popen(
		[sys.executable, "-m", "buildpro_saas.agent.run_on_site", site, str(writer)],
		cwd=sites_path,
		env={key: value for key, value in os.environ.items() if key != "CI"} | {"PYTHONUNBUFFERED": "1"},
		stdin=subprocess.PIPE,
		stdout=subprocess.PIPE,
		stderr=subprocess.STDOUT,
		pass_fds=(writer,),
		start_new_session=True,
		preexec_fn=lambda: die_with(parent),
	)
	os.close(writer)
	try:
		order = json.dumps({"method": method, "arguments": arguments}).encode()
		following = _Following(process, reader, order, log)
		following.until_it_ends(time.monotonic() + timeout, timeout, checkpoint)
		_kill_group(process)  # before its output is read to the end, which what it has started may hold open
		following.rest()
		return _result(process.wait(), bytes(following.answer).decode())
	finally:
		_end(process)
		os.close(reader)


def die_with(parent: int) -> None:
	"""In a new child, before it executes anything: be killed when the parent dies.

	It has its parent's priority: a worker's is lower than that of web requests already (Frappe's `background_process_niceness`).
	"""
	_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
	if os.getppid() != parent:  # it died before we asked
		os.kill(os.getpid(), signal.SIGKILL)


class _Following:
	"""Gives the child its order, passes on what it prints and takes its answer, each as it comes: a full pipe stops whoever writes."""

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

	def until_it_ends(self, deadline: float, timeout: float, checkpoint: Callable[[], None]) -> None:
		"""Follow the child until it has ended, looking at the clock and the checkpoint meanwhile."""
		ended = os.pidfd_open(self.process.pid)
		last_check = time.monotonic()
		try:
			with selectors.DefaultSelector() as selector:
				selector.register(ended, selectors.EVENT_READ)
				selector.register(self.output, selectors.EVENT_READ, self._read_output)
				selector.register(self.reader, selectors.EVENT_READ, self._read_answer)
				selector.register(self.process.stdin.fileno(), selectors.EVENT_WRITE, self._send)
				while True:
					ready = [key for key, _events in selector.select(timeout=POLL_SECONDS)]
					for key in ready:
						if key.data and key.data() is False:
							selector.unregister(key.fileobj)
					if any(key.fileobj == ended for key in ready):
						return
					now = time.monotonic()
					if now > deadline:
						raise TransientError(f"It took longer than {timeout:.0f} seconds and was stopped.")
					if now - last_check >= POLL_SECONDS:
						last_check = now
						checkpoint()
		finally:
			os.close(ended)

	def rest(self) -> None:
		"""Take what the child, which has ended, has left in its pipes."""
		for read in (self._read_output, self._read_answer):
			while read() is True:
				pass
		_pass_on(self.pending, self.log)

	def _send(self) -> bool:
		"""False once all is sent or the child takes no more; as the other two, which answer None where there is nothing yet."""
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
	"""What is there; empty at the end, None where there is nothing yet."""
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
	"""End the child and whatever it has started: its process group, and what has left that while the child lives.

	The child is not waited for yet: until then the number of the group is nobody else's.
	"""
	if process.returncode is None:
		with suppress(ProcessLookupError):
			elsewhere = _descendants(process.pid)
			os.killpg(process.pid, signal.SIGKILL)
			_kill(elsewhere)


def adopt_orphans() -> None:
	"""Make this process the parent of whatever its children leave behind, so that it is found."""
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


def _end(process: subprocess.Popen) -> None:
	"""Make sure that the child and what it has started are gone before the caller goes on."""
	_kill_group(process)
	process.stdout.close()
	if not process.stdin.closed:
		with suppress(BrokenPipeError):
			process.stdin.close()
	process.wait()
	_wait_for_group(process.pid)


def _wait_for_group(group: int) -> None:
	"""Wait until the last one in the group has died, which takes the kernel a moment; what stays as a zombie only counts as dead."""
	until = time.monotonic() + LONGEST_DYING
	with suppress(ProcessLookupError):
		while time.monotonic() < until:
			os.killpg(group, 0)
			time.sleep(0.01)
