"""The peak memory of a bench's workers while something runs."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path

from dev.services import Services

INTERVAL = 0.05  # seconds; a process that ends keeps its peak only until then


class WorkerMemory:
	"""Use as a context manager. Linux keeps each process's own peak (VmHWM, proc_pid_status(5)); they are looked at often."""

	def __init__(self, services: Services, *names: str):
		self.services, self.names = services, names
		self.peaks: dict[str, float] = defaultdict(float)  # service → MB of its largest single process
		self._stop = threading.Event()
		self._thread = threading.Thread(target=self._watch, daemon=True)

	def __enter__(self) -> WorkerMemory:
		self._thread.start()
		return self

	def __exit__(self, *_error) -> None:
		self._stop.set()
		self._thread.join()

	def _watch(self) -> None:
		while not self._stop.wait(INTERVAL):
			for name in self.names:
				pids = [self.services.pid(name), *self.services.children(name)]
				for pid in filter(None, pids):
					self.peaks[name] = max(self.peaks[name], peak_of(pid))


def peak_of(pid: int) -> float:
	"""MB; 0 for a process that has ended."""
	try:
		status = Path(f"/proc/{pid}/status").read_text()
	except (FileNotFoundError, ProcessLookupError):
		return 0
	line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
	return int(line.split()[1]) / 1000 if line else 0
