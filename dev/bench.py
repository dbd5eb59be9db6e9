"""The bench: made here from nothing (PrivateBench), or one that was there before us (existing_bench.py)."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from dev import databases, packages, registry_bench, tools, upstream
from dev.home import REPO, Home, link, read_json, write_json
from dev.service_list import PROVISIONING_QUEUE, bench_environment, frappe_command
from dev.services import Services
from dev.shell import DevError, clean_environment, output_of, run, say

# The apps of this repository: name → the folder that holds its pyproject.toml.
OUR_APPS = {"buildpro_saas": REPO, "construction_demo": REPO / "dev/apps/construction_demo"}


class Bench:
	"""What both kinds of bench can do: run commands, hold our apps, be configured."""

	is_ours = False

	def __init__(self, home: Home, path: Path):
		self.home = home
		self.path = path
		self.sites = path / "sites"
		self.python = path / "env/bin/python"
		self.build_log = home.logs / "build.log"

	def services(self) -> Services:
		return Services(self.home, self.path)

	def environment(self, **extra: str) -> dict[str, str]:
		return bench_environment(self.home, self.path) | extra

	def db_root_password(self) -> str:
		"""The password of MariaDB's root; for the standard input of our own scripts only."""
		return self.home.secret("db_root_password")

	def site_suffix(self) -> str:
		"""What the names of sites made here end in before the domain: nothing on our own bench."""
		return ""

	def site_config(self) -> dict[str, int]:
		"""What admin sites made here need in their site_config.json."""
		return {}

	def test_python(self) -> list[str]:
		"""The bench's Python with the packages that tests and benchmarks need; a module or script and its arguments come behind it."""
		return [str(self.python)]

	def start(self, *names: str) -> Services:
		"""Start the services (all without names) that do not run yet, on ports that are free, and return them."""
		with self.home.lock():
			services = self.services()
			if services.free_ports():
				services = self.services()
			self.configure()
			for name in services.older_than(newest_source()):
				say(f"Restarting {name}: the apps' code is newer.")
				services.stop(name)
			services.start_all(*names)
		return services

	def configure(self) -> None:
		"""Write the ports into the bench's configuration, where that is ours to write."""

	def wait_for_disk(self, is_wanted: bool) -> None:
		"""Whether our own MariaDB waits until the disk has what it wrote; a server that runs otherwise is stopped."""

	# commands ----------------------------------------------------------------------------------------------

	def command(self, *arguments: str, text: str | None = None) -> str:
		"""Run a `bench` command of Frappe's or an app's (`"--site", SITE, …`) and return what it prints."""
		return output_of(
			[*frappe_command(self.path), *arguments], env=self.environment(), cwd=self.sites, text=text
		)

	def secret_command(self, *arguments: str) -> None:
		"""As command(), for arguments that hold a password: no command line shows them."""
		script = REPO / "dev/in_bench/command.py"
		output_of([self.python, script], env=self.environment(), cwd=self.sites, text=json.dumps(arguments))

	def script(self, name: str, *arguments: str) -> str:
		"""Run a script of dev/in_bench/ in the bench's env and return what it prints."""
		script = REPO / "dev/in_bench" / name
		return output_of([self.python, script, *arguments], env=self.environment(), cwd=self.sites)

	def drop_made_by(self, *admin_sites: str) -> None:
		"""Remove the tenants' sites, images and standby sites of these admin sites, with databases and database users."""
		config = self.read_config()
		facts = {
			"host": config.get("db_host") or "127.0.0.1",
			"port": int(config.get("db_port") or 3306),
			"password": self.db_root_password(),
			"admin_sites": admin_sites,
		}
		script = REPO / "dev/in_bench/drop_marked.py"
		output_of([self.python, script], env=self.environment(), cwd=self.sites, text=json.dumps(facts))

	# apps --------------------------------------------------------------------------------------------------

	def apps(self) -> list[str]:
		return (self.sites / "apps.txt").read_text().split()

	def install_packages(self, *specifications: str) -> None:
		"""Install Python packages into the bench's env with its own pip (`-e PATH` counts as two words)."""
		pip = [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
		run([*pip, *specifications], env=self.environment(), log=self.build_log)

	def link_app(self, app: str) -> None:
		"""Put one of our apps on the bench: apps/, apps.txt, its assets. Its Python package is installed apart."""
		link(self.path / "apps" / app, OUR_APPS[app])
		apps = self.apps()
		if app not in apps:
			(self.sites / "apps.txt").write_text("\n".join([*apps, app]) + "\n")
		public = self.path / "apps" / app / app / "public"
		if public.is_dir():
			link(self.sites / "assets" / app, public)

	# configuration -----------------------------------------------------------------------------------------

	def read_config(self) -> dict:
		return read_json(self.sites / "common_site_config.json", {})

	def write_config(self, config: dict) -> None:
		write_json(self.sites / "common_site_config.json", config)


class PrivateBench(Bench):
	"""The bench in the home, with its own MariaDB and Redis. `build` makes whatever of it is missing."""

	is_ours = True

	def __init__(self, home: Home):
		super().__init__(home, home.bench)

	def build(self) -> None:
		with self.home.lock():
			tools.make(self.home)
			self.home.stage("bench", "Making the bench", self._make)
			self._check_source()
			for app in os.environ.get("APPS", "").split():
				self._get_app(app)
			self.home.stage(
				"our-apps", "Installing our apps into the bench's env", self._install_ours, self._ours_key()
			)
			for app in self._ours():
				self.link_app(app)
			if self._is_from_registries():
				key = registry_bench.assets_key()
				self.home.stage(
					"assets", "Building Desk's assets", lambda: registry_bench.build_assets(self.home), key
				)
			self.home.stage(
				"mariadb", "Making MariaDB's data folder", lambda: databases.make_data_folder(self.home)
			)
			self.home.redis.mkdir(exist_ok=True)

	def configure(self) -> None:
		ports = self.home.ports()
		config = self.read_config() | {
			"db_host": "127.0.0.1",
			"db_port": ports["mariadb"],
			"redis_cache": f"redis://127.0.0.1:{ports['redis_cache']}",
			"redis_queue": f"redis://127.0.0.1:{ports['redis_queue']}",
			"redis_socketio": f"redis://127.0.0.1:{ports['redis_cache']}",
			"webserver_port": ports["web"],
			"socketio_port": ports["socketio"],
			"dns_multitenant": True,
			"serve_default_site": False,
			"developer_mode": 0,
			"background_workers": 1,
			# Frappe's 10 puts workers behind all that a machine does; here the tests wait for them.
			"background_process_niceness": 0,
			"workers": {PROVISIONING_QUEUE: {"timeout": 3600, "background_workers": 1}},
			# Seconds between two looks of the scheduler: what it resumes after a crash waits no longer than this.
			"scheduler_tick_interval": 30,
		}
		if config != self.read_config():
			self.write_config(config)

	def wait_for_disk(self, is_wanted: bool) -> None:
		if is_wanted != self.home.unsynced.exists():
			return
		self.services().stop_all()
		if is_wanted:
			self.home.unsynced.unlink()
		else:
			self.home.unsynced.touch()

	# building ----------------------------------------------------------------------------------------------

	def _make(self) -> None:
		shutil.rmtree(self.path, ignore_errors=True)
		if upstream.is_reachable():
			say(f"  from {upstream.base_url()}, branch {upstream.branch()}")
			source = {"frappe_path": f"{upstream.base_url()}/frappe", "frappe_branch": upstream.branch()}
			packages.ensure(*packages.COMPILERS)
			upstream.make_yarn(self.home)
			origin = "upstream"
		else:
			say("  The Frappe git hosts do not answer, so the framework comes from package registries:")
			say(
				f"  {registry_bench.PACKAGE} {registry_bench.VERSION} of PyPI, with its names put back. There is no ERPNext."
			)
			source = {
				"frappe_path": str(registry_bench.make_frappe_source(self.home)),
				"frappe_branch": registry_bench.BRANCH,
				"skip_assets": True,
			}
			origin = "registries"
		arguments = {
			"path": str(self.path),
			"python": tools.bench_python(origin),
			"no_procfile": True,
			"no_backups": True,  # bench would write the user's crontab
			"skip_redis_config_generation": True,
			**source,
		}
		installer = {} if tools.uv_reaches_index(self.home) else {"BENCH_DISABLE_UV": "1"}
		run(
			[self.home.tools / "bin/python", REPO / "dev/in_tools/bench_init.py"],
			env=clean_environment(self.home.tools / "bin", self.home.bin, **installer),
			cwd=self.home.path,
			log=self.build_log,
			text=json.dumps(arguments),
		)
		# Frappe 15 and packages that it pins import pkg_resources, which setuptools 81 dropped.
		self.install_packages("setuptools<81")
		write_json(self.home.path / "origin.json", {"origin": origin})

	def _is_from_registries(self) -> bool:
		return read_json(self.home.path / "origin.json")["origin"] == "registries"

	def _check_source(self) -> None:
		if os.environ.get("APPS", "").split() and self._is_from_registries():
			raise DevError(
				"APPS can be added to a bench from the Frappe git hosts only, and this one is from package registries. "
				"Run `make clean` and try again where those hosts answer."
			)

	def _get_app(self, app: str) -> None:
		if not re.fullmatch(r"[a-z][a-z0-9_]*", app):
			raise DevError(f"APPS names apps like `erpnext hrms`; {app!r} is none.")

		def get() -> None:
			shutil.rmtree(self.path / "apps" / app, ignore_errors=True)
			upstream.get_app(self.home, self.environment(), app, self.build_log)

		self.home.stage(f"app-{app}", f"Getting {app}", get)

	def _ours(self) -> list[str]:
		return [app for app, folder in OUR_APPS.items() if (folder / app / "hooks.py").exists()]

	def _ours_key(self) -> str:
		projects = [(OUR_APPS[app] / "pyproject.toml").read_bytes() for app in self._ours()]
		return hashlib.sha256(b"".join(projects)).hexdigest()[:16]

	def _install_ours(self) -> None:
		for app in self._ours():
			extra = "[test]" if OUR_APPS[app] == REPO else ""
			self.install_packages("-e", f"{OUR_APPS[app]}{extra}")


def newest_source() -> float:
	"""When the code of our apps was last changed, in seconds of the epoch."""
	folders = [folder / app for app, folder in OUR_APPS.items()]
	return max(path.stat().st_mtime for folder in folders for path in folder.rglob("*.py"))
