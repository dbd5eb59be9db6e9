"""The code of a bench's apps, as git has it: what is new at its origin, bringing it here, and going back.

Only a checkout of the app's own, on a branch that follows one elsewhere, is ever changed, and only forward (or back to where it was). What
somebody has changed by hand keeps an app from being touched.
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from buildpro_saas.agent import program
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.errors import AgentError, TransientError

GIT = ("git",)
# Files of an app that say which packages it needs.
REQUIREMENTS = ("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg")
QUICK = 60  # seconds for what asks no other machine
TOLD = 300  # characters of what git says
# No hook of the repository runs, nobody is asked for a password, and a checkout of another user is read.
OPTIONS = ("-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null")
ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}


@dataclass(frozen=True)
class AppCode:
	"""Where an app's checkout stands. commit: now. new: at its origin, the same where nothing is. why_not: a sentence where it is not to be pulled."""

	app: str
	commit: str = ""
	new: str = ""
	branch: str = ""
	number: int = 0  # commits that are new
	why_not: str = ""
	has_requirements: bool = False  # whether what is new may need other packages

	@property
	def is_new(self) -> bool:
		"""Whether there is something to pull."""
		return bool(self.new) and self.new != self.commit


def fetch(bench: Bench, app: str, checkpoint: Callable[[], None]) -> AppCode:
	"""Ask the app's origin what is new; nothing of the app is changed. Raises TransientError where it does not answer."""
	folder = _folder(bench, app)
	if not (folder / ".git").exists():
		return AppCode(app, why_not=f"{app} is no git checkout of its own.")
	commit, branch = _git(folder, "rev-parse", "HEAD"), _git(folder, "rev-parse", "--abbrev-ref", "HEAD")
	followed = _git(
		folder, "rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}", is_asking=True
	)
	if not followed:
		return AppCode(app, commit, commit, branch, why_not=f"{app} follows no branch elsewhere.")
	if changed := _git(folder, "status", "--porcelain", "--untracked-files=no"):
		names = ", ".join(line[3:] for line in f" {changed}".splitlines()[:3])
		return AppCode(app, commit, commit, branch, why_not=f"{app} was changed by hand: {names}.")
	with program.running(
		[program.find(GIT), *OPTIONS, "-C", os.fspath(folder), "fetch", "--quiet"], environment=ENVIRONMENT
	) as fetching:
		if code := fetching.wait(checkpoint):
			raise TransientError(
				f"{app}: {fetching.fault(code)}",
				"See that the repository can be reached from here, then press Retry.",
			)
	new = _git(folder, "rev-parse", "@{upstream}")
	if _git(folder, "merge-base", commit, new, is_asking=True) != commit:
		ahead = new == _git(folder, "merge-base", commit, new, is_asking=True)
		why = "" if ahead else f"{app} has commits of its own that {followed} has not."
		return AppCode(app, commit, commit, branch, why_not=why)
	files = _git(folder, "diff", "--name-only", commit, new).splitlines()
	number = int(_git(folder, "rev-list", "--count", f"{commit}..{new}"))
	return AppCode(app, commit, new, branch, number, has_requirements=bool(set(files) & set(REQUIREMENTS)))


def put(bench: Bench, app: str, commit: str) -> bool:
	"""Bring the app's checkout to the commit, forward or back; returns whether it was elsewhere. Repeatable.

	Raises AgentError, and nothing is changed, where somebody's own changes would be lost.
	"""
	folder = _folder(bench, app)
	if _git(folder, "rev-parse", "HEAD") == commit:
		return False
	_git(folder, "reset", "--keep", "--quiet", commit)
	return True


def install_requirements(bench: Bench, app: str, checkpoint: Callable[[], None]) -> None:
	"""Install what the app needs into the bench's Python. Raises AgentError with what pip said."""
	command = [bench.python, "-m", "pip", "install", "--quiet", "--editable", os.fspath(_folder(bench, app))]
	with program.running(command) as installing:
		installing.finish(checkpoint)


def _folder(bench: Bench, app: str) -> Path:
	return bench.path / "apps" / app


def _git(folder: Path, *words: str, is_asking: bool = False) -> str:
	"""What git says. is_asking: empty where it fails. Raises AgentError with what it said."""
	environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
	answer = subprocess.run(
		[program.find(GIT), *OPTIONS, "-C", os.fspath(folder), *words],
		env={**environment, **ENVIRONMENT},
		capture_output=True,
		text=True,
		timeout=QUICK,
		check=False,
	)
	if answer.returncode and not is_asking:
		raise AgentError(
			f"git {words[0]} in {folder} ended with {answer.returncode}: {answer.stderr.strip()[-TOLD:]}",
			"Mend the checkout by hand, then press Retry.",
		)
	return answer.stdout.strip() if not answer.returncode else ""
