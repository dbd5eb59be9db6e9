"""Does several things at once, each in a thread of its own, and waits no longer than it is told to."""

import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from threading import Thread
from typing import Any


class NotInTimeError(TimeoutError):
	"""What was begun has not ended in the time that it was given. It may go on; nobody waits for it."""


@dataclass(frozen=True)
class Outcome:
	"""What came of one thing: its value, or its fault. seconds: how long it took."""

	value: Any = None
	fault: Exception | None = None
	seconds: float = 0.0


def do(work: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, Outcome]:
	"""Do all of `work` side by side. {name: its Outcome}, in the order of `work`, after so many seconds at most.

	What has not ended by then has a NotInTimeError as its fault. Its thread goes on, and ends with the process at the latest; so each thing
	should have time limits of its own. It sees the caller's context variables. A connection of frappe's belongs to one thread: do not use it.
	"""
	found: dict[str, Outcome] = {}

	def run(name: str, task: Callable[[], Any]) -> None:
		began = time.monotonic()
		try:
			value, fault = task(), None
		except (
			Exception
		) as error:  # whatever it is: the others are told all the same, and the caller judges it
			value, fault = None, error
		found[name] = Outcome(value, fault, time.monotonic() - began)

	until = time.monotonic() + seconds
	threads = [
		Thread(target=copy_context().run, args=(run, name, task), daemon=True) for name, task in work.items()
	]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(max(until - time.monotonic(), 0))
	late = Outcome(fault=NotInTimeError(f"not within {seconds:g} s"), seconds=seconds)
	return {name: found.get(name, late) for name in work}
