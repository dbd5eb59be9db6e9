"""How much memory the bench's machine has free, and how often its kernel has ended a process for want of it."""

from pathlib import Path

import psutil

MB = 10**6
VMSTAT = Path("/proc/vmstat")
GROUP, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
COUNTED = "oom_kill"


def free_mb() -> int:
	"""MB that can be taken without swapping: the machine's, or what a limit of this process's control group leaves."""
	free = psutil.virtual_memory().available
	for folder in _groups():
		limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
		if limit is not None and used is not None:
			# what it has of the disk in memory can be given up at any time
			free = min(free, limit - used + (_counted(folder / "memory.stat", "inactive_file") or 0))
	return max(int(free / MB), 0)


def kills() -> int:
	"""How many processes the kernel has ended for want of memory since it began, on this machine or in this control group."""
	in_groups = (_counted(folder / "memory.events", COUNTED) or 0 for folder in _groups())
	return max([_counted(VMSTAT, COUNTED) or 0, *in_groups])


def _groups() -> list[Path]:
	"""The folders of this process's control group and of those around it (version 2); [] where there is none."""
	try:
		lines = GROUP.read_text().splitlines()
	except OSError:
		return []
	own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), None)
	if own is None:
		return []
	return [GROUPS / own, *(GROUPS / parent for parent in Path(own).parents)]


def _counted(path: Path, name: str) -> int | None:
	try:
		lines = path.read_text().splitlines()
	except OSError:
		return None
	return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), None)


def _number(path: Path) -> int | None:
	try:
		return int(path.read_text())
	except (OSError, ValueError):  # "max" is no limit
		return None
