"""What Linux tells about a process in /proc, as far as services.py needs it (proc_pid_stat(5))."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessStat:
	pid: int
	parent: int
	session: int
	started: int  # clock ticks after boot: with the pid it names one process, also when the pid is used again

	@classmethod
	def of(cls, pid: int) -> ProcessStat | None:
		"""The process with this id; None when there is none, or only a zombie that waits to be reaped."""
		try:
			text = Path(f"/proc/{pid}/stat").read_text()
		except (FileNotFoundError, ProcessLookupError):
			return None
		# The second field, the name, stands in brackets and may hold spaces and brackets itself.
		fields = text.rpartition(")")[2].split()
		if fields[0] in "ZX":
			return None
		return cls(pid, parent=int(fields[1]), session=int(fields[3]), started=int(fields[19]))


def family_of(pid: int) -> list[int]:
	"""All living processes of the session of `pid`, also those whose parent died, and whatever descends from them.

	RQ's work horse and the processes that it starts lead sessions of their own. Empty when `pid` does not live.
	"""
	leader = ProcessStat.of(pid)
	if leader is None:
		return []
	everyone = [
		stat for entry in os.listdir("/proc") if entry.isdigit() and (stat := ProcessStat.of(int(entry)))
	]
	family = {stat.pid for stat in everyone if stat.session == leader.session}
	while grown := {stat.pid for stat in everyone if {stat.parent, stat.session} & family} - family:
		family |= grown
	return sorted(family)


def send(pid: int, signal_number: int) -> None:
	"""Send a signal; a process that ended meanwhile is no error."""
	try:
		os.kill(pid, signal_number)
	except ProcessLookupError:
		return
