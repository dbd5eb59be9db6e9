"""Whether the bench's machine has room, memory and time left, and whether the bench's scheduler runs on it."""

import os
import time
from typing import Any

import psutil

from buildpro_saas.agent import machine_memory
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.metrics import processes
from buildpro_saas.agent.metrics.machine import disks


def look(bench: Bench) -> dict[str, Any]:
	"""{"disks", "memory", "free", "swap", "load", "cpus", "kills", "now", "schedulers"}.

	disks: as metrics.machine.disks. memory, free, swap: MB in all, free, and swapped out. load: of a minute. kills: by the kernel for want of
	memory. now: seconds since the epoch. schedulers: processes of this user that are the bench's scheduler.
	"""
	places = {"sites": str(bench.sites_path), "logs": str(bench.path / "logs"), "root": "/"}
	return {
		"disks": disks(places),
		"memory": psutil.virtual_memory().total // machine_memory.MB,
		"free": machine_memory.free_mb(),
		"swap": psutil.swap_memory().used // machine_memory.MB,
		"load": round(os.getloadavg()[0], 2),
		"cpus": psutil.cpu_count() or 1,
		"kills": machine_memory.kills(),
		"now": time.time(),
		"schedulers": processes.take(bench)["scheduler_processes"],
	}
