"""A second bench on this machine, made from what the first has: `make bench BENCHES=2`.

It has its own folder, apps, env, MariaDB, Redis, ports and passwords, in `.bench/second/`. The framework and the env are hard links of the
first bench's files; our apps are a copy of the working tree as it is now, committed in a repository of their own, so that the two benches may
have different code.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dev import databases
from dev.bench import OUR_APPS, PrivateBench, newest_source
from dev.home import REPO, Home, link, write_atomically
from dev.services import SERVERS, Services
from dev.shell import clean_environment, output_of, run

FOLDER = "second"
# All but the workers of provisioning jobs, which are the admin site's, and on its own bench.
SERVICES = (*SERVERS, "web", "worker", "scheduler")
# What of the repository its copy of our app has.
COPIED = ("buildpro_saas", "pyproject.toml", "README.md", "license.txt")
WHO = ("-c", "user.name=BuildPro", "-c", "user.email=dev@localhost")


class SecondBench(PrivateBench):
	"""The second bench; the first is built already."""

	def __init__(self, first: PrivateBench):
		super().__init__(Home(first.home.path / FOLDER))
		self.first = first

	def build(self) -> None:
		with self.home.lock():
			link(self.home.tools, self.first.home.tools)
			link(self.home.bin, self.first.home.bin)
			self.home.stage("copy", "Copying the first bench", self._copy, self._key_of_first())
			self.home.stage("apps", "Copying our apps", self._copy_apps, newest_source())
			self.home.stage(
				"mariadb", "Making its MariaDB's data folder", lambda: databases.make_data_folder(self.home)
			)
			self.home.redis.mkdir(exist_ok=True)

	def start(self, *names: str) -> Services:
		return super().start(*(names or SERVICES))

	def _key_of_first(self) -> list:
		"""Changes when the first bench was built anew, or got another app."""
		made = self.first.home.path / "stages/bench.json"
		return [made.stat().st_mtime, self.first.apps()]

	# building ----------------------------------------------------------------------------------------------

	def _copy(self) -> None:
		self.services().stop_all()
		shutil.rmtree(self.path, ignore_errors=True)
		for folder in ("apps", "sites", "logs", "config/pids"):
			(self.path / folder).mkdir(parents=True)
		others = [app for app in self.first.apps() if app not in OUR_APPS]
		for name in ("env", *(f"apps/{app}" for app in others)):
			_hard_links(self.first.path / name, self.path / name)
		_hard_links(self.first.sites / "assets", self.sites / "assets")
		for name in ("apps.txt", "apps.json"):
			if (self.first.sites / name).exists():
				shutil.copy(self.first.sites / name, self.sites / name)
		self.write_config({})
		self._put_paths_right()
		self.home.undo_stage("apps")

	def _put_paths_right(self) -> None:
		"""Where files of the copy name the first bench's folder, or our apps' (programs' first lines, .pth files, links), name this one's."""
		replaced = {
			str(self.first.path): str(self.path),
			**{str(folder): str(self.path / "apps" / app) for app, folder in OUR_APPS.items()},
		}
		files = [
			*(self.path / "env/bin").iterdir(),
			*(self.path / "env/lib").glob("python*/site-packages/*.pth"),
		]
		for file in files:
			if not file.is_symlink() and file.is_file():
				_replace(file, replaced)
		for name in (self.sites / "assets").iterdir():
			if name.is_symlink():
				target = os.readlink(name).replace(str(self.first.path), str(self.path))
				name.unlink()
				name.symlink_to(target)

	def _copy_apps(self) -> None:
		for app, source in OUR_APPS.items():
			target = self.path / "apps" / app
			shutil.rmtree(target, ignore_errors=True)
			for name in _files(source, COPIED if source == REPO else ()):
				(target / name).parent.mkdir(parents=True, exist_ok=True)
				shutil.copy(source / name, target / name)
			for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", f"{app} as it is now")):
				run(["git", *WHO, *command], env=clean_environment(), cwd=target, log=self.build_log)


def _hard_links(source: Path, target: Path) -> None:
	run(["cp", "-al", source, target], env=clean_environment())


def _replace(file: Path, replaced: dict[str, str]) -> None:
	"""Write the file anew, which parts it from the first bench's, where it names one of the folders."""
	try:
		text = file.read_text()
	except UnicodeDecodeError:
		return  # a program
	lines = [_line(line, replaced) for line in text.splitlines(keepends=True)]
	if "".join(lines) != text:
		write_atomically(file, "".join(lines), mode=file.stat().st_mode & 0o777)


def _line(line: str, replaced: dict[str, str]) -> str:
	if line.rstrip("\n") in replaced:  # a .pth file's
		return line.replace(line.rstrip("\n"), replaced[line.rstrip("\n")])
	first, second = next(iter(replaced.items()))
	return line.replace(first, second)


def _files(source: Path, wanted: tuple[str, ...]) -> list[str]:
	"""The files below a folder of the repository that git keeps or would keep; `wanted`: below these only."""
	listed = output_of(
		["git", "ls-files", "-co", "--exclude-standard", "--", *(wanted or (".",))],
		env=clean_environment(),
		cwd=source,
	)
	return [name for name in listed.splitlines() if (source / name).is_file()]
