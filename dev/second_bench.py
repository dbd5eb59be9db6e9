"""A second bench on this machine, made from what the first has: `make bench BENCHES=2`.

It is a lane (lanes.py) with code of its own: our apps are a copy of the working tree of now, committed in a repository of their own. An
admin site of the first bench manages it, so it has no worker for provisioning jobs.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dev.bench import OUR_APPS, PrivateBench, newest_source
from dev.home import REPO, Home
from dev.lanes import LaneBench
from dev.services import SERVERS, Services
from dev.shell import clean_environment, output_of, run

FOLDER = "second"
SERVICES = (*SERVERS, "web", "worker", "scheduler")
# What of the repository its copy of our app has.
COPIED = ("buildpro_saas", "pyproject.toml", "README.md", "license.txt")
WHO = ("-c", "user.name=BuildPro", "-c", "user.email=dev@localhost")


class SecondBench(LaneBench):
	"""The second bench; the first is built already."""

	def __init__(self, first: PrivateBench):
		PrivateBench.__init__(self, Home(first.home.path / FOLDER, label="second bench: "))
		self.first = first

	def build(self) -> None:
		super().build()
		with self.home.lock():
			self.home.stage("own-apps", "Copying our apps", self._copy_apps, newest_source())

	def start(self, *names: str) -> Services:
		return super().start(*(names or SERVICES))

	def _copy(self) -> None:
		super()._copy()
		self.home.undo_stage("own-apps")

	def _copy_apps(self) -> None:
		for app, source in OUR_APPS.items():
			target = self.path / "apps" / app
			target.unlink() if target.is_symlink() else shutil.rmtree(target)
			for name in _files(source, COPIED if source == REPO else ()):
				(target / name).parent.mkdir(parents=True, exist_ok=True)
				shutil.copy(source / name, target / name)
			for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", f"{app} as it is now")):
				run(["git", *WHO, *command], env=clean_environment(), cwd=target, log=self.build_log)
			_import_from(self.path / "env", source, target)


def _import_from(env: Path, old: Path, new: Path) -> None:
	"""Make the env import an app that is installed in place from another folder."""
	for path in env.glob("lib/python*/site-packages/*.pth"):
		if path.read_text().strip() == str(old):
			path.unlink()  # the first bench has the same file
			path.write_text(f"{new}\n")


def _files(source: Path, wanted: tuple[str, ...]) -> list[str]:
	"""The files below a folder of the repository that git keeps or would keep. wanted: only those below these paths."""
	listed = output_of(
		["git", "ls-files", "-co", "--exclude-standard", "--", *(wanted or (".",))],
		env=clean_environment(),
		cwd=source,
	)
	return [name for name in listed.splitlines() if (source / name).is_file()]
