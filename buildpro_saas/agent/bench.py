"""One Frappe bench on this machine's disk."""

import os
import re
import shutil
import subprocess
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import frappe

from buildpro_saas.agent.facts import IMAGES, SITE_NAME, STANDBY, App
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
		return self.path.name

	@property
	def python(self) -> str:
		"""The interpreter of the bench's own env."""
		return str(self.path / "env/bin/python")

	def site(self, name: str) -> Site:
		"""The site of that name, whether it exists yet or not."""
		return Site(self.sites_path, name)

	def image(self, database: str) -> Site:
		"""The files of the image in that database: kept as a site's folder, where no web server or scheduler looks for sites."""
		return Site(self.sites_path / IMAGES, database, self.sites_path)

	def standby(self, database: str) -> Site:
		"""The folder of the standby site with that database; out of everybody's sight, too, and on the sites' own disk."""
		return Site(self.sites_path / STANDBY, database, self.sites_path)

	def site_names(self) -> list[str]:
		"""Names of all sites of the bench, sorted; not of drafts and copies, which have names that no site can have."""
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
			"apps": [asdict(self.app(name)) for name in self.app_names()],
			"disk_free": self.disk_free,
			"sites": len(self.site_names()),
		}


def _version(app: str) -> str:
	"""What the app says of itself; the installed package's version where the module has none."""
	module = frappe.get_module(app)
	if version := getattr(module, "__version__", None):
		return str(version)
	try:
		return metadata.version(app)
	except metadata.PackageNotFoundError:
		return ""


def _git_head(folder: Path) -> tuple[str, str]:
	"""Commit and branch that are checked out; empty where the app is no checkout of its own or git is not there."""
	git = shutil.which("git")
	if not git or not folder.exists():
		return "", ""
	# the app's folder may belong to another user than the worker's: git would refuse to read it
	answer = subprocess.run(
		[
			*(git, "-c", f"safe.directory={os.path.realpath(folder)}", "-C", str(folder)),
			*("rev-parse", "HEAD", "--abbrev-ref", "HEAD"),
		],
		capture_output=True,
		text=True,
		timeout=30,
		check=False,
	)
	if answer.returncode != 0:
		return "", ""
	commit, branch = answer.stdout.split()
	return commit, branch
