"""Frappe from its own git repositories, the usual way of making a bench.

FRAPPE_REPOS may name a mirror of them, FRAPPE_BRANCH another line of the framework than that of 15.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from dev.home import Home
from dev.packages import find
from dev.shell import clean_environment, run

# Where an app's version for any line of the framework is kept under another branch.
BRANCHES = {"crm": "main"}
PROBE_SECONDS = 5
YARN = "yarn@^1.22.0"


def base_url() -> str:
	return os.environ.get("FRAPPE_REPOS", "https://github.com/frappe").rstrip("/")


def branch() -> str:
	"""The line of the framework that the bench is made with, and the apps' branch of the same name."""
	return os.environ.get("FRAPPE_BRANCH", "version-15")


def is_reachable() -> bool:
	"""Does the git host of Frappe answer within five seconds, without asking for a password?"""
	environment = clean_environment(GIT_TERMINAL_PROMPT="0")
	try:
		probe = subprocess.run(
			["git", "ls-remote", "--exit-code", f"{base_url()}/frappe", branch()],
			env=environment,
			capture_output=True,
			stdin=subprocess.DEVNULL,
			timeout=PROBE_SECONDS,
		)
	except subprocess.TimeoutExpired:
		return False
	return probe.returncode == 0


def make_yarn(home: Home) -> None:
	"""Frappe's asset build calls yarn, which Debian has under another name and too old."""
	if find("yarn"):
		return
	prefix = home.path / "yarn"
	log = home.logs / "build.log"
	arguments = ["npm", "install", "--prefix", prefix, "--no-audit", "--no-fund", "--loglevel=error", YARN]
	run(arguments, env=clean_environment(), log=log)
	(home.bin / "yarn").unlink(missing_ok=True)
	(home.bin / "yarn").symlink_to(prefix / "node_modules/.bin/yarn")


def get_app(home: Home, environment: dict[str, str], app: str, log: Path) -> None:
	arguments = ["get-app", "--branch", BRANCHES.get(app, branch()), f"{base_url()}/{app}"]
	run([home.tools / "bin/bench", *arguments], env=environment, cwd=home.bench, log=log)
