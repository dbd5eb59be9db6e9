"""Operations that are under way in this process: their lines, how they end, and how they are ended."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from buildpro_saas.agent import errors
from buildpro_saas.agent.site_runner import Order, SiteProcess

RUNNING, COMPLETED, FAILED, CANCELLED = "Running", "Completed", "Failed", "Cancelled"
LONGEST_DYING = 60  # seconds that a thread may take to end: it is at one statement of MariaDB's at most


class StoppedError(Exception):
	"""Raised in an operation that is cancelled, where it asks its Progress."""


class Running(ABC):
	"""One operation: `state`, and, once that is Completed or Failed, `result` or `error` (a plain error, errors.as_plain)."""

	def __init__(self) -> None:
		self.state = RUNNING
		self.lines: list[str] = []
		self.result: Any = None
		self.error: dict | None = None

	@property
	def has_ended(self) -> bool:
		"""Whether nothing more will come of it."""
		return self.state != RUNNING

	@abstractmethod
	def wait(self, seconds: float) -> None:
		"""Return once something has happened, or after so many seconds."""

	@abstractmethod
	def cancel(self) -> None:
		"""Stop it, with all that it has started, and return when that is gone. Nothing for one that has ended."""

	def _end(self, work: Callable[[], Any]) -> None:
		"""Note what the work returns or raises."""
		try:
			self.result = work()
		except StoppedError:
			self.state = CANCELLED
		except Exception as error:
			self.error, self.state = errors.as_plain(error), FAILED
		else:
			self.state = COMPLETED


class Answered(Running):
	"""A quick operation, which has ended before anybody asks."""

	def __init__(self, work: Callable[[], Any]) -> None:
		super().__init__()
		self._end(work)

	def wait(self, seconds: float) -> None:
		"""Nothing to wait for."""

	def cancel(self) -> None:
		"""Nothing to stop."""


class Progress:
	"""What an operation in a thread is given: whether it is to stop."""

	def __init__(self) -> None:
		self.is_stopped = threading.Event()

	def check(self) -> None:
		"""Raise StoppedError when the operation was cancelled."""
		if self.is_stopped.is_set():
			raise StoppedError


class InThread(Running):
	"""One that runs beside, in this process."""

	def __init__(self, work: Callable[[Progress], Any]) -> None:
		super().__init__()
		self._progress = Progress()
		# a daemon: a process that ends does not wait for it, and its connections end with the process
		self._thread = threading.Thread(target=lambda: self._end(lambda: work(self._progress)), daemon=True)
		self._thread.start()

	def wait(self, seconds: float) -> None:
		"""Return at its end, or after so many seconds."""
		self._thread.join(seconds)

	def cancel(self) -> None:
		"""Have it stop where it next asks, and wait for that."""
		self._progress.is_stopped.set()
		self._thread.join(LONGEST_DYING)


class InProcess(Running):
	"""One that runs in a process of its own, which is followed by whoever waits for it."""

	def __init__(self, order: Order) -> None:
		super().__init__()
		self._process = SiteProcess(order, self.lines.append)

	def wait(self, seconds: float) -> None:
		"""Return once it has printed something or ended, or after so many seconds."""
		until = time.monotonic() + seconds
		known = len(self.lines)
		while not self.has_ended:
			if self._process.follow(max(until - time.monotonic(), 0)):
				self._end(self._process.result)
			elif len(self.lines) > known or time.monotonic() >= until:
				return

	def cancel(self) -> None:
		"""Kill it, and what it has started."""
		if not self.has_ended:
			self._process.end()
			self.state = CANCELLED
