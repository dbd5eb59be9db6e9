"""Runs operations on the bench whose Python runs this process, and keeps those that are under way."""

import contextvars
import os
import threading
from collections.abc import Callable
from typing import Any

import frappe

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.operations import operation
from buildpro_saas.agent.operations.operation import Kind
from buildpro_saas.agent.operations.running import (
	STILL_AT_WORK,
	STILL_AT_WORK_HINT,
	Answered,
	InProcess,
	InThread,
	Progress,
	Running,
)

KEPT = 50  # operations that have ended, and may be looked at again
# These of a specification say what an operation works on.
WORKED_ON = ("site", "database")


class Host:
	"""One bench, seen from a process of its own Python. Operations see the bench's configuration and no site's, whoever asks."""

	def __init__(self, bench: Bench):
		self.bench = bench
		self._running: dict[str, tuple[str, dict, Running]] = {}
		self._going_on: list[
			tuple[dict, Running]
		] = []  # operations that were cancelled, and have not ended in time
		self._lock = threading.Lock()
		self._context: contextvars.Context | None = None
		self._configured: tuple | None = None

	def do(self, name: str, spec: dict) -> Any:
		"""Answer a quick operation. Raises what it raises, and AgentError for an operation that is not quick.

		Raises TransientError where a cancelled operation is still at work on the same site or database.
		"""
		found = operation.find(name)
		if found.kind is not Kind.QUICK:
			raise AgentError(f"The operation {name} takes its time: start it.")
		self._check_nothing_goes_on(spec)
		return self._inside(lambda: found.call(self.bench, spec))

	def prepare(self) -> None:
		"""Nothing: this process answers by itself."""

	def start(self, name: str, spec: dict, id: str) -> None:
		"""Start an operation. An id that is known finds what it started. Raises AgentError where that was another operation or specification.

		Raises TransientError where a cancelled operation is still at work on the same site or database.
		"""
		with self._lock:
			if known := self._running.get(id):
				if known[:2] != (name, spec):
					raise AgentError(f"The operation {id} was started as something else: {known[0]}.")
				return
			self._check_nothing_goes_on(spec)
			self._forget_old()
			self._running[id] = (name, spec, self._started(operation.find(name), spec))

	def look(self, id: str, from_line: int, wait: float) -> dict:
		"""{"state", "lines" (from `from_line` on), "result", "error"} of an operation.

		Waits until something has happened, for `wait` seconds at most. Raises TransientError for an id that is not known here (any
		more): what ran has died with its process.
		"""
		running = self._find(id)
		if not running.has_ended and len(running.lines) <= from_line:
			running.wait(wait)
		return {
			"state": running.state,
			"lines": running.lines[from_line:],
			"result": running.result,
			"error": running.error,
		}

	def cancel(self, id: str) -> None:
		"""End an operation with all that it has started. Does nothing for one that has ended or is not known.

		Raises TransientError for one that has not ended in time. Until it has, nothing is done with its site or database.
		"""
		if not (known := self._running.get(id)):
			return
		_name, spec, running = known
		try:
			running.cancel()
		except TransientError:
			with self._lock:
				self._going_on = [
					*(each for each in self._going_on if not each[1].has_ended),
					(spec, running),
				]
			raise

	def _started(self, found: operation.Operation, spec: dict) -> Running:
		if found.kind is Kind.QUICK:
			return Answered(lambda: self._inside(lambda: found.call(self.bench, spec)))
		if found.kind is Kind.THREAD:
			found.checked(spec)  # who asks is told at once

			def work(progress: Progress) -> Any:
				return self._inside(lambda: found.call(self.bench, spec, progress=progress))

			return InThread(work)
		return InProcess(found.function(self.bench, **found.checked(spec)))

	def _check_nothing_goes_on(self, spec: dict) -> None:
		for other, running in self._going_on:
			if not running.has_ended and _worked_on(spec) & _worked_on(other):
				raise TransientError(STILL_AT_WORK, STILL_AT_WORK_HINT)

	def _find(self, id: str) -> Running:
		try:
			return self._running[id][2]
		except KeyError:
			raise TransientError(f"The operation {id} is not known on the bench {self.bench.name}.") from None

	def _forget_old(self) -> None:
		ended = [id for id, (_name, _spec, running) in self._running.items() if running.has_ended]
		for id in ended[:-KEPT]:
			del self._running[id]

	def _inside(self, work: Callable[[], Any]) -> Any:
		"""Do the work where frappe has the bench's configuration, no site, and its own flags."""
		return self._base().run(_with_own_flags, work)

	def _base(self) -> contextvars.Context:
		"""A fresh copy of an initialised context. The original is made once (a millisecond), and anew when the bench's configuration changes."""
		stat = os.stat(self.bench.sites_path / "common_site_config.json")
		configured = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
		if self._context is None or configured != self._configured:
			context = contextvars.Context()
			context.run(frappe.init, site="", sites_path=str(self.bench.sites_path))
			self._context, self._configured = context, configured
		return self._context.copy()


def _worked_on(spec: dict) -> set[str]:
	return {spec[key] for key in WORKED_ON if isinstance(spec.get(key), str)}


def _with_own_flags(work: Callable[[], Any]) -> Any:
	frappe.local.flags = frappe._dict(frappe.local.flags)
	return work()
