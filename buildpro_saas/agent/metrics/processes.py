"""The processes of the bench: web workers, background workers, scheduler, socket.io. They are known by the folder that they run in."""

import os
from collections.abc import Iterator
from typing import Any

import psutil

from buildpro_saas.agent.bench import Bench

WEB, WORKER, SCHEDULER, SOCKETIO = "web", "worker", "scheduler", "socketio"


def take(bench: Bench) -> dict[str, Any]:
	"""{"processes", "memory_bytes", "cpu_seconds"} of the web workers; with the names of the others in front, such as worker_processes.

	A process of another user is not seen. Memory that processes share counts for each.
	"""
	kinds = {
		kind: {"processes": 0, "memory_bytes": 0, "cpu_seconds": 0.0}
		for kind in (WEB, WORKER, SCHEDULER, SOCKETIO)
	}
	for kind, info in _of(bench):
		kinds[kind]["processes"] += 1
		kinds[kind]["memory_bytes"] += info["memory_info"].rss if info["memory_info"] else 0
		times = info["cpu_times"]
		kinds[kind]["cpu_seconds"] += times.user + times.system if times else 0.0
	others = {
		f"{kind}_{name}": number for kind in kinds if kind != WEB for name, number in kinds[kind].items()
	}
	return {**kinds[WEB], **others}


def _of(bench: Bench) -> Iterator[tuple[str, dict]]:
	folders = {str(bench.path), str(bench.sites_path)}
	for pid in psutil.pids():
		if _folder_of(pid) not in folders:
			continue
		try:
			info = psutil.Process(pid).as_dict(["cmdline", "memory_info", "cpu_times"])
		except psutil.Error:  # it ended just now
			continue
		if kind := kind_of(info["cmdline"] or []):
			yield kind, info


def _folder_of(pid: int) -> str | None:
	"""Where the process runs; None for another user's. One look, where psutil takes several for each process of the machine."""
	try:
		return os.readlink(f"/proc/{pid}/cwd")
	except OSError:
		return None


def kind_of(words: list[str]) -> str | None:
	"""Which process of a bench has that command line; None for another."""
	text = " ".join(words)
	if text.startswith("gunicorn:") or any(word.endswith("/gunicorn") for word in words) or "serve" in words:
		return WEB
	if "socketio.js" in text:
		return SOCKETIO
	if "schedule" in words:
		return SCHEDULER
	if "worker" in words or "worker-pool" in words or text.startswith("rq:worker"):
		return WORKER
	return None
