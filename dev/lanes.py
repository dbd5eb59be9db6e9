"""Lanes: benches side by side, so that `make test` keeps more than one core busy.

The first lane is the bench itself. Each further one is a bench of its own in `.bench/lanes/N`: sites, MariaDB, Redis, web
server and workers. Only files are shared, as hard links: the apps and the Python packages. So a test may kill or
starve what it likes, and no test of another lane sees it. pytest-xdist gives each file of tests to the lane that is free.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from dev import databases
from dev.bench import Bench, PrivateBench
from dev.home import Home, link, write_json
from dev.services import Services
from dev.shell import DevError
from dev.sites import AdminSite

FOLDER = "lanes"
GB_A_LANE = 3  # memory: a lane takes 2 GB at its most, and a browser and the builds' programs come beside
MOST = 4  # that are taken unasked: the longest files bound what more could do
# The stages that change the apps or the Python packages of the first bench.
COPIED_STAGES = ("bench", "our-apps", "assets", "app-*", "lane")


class LaneBench(PrivateBench):
	"""A copy of our own bench without its sites."""

	def __init__(self, first: PrivateBench, number: int):
		super().__init__(Home(first.home.path / FOLDER / str(number), label=f"lane {number}: "))
		self.first = first

	def build(self) -> None:
		with self.home.lock():
			self.home.stage("lane", "Copying the bench", self._copy, self._key())

	def _key(self) -> list:
		"""Changes whenever the first bench was built anew."""
		stages = self.first.home.path / "stages"
		marks = sorted(mark for name in COPIED_STAGES for mark in stages.glob(f"{name}.json"))
		return [[mark.name, mark.stat().st_mtime_ns] for mark in marks]

	def _copy(self) -> None:
		self.services().stop_all()
		shutil.rmtree(self.path, ignore_errors=True)
		for part in ("apps", "env", "sites/assets"):
			shutil.copytree(self.first.path / part, self.path / part, symlinks=True, copy_function=os.link)
		for part in ("config", "logs"):
			(self.path / part).mkdir()
		for name in ("apps.txt", "apps.json"):
			shutil.copy(self.first.sites / name, self.sites / name)
		self._take_for_own()
		for name in ("tools", "bin"):
			link(self.home.path / name, self.first.home.path / name)
		password = {
			name: self.first.home.secret(name) for name in ("db_root_password", "administrator_password")
		}
		write_json(self.home.path / "secrets.json", password, mode=0o600)
		databases.make_data_folder(self.home)
		self.home.redis.mkdir(exist_ok=True)

	def _take_for_own(self) -> None:
		"""Change what names the first bench by its path: programs and packages of the env, and links."""
		old, new = str(self.first.path), str(self.path)
		packages = "lib/python*/site-packages"
		for pattern in (
			"bin/*",
			*(f"{packages}/{name}" for name in ("*.pth", "__editable__*.py", "*/direct_url.json")),
		):
			for path in (self.path / "env").glob(pattern):
				if not path.is_symlink() and old.encode() in (text := path.read_bytes()):
					mode = path.stat().st_mode
					path.unlink()  # the first bench has the same file
					path.write_bytes(text.replace(old.encode(), new.encode()))
					path.chmod(mode)
		for path in (self.sites / "assets").rglob("*"):
			if path.is_symlink() and (target := os.readlink(path)).startswith(f"{old}/"):
				path.unlink()
				path.symlink_to(target.replace(old, new, 1))


def wanted(bench: Bench, is_whole_suite: bool) -> int:
	"""How many lanes the tests run on: LANES; else for the whole suite one more than the machine has cores, as far as memory goes.

	One more, because a lane waits for a third of its time: for a worker's start, a minute of the scheduler's, a browser.
	Raises DevError for a LANES that is no number.
	"""
	chosen = os.environ.get("LANES", "")
	if chosen and not (chosen.isdecimal() and int(chosen)):
		raise DevError(
			f"LANES is how many benches the tests run on side by side, such as 2; {chosen!r} is none."
		)
	if not isinstance(bench, PrivateBench):
		return 1
	if chosen:
		return int(chosen)
	if not is_whole_suite:
		return 1
	gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
	return max(1, min(len(os.sched_getaffinity(0)) + 1, int(gigabytes / GB_A_LANE), MOST))


def prepare(first: Bench, admin: AdminSite, number: int) -> list[LaneBench]:
	"""Make the admin site, and at the same time all lanes but the first, each with an admin site of that name.

	Frappe's installer makes the framework's tables on the first lane. The others' sites begin with those.
	"""
	copies = [LaneBench(first, lane) for lane in range(2, number + 1)]

	def make(copy: LaneBench, framework: Future) -> None:
		copy.build()
		copy.wait_for_disk(False)
		copy.start()
		framework.result()
		AdminSite(copy, admin.name, first.home.framework_sql).make()

	with ThreadPoolExecutor(max_workers=len(copies) + 1) as pool:
		framework = pool.submit(admin.make_framework)
		made = [pool.submit(make, copy, framework) for copy in copies]
		framework.result()
		admin.make()
		for one in made:
			one.result()
	return copies


def options(copies: Sequence[LaneBench]) -> list[str]:
	"""The arguments with which pytest runs on all lanes: a worker for each, which is told its bench."""
	if not copies:
		return []
	workers = ["popen", *(f"popen//python={shlex.quote(str(copy.python))}//{_told(copy)}" for copy in copies)]
	return ["--dist=loadfile", "--no-loadscope-reorder", *(f"--tx={worker}" for worker in workers)]


def _told(copy: LaneBench) -> str:
	"""The environment variables in which a lane's tests differ from the first lane's. Passwords and the site's name are the same."""
	environment = {
		"BUILDPRO_BENCH": str(copy.path),
		"BUILDPRO_HOME": str(copy.home.path),
		"BUILDPRO_WEB_PORT": str(copy.home.ports()["web"]),
		"BUILDPRO_FIRST_BENCH": str(copy.first.path),
	}
	return "//".join(f"env:{name}={value}" for name, value in environment.items())


def stop_all(home: Home) -> list[str]:
	"""Stop what runs on all lanes but the first, and on their second benches. Returns the services' names."""
	lanes = home.path / FOLDER
	folders = sorted([*lanes.glob("*"), *(mark.parent for mark in lanes.glob("*/*/ports.json"))])
	return [
		f"{name} of {folder.relative_to(home.path)}"
		for folder in folders
		for name in Services(Home(folder)).stop_all()
	]
