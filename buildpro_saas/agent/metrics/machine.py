"""The numbers of the bench's machine: processors, memory, disks, network."""

import os
from typing import Any

import psutil

from buildpro_saas.agent import machine_memory
from buildpro_saas.agent.bench import Bench


def take(bench: Bench, database_folder: str = "") -> dict[str, Any]:
	"""{metric: number} and "disks": {what lies there: {metric: number}}. database_folder: of MariaDB, where it is on this machine."""
	memory, swap, network = psutil.virtual_memory(), psutil.swap_memory(), psutil.net_io_counters()
	times = psutil.cpu_times()
	load = os.getloadavg()
	return {
		"cpus": psutil.cpu_count() or 1,
		"cpu_seconds": sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0),
		"cpu_wait_seconds": getattr(times, "iowait", 0.0),
		**dict(zip(("load_1", "load_5", "load_15"), load, strict=True)),
		"memory_bytes": memory.total,
		"memory_free_bytes": machine_memory.free_mb() * machine_memory.MB,
		"memory_kills": machine_memory.kills(),
		"swap_bytes": swap.total,
		"swap_used_bytes": swap.used,
		**(
			{"network_received_bytes": network.bytes_recv, "network_sent_bytes": network.bytes_sent}
			if network
			else {}
		),
		"up_since": psutil.boot_time(),
		"disks": disks(
			{
				"sites": str(bench.sites_path),
				"database": database_folder,
				"logs": str(bench.path / "logs"),
				"root": "/",
			}
		),
	}


def disks(places: dict[str, str]) -> dict[str, dict[str, int]]:
	"""{place: {"bytes", "free_bytes", "inodes", "free_inodes"}} of the disk that each place is on. A disk is told once, under its first place.

	A place that is missing, or that this user may not look at, is left out.
	"""
	seen, found = set(), {}
	for name, path in places.items():
		try:
			device = os.stat(path).st_dev
			stat = os.statvfs(path)
		except OSError:
			continue
		if device not in seen:
			seen.add(device)
			found[name] = {
				"bytes": stat.f_blocks * stat.f_frsize,
				"free_bytes": stat.f_bavail * stat.f_frsize,
				"inodes": stat.f_files,
				"free_inodes": stat.f_favail,
			}
	return found
