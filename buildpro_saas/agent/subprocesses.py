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
from pathlib import Path
from typing import Any

from buildpro_saas.agent.errors import AgentError, TransientError

PR_SET_PDEATHSIG = 1  # linux/prctl.h
POLL_SECONDS = 1.0
NICENESS = 5  # tenants' own work comes first
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

	The child dies with this process (also when that is killed), so no orphan goes on working on the site. Arguments
	go through standard input, never through the command line.
	"""
	reader, writer = os.pipe()
	parent = os.getpid()
	# `env`: a CI variable would switch Frappe's test mode on in the child
	process = subprocess.Popen(
		[sys.executable, "-m", "buildpro_saas.agent.site_process", site, str(writer)],
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
		_send(process, {"method": method, "arguments": arguments})
		_follow(process, time.monotonic() + timeout, timeout, log, checkpoint)
		with os.fdopen(reader, closefd=False) as answer:
			return _result(process.wait(), answer.read())
	finally:
		os.close(reader)
		_end(process)


def die_with(parent: int) -> None:
	"""In a new child, before it executes anything: be killed when the parent dies, and run at a lower priority."""
	os.nice(NICENESS)
	_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
	if os.getppid() != parent:  # it died before we asked
		os.kill(os.getpid(), signal.SIGKILL)


def _send(process: subprocess.Popen, request: dict) -> None:
	try:
		process.stdin.write(json.dumps(request).encode())
		process.stdin.close()
	except BrokenPipeError as error:
		raise TransientError("The site's process ended before it took its orders.") from error


def _follow(
	process: subprocess.Popen,
	deadline: float,
	timeout: float,
	log: Callable[[str], None],
	checkpoint: Callable,
) -> None:
	"""Pass on what the child prints until it closes its output, looking at the clock and the checkpoint meanwhile."""
	pending = b""
	last_check = time.monotonic()
	with selectors.DefaultSelector() as selector:
		selector.register(process.stdout, selectors.EVENT_READ)
		while True:
			if selector.select(timeout=POLL_SECONDS):
				chunk = os.read(process.stdout.fileno(), 65536)
				if not chunk:
					break
				*lines, pending = (pending + chunk).split(b"\n")
				for line in lines:
					_pass_on(line, log)
			now = time.monotonic()
			if now > deadline:
				raise TransientError(f"It took longer than {timeout:.0f} seconds and was stopped.")
			if now - last_check >= POLL_SECONDS:
				last_check = now
				checkpoint()
	_pass_on(pending, log)


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


def _end(process: subprocess.Popen) -> None:
	"""Make sure that the child and whatever it started are gone before the caller goes on."""
	process.stdout.close()
	if process.poll() is None:
		os.killpg(process.pid, signal.SIGKILL)
	process.wait()
