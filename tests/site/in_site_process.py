"""What test_site_process.py runs on a site in a process of its own."""

import os
import signal
import subprocess
import time

import frappe

from buildpro_saas.agent.errors import AgentError


def text(length: int) -> dict:
	return {"text": "x" * length}


def length(given: str) -> int:
	return len(given)


def leave_a_child_behind(is_daemon: bool) -> int:
	"""One that keeps the output open and would live on, in a session of its own if it is a daemon; returns its process id."""
	return subprocess.Popen(["sleep", "600"], start_new_session=is_daemon).pid


def start_and_sleep(seconds: float) -> None:
	"""Print the process id of a daemon, and stay."""
	print(leave_a_child_behind(is_daemon=True), flush=True)
	time.sleep(seconds)


def start_and_die() -> None:
	"""As the kernel ends a process when memory runs out."""
	print(leave_a_child_behind(is_daemon=False), flush=True)
	os.kill(os.getpid(), signal.SIGKILL)


def print_without_end(size: int) -> None:
	print("y" * size, end="", flush=True)


def sleep(seconds: float) -> None:
	time.sleep(seconds)


def where() -> dict:
	return {
		"site": frappe.local.site,
		"redis": frappe.conf.redis_queue,
		"workers": sorted(frappe.conf.get("workers") or {}),
		"niceness": os.nice(0),
	}


def refuse(told: str) -> None:
	raise AgentError(told, "Do something.")


def fail(told: str) -> None:
	raise ValueError(told)
