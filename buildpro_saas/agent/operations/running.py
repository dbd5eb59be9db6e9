"""Operations under way in this process: the lines that they print, their end, and how to end them."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from buildpro_saas.agent import errors
from buildpro_saas.agent.errors import TransientError
from buildpro_saas.agent.site_runner import Order, SiteProcess

RUNNING, COMPLETED, FAILED, CANCELLED = "Running", "Completed", "Failed", "Cancelled"
LONGEST_DYING = 60  # seconds to wait for a thread to end: it ends at most one statement of MariaDB's first

STILL_AT_WORK = "It was told to stop, and is still at work: MariaDB has not ended its last statement."
STILL_AT_WORK_HINT = "Nothing else is done with that site meanwhile. Press Retry in a minute; `show processlist` says what MariaDB is at."


class StoppedError(Exception):
	"""Raised by Progress.check in an operation that was cancelled."""


class Running(ABC):
	"""One operation. `state`; once Completed its `result`, once Failed its `error` (as errors.as_plain makes it)."""

	def __init__(self) -> None:
		self.state = RUNNING
		self.lines: list[str] = []
		self.result: Any = None
		self.error: dict | None = None

	@property
	def has_ended(self) -> bool:
		"""Whether it has ended: state, result and error stay as they are."""
		return self.state != RUNNING

	@abstractmethod
	def wait(self, seconds: float) -> None:
		"""Return once something has happened, or after so many seconds."""

	@abstractmethod
	def cancel(self) -> None:
		"""Stop it, with all that it has started, and wait for that. Does nothing for one that has ended.

		Raises TransientError for one that goes on all the same: it was told to stop, and has not ended in time.
		"""

	def _end(self, work: Callable[[], Any]) -> None:
		"""Do the work, and note what it returns or raises."""
		try:
			self.result = work()
		except StoppedError:
			self.state = CANCELLED
		except Exception as error:
			self.error, self.state = errors.as_plain(error), FAILED
		else:
			self.state = COMPLETED


class Answered(Running):
	"""A quick operation. It has ended before anybody asks."""

	def __init__(self, work: Callable[[], Any]) -> None:
		super().__init__()
		self._end(work)

	def wait(self, seconds: float) -> None:
		"""Nothing to wait for."""

	def cancel(self) -> None:
		"""Nothing to stop."""


class Progress:
	"""Tells an operation in a thread whether it is to stop, and takes the lines that it has to say."""

	def __init__(self, say: Callable[[str], None] = lambda line: None) -> None:
		"""say: gets a line for whoever looks at the operation."""
		self.is_stopped = threading.Event()
		self.say = say

	def check(self) -> None:
		"""Raise StoppedError when the operation was cancelled."""
		if self.is_stopped.is_set():
			raise StoppedError


class InThread(Running):
	"""An operation that runs in a thread of this process."""

	def __init__(self, work: Callable[[Progress], Any]) -> None:
		super().__init__()
		self._progress = Progress(self.lines.append)
		# a daemon: the process may end without waiting for it, and the thread's connections end with the process
		self._thread = threading.Thread(target=lambda: self._end(lambda: work(self._progress)), daemon=True)
		self._thread.start()

	def wait(self, seconds: float) -> None:
		"""Return at its end, or after so many seconds."""
		self._thread.join(seconds)

	def cancel(self) -> None:
		"""Have it stop where it next calls Progress.check. Waits for that, for LONGEST_DYING seconds at most."""
		self._progress.is_stopped.set()
		self._thread.join(LONGEST_DYING)
		if self._thread.is_alive():
			raise TransientError(STILL_AT_WORK, STILL_AT_WORK_HINT)


class InProcess(Running):
	"""An operation that runs in a process of its own. It goes on only while somebody calls `wait`."""

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
