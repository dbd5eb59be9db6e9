"""Another bench on this machine, reached through a process of its own Python that stays: its imports take a second, a question milliseconds."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from buildpro_saas.agent import errors
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.site_runner import die_with

OUR_APP = "buildpro_saas"
# What another bench's processes must not inherit: it is about the Python, or the Redis and MariaDB servers, of this one.
DROPPED = ("CI", "VIRTUAL_ENV", "SITES_PATH", "DEV_SERVER")
OLD = 60  # seconds for which a helper answers: the apps there may be updated, and it has the code with which it began
DROPPED_PREFIXES = ("PYTHON", "FRAPPE_")


class Neighbour:
	"""The transport to the bench in a folder of this machine; the methods are operations.host.Host's.

	The helper dies with this process, and all that it runs with it. Threads share it and wait for each other.
	"""

	def __init__(self, path: Path, environment: Mapping[str, str] | None = None):
		self.path = Path(path)
		self._environment = dict(environment or {})  # added to the helper's, for tests
		self._process: subprocess.Popen | None = None
		self._started_at = 0.0
		self._has_started = False  # an operation, which must be let go on
		self._lock = threading.Lock()

	def do(self, name: str, spec: dict) -> Any:
		"""Have a quick operation answered there."""
		return self._ask("do", name, spec)

	def start(self, name: str, spec: dict, id: str) -> None:
		"""Start an operation there, or find the one of this id."""
		self._has_started = True
		self._ask("start", name, spec, id)

	def look(self, id: str, from_line: int, wait: float) -> dict:
		"""What is to be seen of an operation there, once something has happened or after so many seconds."""
		return self._ask("look", id, from_line, wait)

	def cancel(self, id: str) -> None:
		"""End an operation there with all that it has started."""
		if self._is_alive():  # what ran in a helper that is gone is gone, too
			self._ask("cancel", id)

	def close(self) -> None:
		"""End the helper, and all that it runs."""
		with self._lock:
			self._drop()

	def _ask(self, what: str, *arguments: Any) -> Any:
		"""Raises AgentError as the operation raised it there."""
		question = json.dumps([what, *arguments]).encode() + b"\n"
		with self._lock:
			answer = self._answer_to(question)
		if "error" in answer:
			raise errors.from_plain(answer["error"])
		return answer["result"]

	def _answer_to(self, question: bytes) -> dict:
		is_old = not self._has_started and time.monotonic() - self._started_at > OLD
		if not self._is_alive() or is_old:
			self._drop()
			self._process, self._started_at = self._started(), time.monotonic()
		try:
			self._process.stdin.write(question)
			self._process.stdin.flush()
			line = self._process.stdout.readline()
		except BrokenPipeError:
			line = b""
		except BaseException:
			# a time limit struck while the answer was waited for: it must not be taken for the next one's
			self._drop()
			raise
		if not line.endswith(b"\n"):
			self._drop()
			raise TransientError(
				f"The process on the bench {self.path.name} ended without an answer.", "See the worker's log."
			)
		return json.loads(line)

	def _is_alive(self) -> bool:
		return self._process is not None and self._process.poll() is None

	def _started(self) -> subprocess.Popen:
		self._check_is_bench()
		parent, is_main = os.getpid(), threading.current_thread() is threading.main_thread()
		environment = {
			key: value
			for key, value in os.environ.items()
			if key not in DROPPED and not key.startswith(DROPPED_PREFIXES)
		}
		return subprocess.Popen(
			[self.path / "env/bin/python", "-m", "buildpro_saas.agent.serve", str(parent)],
			cwd=self.path / "sites",
			env={**environment, "PYTHONUNBUFFERED": "1", **self._environment},
			stdin=subprocess.PIPE,
			stdout=subprocess.PIPE,
			stderr=sys.stderr.fileno() if _has_file(sys.stderr) else None,
			start_new_session=True,
			# the signal comes with the death of the thread, not of the process: of other threads' helpers serve.py knows it otherwise
			preexec_fn=(lambda: die_with(parent)) if is_main else None,
		)

	def _check_is_bench(self) -> None:
		lacks = [part for part in ("env/bin/python", "sites/apps.txt") if not (self.path / part).exists()]
		if lacks:
			raise AgentError(
				f"{self.path} is no bench: it has no {lacks[0]}.",
				"Find out who took it away; `saas add-bench` with its new folder tells where it is.",
			)
		if OUR_APP not in (self.path / "sites/apps.txt").read_text().split():
			raise AgentError(
				f"The bench at {self.path} does not have {OUR_APP}.",
				f"Get it there with `bench get-app {OUR_APP}`.",
			)

	def _drop(self) -> None:
		if process := self._process:
			self._process = None
			process.kill()
			process.wait()
			for pipe in (process.stdin, process.stdout):
				with suppress(BrokenPipeError):
					pipe.close()


def _has_file(stream: Any) -> bool:
	try:
		return stream.fileno() >= 0
	except (AttributeError, OSError, ValueError):
		return False
