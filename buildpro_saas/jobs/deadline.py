"""A time limit for a block of code, inside the worker's own limit for the whole job."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def deadline(seconds: float, error: Exception) -> Iterator[None]:
	"""Raise `error` in the block once it has taken longer than `seconds`.

	RQ limits a job by the same alarm signal. Its handler and the rest of its time are put back at the end. Signals work in the main
	thread only; in others the block runs without the limit.
	"""
	if threading.current_thread() is not threading.main_thread():
		yield
		return

	def on_alarm(_signal, _frame):
		raise error

	previous_handler = signal.signal(signal.SIGALRM, on_alarm)
	left, _interval = signal.setitimer(signal.ITIMER_REAL, seconds)
	began = time.monotonic()
	try:
		yield
	finally:
		signal.setitimer(signal.ITIMER_REAL, 0)
		signal.signal(signal.SIGALRM, previous_handler)
		if left:
			# a limit that ran out meanwhile must still fire, at once
			signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.01))
