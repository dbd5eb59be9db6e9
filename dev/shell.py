"""Running other programs: one place for their environment, their logs and the message when they fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# CI: Frappe takes it for "a test runs" (frappe.flags.in_test) in its workers. The others belong to whoever called us.
DROPPED = ("CI", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "NO_STATICS", "SITES_PATH", "DEV_SERVER")
DROPPED_PREFIXES = ("PYTHON", "FRAPPE_", "UV_PYTHON")


STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DevError(Exception):
	"""Something that the person at the terminal can act on; its text is printed without a traceback."""


def say(text: str = "") -> None:
	print(text, flush=True)


def clean_environment(*path: Path, **extra: str) -> dict[str, str]:
	"""This process's environment for a child, less what would change how Frappe behaves; `path` goes before PATH."""
	environment = {
		name: value
		for name, value in os.environ.items()
		if name not in DROPPED and not name.startswith(DROPPED_PREFIXES)
	}
	# Debian keeps mariadbd in /usr/sbin, which a user's PATH lacks.
	folders = [
		*map(str, path),
		environment.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
		"/usr/local/sbin",
		"/usr/sbin",
	]
	environment["PATH"] = os.pathsep.join(folders)
	environment.update(extra)
	return environment


def run(
	argv: Sequence[str | Path],
	*,
	env: Mapping[str, str],
	cwd: Path | None = None,
	log: Path | None = None,
	text: str | None = None,
) -> None:
	"""Run a program to its end. Its output goes to `log` (else to the terminal), `text` to its standard input.

	Raises DevError with the last lines of the log when it fails. Never put a secret in `argv`: use `text` or `env`.
	"""
	argv = [str(part) for part in argv]
	if log is None:
		result = subprocess.run(
			argv, cwd=cwd, env=env, input=text, text=True, stdin=None if text else subprocess.DEVNULL
		)
		if result.returncode:
			raise DevError(f"{_name(argv)} failed with exit code {result.returncode}.")
		return
	log.parent.mkdir(parents=True, exist_ok=True)
	with open(log, "a") as output:
		output.write(f"$ {' '.join(argv)}\n")
		output.flush()
		result = subprocess.run(
			argv,
			cwd=cwd,
			env=env,
			text=True,
			stdout=output,
			stderr=subprocess.STDOUT,
			**({"input": text} if text is not None else {"stdin": subprocess.DEVNULL}),
		)
	if result.returncode:
		print("\n".join(log.read_text(errors="replace").splitlines()[-40:]), file=sys.stderr)
		raise DevError(
			f"{_name(argv)} failed with exit code {result.returncode}; the whole output is in {log}."
		)


def run_at_terminal(argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None) -> int:
	"""Run a program with this terminal's output, and return its exit code (128 + N when signal N ended it).

	Ctrl-C, TERM and a closed terminal reach it, and all processes that it started, as Ctrl-C; we wait until it has cleaned up.
	"""
	child: subprocess.Popen | None = None

	def pass_on(_number: int, _frame) -> None:
		if child:
			os.killpg(child.pid, signal.SIGINT)

	previous = {number: signal.signal(number, pass_on) for number in STOPS}
	try:
		child = subprocess.Popen(
			[str(part) for part in argv],
			env=env,
			cwd=cwd,
			stdin=subprocess.DEVNULL,
			start_new_session=True,  # out of reach of the terminal's own Ctrl-C: it comes once
		)
		code = child.wait()
	finally:
		for number, handler in previous.items():
			signal.signal(number, handler)
	return code if code >= 0 else 128 - code


def output_of(
	argv: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None, text: str | None = None
) -> str:
	"""Run a program and return its standard output, stripped; raises DevError with its error text when it fails."""
	argv = [str(part) for part in argv]
	result = subprocess.run(
		argv,
		cwd=cwd,
		env=env,
		text=True,
		capture_output=True,
		**({"input": text} if text is not None else {"stdin": subprocess.DEVNULL}),
	)
	if result.returncode:
		tail = "\n".join((result.stderr or result.stdout).strip().splitlines()[-15:])
		raise DevError(f"{_name(argv)} failed with exit code {result.returncode}:\n{tail}")
	return result.stdout.strip()


def _name(argv: Sequence[str]) -> str:
	return " ".join([Path(argv[0]).name, *argv[1:6]])
