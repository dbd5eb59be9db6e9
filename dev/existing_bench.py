"""A bench that was there before us (`BENCH=/path`): our apps and sites are put on it, and taken away again.

These things are added, each only where it is missing:

* links apps/NAME and sites/assets/NAME, and a line in sites/apps.txt, for each of our two apps;
* the apps' Python packages, with the requirements that the bench has not;
* the queue `provisioning` in common_site_config.json;
* the bench's database account, with its file.

`detach` takes all of them away again, also after an interrupted run: `existing/state.json` lists them. Our web server, workers and
scheduler are our own, on two Redis servers of our own. So the bench's processes and other sites see none of our jobs. Its MariaDB is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from dev import packages, probes
from dev.bench import OUR_APPS, Bench
from dev.home import REPO, Home, link, read_json, write_atomically, write_json
from dev.in_bench.our_sites import our_sites
from dev.service_list import PROVISIONING_QUEUE
from dev.shell import DevError, output_of, run, say
from dev.sites import drop_site

HIDDEN = ".buildpro"  # below sites/, see buildpro_saas/agent/facts.py
ACCOUNT = "config/buildpro_database.json"  # of the bench on its MariaDB, see buildpro_saas/agent/account.py
TEST_PACKAGES = "test"  # the group of pyproject.toml that has them


class ExistingBench(Bench):
	"""Use as a context manager around what needs the bench, or attach() now and detach() in a later run."""

	def __init__(self, home: Home, path: Path):
		super().__init__(Home(home.path / "existing"), path.expanduser().absolute())
		self.state_file = self.home.path / "state.json"

	@classmethod
	def attached(cls, home: Home) -> ExistingBench | None:
		"""The bench that an earlier run attached to and that has not been detached yet."""
		state = read_json(home.path / "existing/state.json")
		return cls(home, Path(state["path"])) if state else None

	@property
	def state(self) -> dict:
		return read_json(self.state_file, {})

	def db_root_password(self) -> str:
		password = os.environ.get("DB_ROOT_PASSWORD") or self.read_config().get("root_password")
		if password is None:
			raise DevError(
				"Set DB_ROOT_PASSWORD to the password of MariaDB's root on that bench, in the environment."
			)
		return password

	def site_suffix(self) -> str:
		return self.state["suffix"]

	def test_python(self) -> list[str]:
		script = REPO / "dev/in_bench/with_test_packages.py"
		return [str(self.python), str(script), str(self.home.path / "packages")]

	# attaching ---------------------------------------------------------------------------------------------

	def build(self) -> None:
		"""Put our apps on the bench. It has the name of PrivateBench.build, so callers need not know which bench they have."""
		self._check()
		packages.ensure(*packages.CLIENTS, *packages.SERVERS)
		with self.home.lock():
			link(self.home.bin / "redis-server", Path(packages.find("redis-server", "redis-check-rdb") or ""))
			self.home.redis.mkdir(parents=True, exist_ok=True)
			self._remember()
			for app in OUR_APPS:
				self._add(app)
			self._add_queue()
			if not (self.path / ACCOUNT).exists():
				self._note("account")  # `saas setup` makes it
			wanted = hashlib.sha256((REPO / "pyproject.toml").read_bytes()).hexdigest()
			self.home.stage(
				"test-packages",
				"Installing the test tools beside the bench",
				self._install_test_packages,
				wanted,
			)

	def site_config(self) -> dict[str, int]:
		"""Our sites' own web server: common_site_config.json names the bench's, which does not serve them."""
		return {"webserver_port": self.home.ports()["web"]}

	def _check(self) -> None:
		for part in ("apps/frappe", "sites/common_site_config.json", "sites/apps.txt", "env/bin/python"):
			if not (self.path / part).exists():
				raise DevError(f"{self.path} is no Frappe bench: it has no {part}.")
		attached = self.state.get("path")
		if attached and attached != str(self.path):
			raise DevError(f"{attached} is still attached; run `make stop` first.")
		config = self.read_config()
		port = int(config.get("db_port") or 3306)
		if config.get("db_host", "127.0.0.1") in ("127.0.0.1", "localhost") and not probes.mariadb_answers(
			port
		):
			raise DevError(f"MariaDB of {self.path} does not answer on port {port}; start it first.")
		self.db_root_password()

	def _remember(self) -> None:
		if self.state:
			return
		write_json(
			self.state_file,
			{
				"path": str(self.path),
				"suffix": f"-{secrets.token_hex(3)}",
				"sites": self._all_sites(),
				"apps_txt": (self.sites / "apps.txt").read_text(),
				"config": (self.sites / "common_site_config.json").read_text(),
				"packages": self._installed(),
				"added": [],
			},
		)

	def _note(self, what: str) -> None:
		"""Note an addition before it is made, so that a run that dies in between is cleaned up later."""
		state = self.state
		if what not in state["added"]:
			write_json(self.state_file, state | {"added": [*state["added"], what]})

	def _add(self, app: str) -> None:
		place = self.path / "apps" / app
		if place.exists() and f"app:{app}" not in self.state["added"]:
			say(f"{app} is on that bench already and is used as it is: {place}")
			return
		self._note(f"app:{app}")
		if not self._can_import(app):
			self._note("requirements")  # what it needs and the bench has not: pip leaves alone what is there
			self._note(f"package:{app}")
			run(
				[*self._pip("install"), "-e", OUR_APPS[app]],
				env=self.environment(),
				log=self.build_log,
			)
		self.link_app(app)

	def _add_queue(self) -> None:
		config = self.read_config()
		queues = config.get("workers") or {}
		if PROVISIONING_QUEUE not in queues:
			self._note("queue")
			queue = {"timeout": 3600, "background_workers": 1}
			self.write_config(config | {"workers": queues | {PROVISIONING_QUEUE: queue}})

	def _install_test_packages(self) -> None:
		"""Install the tests' packages beside the bench's env, not in it: its own packages stay as they are."""
		project = output_of(
			[
				self.python,
				REPO / "dev/in_bench/extra_requirements.py",
				REPO / "pyproject.toml",
				TEST_PACKAGES,
			],
			env=self.environment(),
		)
		target = ["--target", self.home.path / "packages", "--upgrade"]
		run(
			[*self._pip("install"), *target, *project.splitlines()],
			env=self.environment(),
			log=self.build_log,
		)

	def _pip(self, command: str) -> list[str]:
		"""pip for the bench's env; benches made with uv may have none in it."""
		if self._can_import("pip"):
			return [str(self.python), "-m", "pip", command, "-q", "--disable-pip-version-check"]
		if uv := packages.find("uv"):
			return [uv, "pip", command, "-q", "--python", str(self.python)]
		raise DevError(f"{self.python} has no pip, and uv is not installed; install one of them.")

	def _can_import(self, module: str) -> bool:
		code = "import importlib.util, sys; print(importlib.util.find_spec(sys.argv[1]) is not None)"
		# Not from the repository: what lies in the current folder could be imported from there.
		return output_of([self.python, "-c", code, module], env=self.environment(), cwd=self.sites) == "True"

	# detaching ---------------------------------------------------------------------------------------------

	def detach(self) -> None:
		"""Stop our services, remove our sites with their databases and users, and take out what was added."""
		with self.home.lock():
			if not self.state:  # asked under the lock: another run may just have detached
				return
			self.services().stop_all()
			self._drop_sites()
			for what in reversed(self.state["added"]):
				kind, _, name = what.partition(":")
				self._removers()[kind](name)
			self.state_file.unlink()
			for path in (self.home.path / "stages").glob("site-*.json"):
				path.unlink()
		say(f"{self.path} is as it was.")

	def _removers(self) -> dict[str, Callable[[str], None]]:
		return {
			"app": self._remove_app,
			"package": self._remove_package,
			"requirements": self._remove_requirements,
			"queue": self._remove_queue,
			"account": lambda _name: (self.path / ACCOUNT).unlink(missing_ok=True),
		}

	def _drop_sites(self) -> None:
		self._drop_our_sites()
		# where images and standby sites were; somebody else's would still be in there
		for folder in sorted(self.sites.glob(f"{HIDDEN}/**/"), reverse=True):
			if not any(folder.iterdir()):
				folder.rmdir()

	def _drop_our_sites(self) -> None:
		ours = self._our_sites()
		if not ours:
			return
		# tenants' sites, images and standby sites by their marks; what is left are the admin sites
		self.drop_made_by(*ours)
		users = set()
		if "account" in self.state["added"]:
			users |= {read_json(self.path / ACCOUNT, {}).get("user")} - {None}
		for site in ours:
			config = read_json(self.sites / site / "site_config.json", {})
			users |= {config.get("db_user"), config.get("db_name")} - {None}
			drop_site(self, site)
		config = self.read_config()
		facts = {
			"host": config.get("db_host") or "127.0.0.1",
			"port": int(config.get("db_port") or 3306),
			"password": self.db_root_password(),
			"users": sorted(users),
		}
		script = REPO / "dev/in_bench/drop_users.py"
		output_of([self.python, script], env=self.environment(), cwd=self.sites, text=json.dumps(facts))

	def _remove_app(self, app: str) -> None:
		for name in (self.path / "apps" / app, self.sites / "assets" / app):
			if name.is_symlink():
				name.unlink()
		path = self.sites / "apps.txt"
		apps = [other for other in self.apps() if other != app]
		before = self.state["apps_txt"]
		write_atomically(path, before if apps == before.split() else "\n".join(apps) + "\n")

	def _remove_package(self, app: str) -> None:
		pip = self._pip("uninstall")
		run(
			[*pip, *([] if "uv" in Path(pip[0]).name else ["-y"]), app],
			env=self.environment(),
			log=self.build_log,
		)

	def _remove_requirements(self, _name: str) -> None:
		for package in sorted(set(self._installed()) - set(self.state["packages"])):
			self._remove_package(package)

	def _installed(self) -> list[str]:
		"""Names of the packages in the bench's env."""
		code = "from importlib.metadata import distributions; print(*{each.name for each in distributions()})"
		return sorted(output_of([self.python, "-c", code], env=self.environment(), cwd=self.sites).split())

	def _remove_queue(self, _name: str) -> None:
		config = self.read_config()
		config.get("workers", {}).pop(PROVISIONING_QUEUE, None)
		before = json.loads(self.state["config"])
		if not config.get("workers") and "workers" not in before:
			config.pop("workers", None)
		if config == before:
			write_atomically(self.sites / "common_site_config.json", self.state["config"])
		else:
			self.write_config(config)

	def _all_sites(self) -> list[str]:
		return sorted(path.parent.name for path in self.sites.glob("*/site_config.json"))

	def _our_sites(self) -> list[str]:
		return our_sites(self.sites, self.state)
