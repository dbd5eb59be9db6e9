"""Another bench on this machine. A helper process of that bench's own Python answers for it, and stays.

Its imports take a second, once. A question then takes milliseconds.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from buildpro_saas.agent import errors
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.operations.running import RUNNING
from buildpro_saas.agent.site_runner import die_with, end_tree

OUR_APP = "buildpro_saas"
# Another bench's processes must not inherit these: they are about the Python, or the Redis and MariaDB servers, of this one.
DROPPED = ("CI", "VIRTUAL_ENV", "SITES_PATH", "DEV_SERVER")
# Seconds after which another helper is started: it has the code of its start, and the apps there may be updated meanwhile. Not while
# an operation is under way in it, or has ended and nobody knows yet.
OLD = 60
DROPPED_PREFIXES = ("PYTHON", "FRAPPE_")


class Neighbour:
	"""The transport to the bench in a folder of this machine. It has the methods of operations.host.Host.

	The helper dies with this process, and all that it runs with it. Threads share one helper and wait for each other.
	"""

	def __init__(self, path: Path, environment: Mapping[str, str] | None = None):
		self.path = Path(path)
		self._environment = dict(environment or {})  # added to the helper's, for tests
		self._process: subprocess.Popen | None = None
		self._started_at = 0.0
		self._under_way: set[str] = set()  # ids of operations in the helper whose end nobody has seen
		self._lock = threading.Lock()

	def do(self, name: str, spec: dict) -> Any:
		"""Have a quick operation answered there."""
		return self._ask("do", name, spec)

	def prepare(self) -> None:
		"""Have a helper that is not replaced for half a minute at least, for questions that are asked while a lock is held."""
		with self._lock:
			self._have_helper(OLD / 2)

	def start(self, name: str, spec: dict, id: str) -> None:
		"""Start an operation there, or find the one of this id."""
		self._ask("start", name, spec, id)

	def look(self, id: str, from_line: int, wait: float) -> dict:
		"""What is to be seen of an operation there. Waits until something has happened, for `wait` seconds at most."""
		return self._ask("look", id, from_line, wait)

	def cancel(self, id: str) -> None:
		"""End an operation there with all that it has started."""
		if self._is_alive():  # what ran in a helper ended with it
			self._ask("cancel", id)

	def close(self) -> None:
		"""End the helper, and all that it runs."""
		with self._lock:
			self._drop()

	def _ask(self, what: str, *arguments: Any) -> Any:
		"""Ask the helper. Raises what the operation raised there, as AgentError."""
		question = json.dumps([what, *arguments]).encode() + b"\n"
		with self._lock:
			answer = self._answer_to(question)
			self._note_operation(what, arguments, answer)
		if "error" in answer:
			raise errors.from_plain(answer["error"])
		return answer["result"]

	def _note_operation(self, what: str, arguments: tuple, answer: dict) -> None:
		if what == "start" and "error" not in answer:
			self._under_way.add(arguments[-1])
		elif what == "look" and ("error" in answer or answer["result"]["state"] != RUNNING):
			self._under_way.discard(arguments[0])
		elif what == "cancel":
			# also where it has not ended in time: it is not wanted any more, and a new helper is the end of it
			self._under_way.discard(arguments[0])

	def _answer_to(self, question: bytes) -> dict:
		self._have_helper(OLD)
		try:
			self._process.stdin.write(question)
			self._process.stdin.flush()
			line = self._process.stdout.readline()
		except BrokenPipeError:
			line = b""
		except BaseException:
			# a time limit struck before the answer came: the next question must not take it for its own
			self._drop()
			raise
		if not line.endswith(b"\n"):
			self._drop()
			raise TransientError(
				f"The process on the bench {self.path.name} ended without an answer.", "See the worker's log."
			)
		return json.loads(line)

	def _have_helper(self, oldest: float) -> None:
		"""Start a helper where there is none, or it is older than so many seconds."""
		is_old = not self._under_way and time.monotonic() - self._started_at > oldest
		if not self._is_alive() or is_old:
			self._drop()
			self._process, self._started_at = self._started(), time.monotonic()

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
			# the signal comes when the parent's thread dies, not its process. So only the main thread asks for it; serve.py watches
			# the parent in any case
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
		self._under_way.clear()
		if process := self._process:
			self._process = None
			end_tree(process)


def _has_file(stream: Any) -> bool:
	try:
		return stream.fileno() >= 0
	except (AttributeError, OSError, ValueError):
		return False
