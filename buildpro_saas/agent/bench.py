"""One Frappe bench on this machine's disk."""

import os
import re
import shutil
import subprocess
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import frappe

from buildpro_saas.agent.facts import IMAGES, SHADOWS, SITE_NAME, STANDBY, App
from buildpro_saas.agent.site import Site


class Bench:
	"""The bench at a path: its apps, its sites, its configuration."""

	def __init__(self, path: Path):
		self.path = Path(path)
		self.sites_path = self.path / "sites"

	@classmethod
	def here(cls) -> "Bench":
		"""The bench that this process runs on. Needs an initialised frappe."""
		return cls(Path(frappe.local.sites_path).resolve().parent)

	@property
	def name(self) -> str:
		"""The name of the bench's folder."""
		return self.path.name

	@property
	def python(self) -> str:
		"""The interpreter of the bench's own env."""
		return str(self.path / "env/bin/python")

	def site(self, name: str) -> Site:
		"""The site of that name, whether it exists yet or not."""
		return Site(self.sites_path, name)

	def image(self, database: str) -> Site:
		"""The image in that database. Its files are kept as a site's folder, where no web server or scheduler looks for sites."""
		return Site(self.sites_path / IMAGES, database, self.sites_path)

	def standby(self, database: str) -> Site:
		"""The standby site with that database. Its folder is out of sight, too, and on the same disk as the sites."""
		return Site(self.sites_path / STANDBY, database, self.sites_path)

	def shadow(self, database: str) -> Site:
		"""The folder of the shadow with that database."""
		return Site(self.sites_path / SHADOWS, database, self.sites_path)

	def site_names(self) -> list[str]:
		"""Names of the bench's sites, sorted. Drafts and copies have names that no site can have, and are left out."""
		names = (file.parent.name for file in self.sites_path.glob("*/site_config.json"))
		return sorted(name for name in names if re.fullmatch(SITE_NAME, name))

	def app_names(self) -> list[str]:
		"""The apps that sites of this bench can install, in the order of sites/apps.txt, the framework first."""
		lines = (self.sites_path / "apps.txt").read_text().split()
		return sorted(lines, key=lambda app: app != "frappe")

	def app(self, name: str) -> App:
		"""Version, branch and commit of one app, read from disk."""
		commit, branch = _git_head(self.path / "apps" / name)
		return App(name, _version(name), branch, commit)

	def app_tree(self, name: str) -> str:
		"""The git tree that the app's folder is, where that is a part of a larger checkout; empty where it is in none."""
		return _git(self.path / "apps" / name, "HEAD:./", is_climbing=True)

	@property
	def disk_free(self) -> int:
		"""Bytes that are free on the disk that holds the sites."""
		return shutil.disk_usage(self.sites_path).free

	def facts(self) -> dict:
		"""What the control plane keeps of a bench, as plain data. `disk_free` in bytes."""
		return {
			"name": self.name,
			"path": str(self.path),
			"frappe_version": _version("frappe"),
			"web_port": int(frappe.conf.get("webserver_port") or 8000),
			"socketio_port": int(frappe.conf.get("socketio_port") or 0),
			"apps": [asdict(self.app(name)) for name in self.app_names()],
			"disk_free": self.disk_free,
			"sites": len(self.site_names()),
		}


def _version(app: str) -> str:
	"""The app's own `__version__`; else the version of its installed package; empty where there is none."""
	module = frappe.get_module(app)
	if version := getattr(module, "__version__", None):
		return str(version)
	try:
		return metadata.version(app)
	except metadata.PackageNotFoundError:
		return ""


def _git_head(folder: Path) -> tuple[str, str]:
	"""(commit, branch) of the checkout that the folder is; empty where git or the folder is missing, or it is no checkout of its own."""
	answer = _git(folder, "HEAD", "--abbrev-ref", "HEAD")
	commit, branch = answer.split() if answer else ("", "")
	return commit, branch


def _git(folder: Path, *revisions: str, is_climbing: bool = False) -> str:
	"""What `git rev-parse` says in the folder; empty where it says nothing. is_climbing: also in a checkout around the folder."""
	git = shutil.which("git")
	if not git or not folder.exists():
		return ""
	place = os.path.realpath(folder)
	# a git hook, for example, sets variables that would have git look elsewhere
	environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
	if not is_climbing:
		environment["GIT_CEILING_DIRECTORIES"] = os.path.dirname(place)
	# the checkout may belong to another user than the worker's, and git would refuse to read it
	answer = subprocess.run(
		[git, "-c", "safe.directory=*", "-C", place, "rev-parse", *revisions],
		env=environment,
		capture_output=True,
		text=True,
		timeout=30,
		check=False,
	)
	return answer.stdout.strip() if answer.returncode == 0 else ""
