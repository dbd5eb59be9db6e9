"""Lists which files a tenant's request or job may read: its site's own, and what code and the system need. Nothing else.

Beside the bench lie its passwords, its database and its logs. In its user's home are keys. Code that opens a path which a tenant
wrote gets none of them. A refusal is an OSError, too. So code that looks for its settings in many places (~/.netrc) goes on
without them.
"""

import mimetypes
import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import frappe

from buildpro_saas.tenant_site.sandbox import temporary

# What every site reads in the folder of sites.
OF_ALL_SITES = frozenset({"assets", "apps.txt", "apps.json", "currentsite.txt", "patches.txt"})
# It holds the bench's passwords. Only Frappe's functions that merge it with the site's own settings may read it.
COMMON_CONFIG = "common_site_config.json"
CONFIG_READERS = frozenset({"get_site_config", "get_common_site_config"})
NEAREST = 12  # how many frames are searched for such a function, from the audit hook outwards
# Frappe makes files with random names in the folder of sites, for a moment (exports, charts of accounts).
RANDOM = re.compile(r"[0-9a-z]{10}(\.[a-z]{1,5})?")
SYSTEM_FOLDERS = (
	*("/usr/share", "/usr/lib", "/usr/lib64", "/usr/local/share", "/usr/local/lib", "/lib", "/lib64"),
	*("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/etc/ca-certificates"),
	*("/etc/fonts", "/var/cache/fontconfig", "/run/systemd/resolve", "/dev/shm"),
	*("/sys/fs/cgroup", "/sys/devices/system/cpu", "/System/Library", "/Library/Fonts"),
)
SYSTEM_FILES = frozenset(
	{
		*("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"),
		*(
			"/etc/hosts",
			"/etc/resolv.conf",
			"/etc/nsswitch.conf",
			"/etc/host.conf",
			"/etc/gai.conf",
			"/etc/services",
		),
		*("/etc/protocols", "/etc/localtime", "/etc/timezone", "/etc/ssl/openssl.cnf", "/etc/ssl/cert.pem"),
		*(
			"/etc/os-release",
			"/etc/lsb-release",
			"/etc/debian_version",
			"/etc/papersize",
			"/etc/locale.alias",
		),
		*("/proc/stat", "/proc/meminfo", "/proc/cpuinfo", "/proc/loadavg", "/proc/uptime", "/proc/version"),
		*("/proc/filesystems", *mimetypes.knownfiles),
	}
)
# Facts of this process alone, without its environment and its memory.
OF_PROCESS = re.compile(r"/proc/(\d+)/(task/\d+/)?(stat|statm|status|cgroup|mounts|mountinfo|limits)")
TOO_WIDE = frozenset({"/", "/usr", "/usr/local"})


class NotOfSite(frappe.PermissionError, PermissionError):
	"""A file that is not the site's. It is a refusal for Frappe and for Python alike."""


def require(path: str, site: Any) -> None:
	"""Raise NotOfSite unless the site's request or job may read the path. A path that is not there is let through: Python says so.

	site: as acting.site() returns it.
	"""
	real = os.path.realpath(path)
	sites = os.path.realpath(site.sites_path)
	if real.startswith(f"{sites}{os.sep}"):
		is_allowed = _is_of_sites(real[len(sites) + 1 :], site) or is_within(real, _named(site))
	else:
		is_allowed = _is_elsewhere(path, real, site, sites)
	if not is_allowed:
		refuse(path)


def refuse(path: str) -> NoReturn:
	"""Raise NotOfSite, without a message in Desk: the code that asked may do without the file."""
	raise NotOfSite(f"This site may only use files of its own: {os.path.basename(path)} is none.")


def is_within(path: str, folders: tuple[str, ...]) -> bool:
	"""Whether the path is one of the folders, or lies in one. The path must have no links in it."""
	return any(path == folder or path.startswith(f"{folder}{os.sep}") for folder in folders)


def _is_of_sites(inner: str, site: Any) -> bool:
	"""Whether the site may read `inner`, a path below the folder of sites."""
	first, _slash, rest = inner.partition(os.sep)
	if first == site.site or first in OF_ALL_SITES:
		return True
	if inner == COMMON_CONFIG:
		return _is_asked_by_config()
	if not rest and RANDOM.fullmatch(first):
		return True
	# shutil.rmtree opens bare names in a folder that it has open, and the event does not name that folder. So a name that is
	# not there in the folder of sites is let through
	return not os.path.lexists(os.path.join(os.path.realpath(site.sites_path), first))


def _is_elsewhere(path: str, real: str, site: Any, sites: str) -> bool:
	"""Whether the site may read a path that is not below the folder of sites. real: the path without links in it."""
	if path in SYSTEM_FILES or real in _system_files() or is_within(real, own_folders(sites, site.site)):
		return True
	if is_within(real, (*_system_folders(), *_named(site), *_assets(sites))) or _is_code(real, sites):
		return True
	if is_within(real, temporary.FOLDERS):
		return temporary.is_made_by(real, site) or not os.path.lexists(path)
	of_process = OF_PROCESS.fullmatch(real)
	if of_process:
		return int(of_process[1]) == os.getpid()
	return _is_program(path) or not os.path.lexists(path)


def _is_program(path: str) -> bool:
	"""Whether it is a program of the operator's PATH. pdfkit opens wkhtmltopdf to see whether it is there."""
	return os.path.dirname(path) in os.environ.get("PATH", "").split(os.pathsep) and os.access(path, os.X_OK)


def _is_asked_by_config() -> bool:
	"""Whether one of CONFIG_READERS is among the innermost frames."""
	frame, left = sys._getframe(1), NEAREST
	while frame and left:
		module = frame.f_globals.get("__name__", "")
		if frame.f_code.co_name in CONFIG_READERS and module.split(".")[0] == "frappe":
			return True
		frame, left = frame.f_back, left - 1
	return False


def _named(site: Any) -> tuple[str, ...]:
	"""The files and folders that the operator's configuration of the site names."""
	named = (site.conf.get(key) for key in ("backup_path", "robots_txt"))
	return tuple(os.path.realpath(each) for each in named if each)


@lru_cache(maxsize=1024)
def own_folders(sites: str, site: str) -> tuple[str, ...]:
	"""The site's folder, the folders in it that operators may keep elsewhere by a link, and the user's folder of caches."""
	own = Path(sites, site)
	inner = ("public", "private", "public/files", "private/files", "private/backups")
	cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
	return tuple(os.path.realpath(folder) for folder in (own, *(own / name for name in inner), cache))


def _is_code(real: str, sites: str) -> bool:
	"""Whether it is code of an app or of Python. Hidden files and folders beside code (.git, .env) are not."""
	for folder in _code(os.path.dirname(sites), tuple(sys.path)):
		if real == folder or real.startswith(f"{folder}{os.sep}"):
			if f"{os.sep}." not in real[len(folder) :]:
				return True
	return False


@lru_cache(maxsize=64)
def _code(bench: str, path: tuple[str, ...]) -> tuple[str, ...]:
	places = {
		sys.prefix,
		sys.exec_prefix,
		sys.base_prefix,
		*filter(os.path.isabs, path),
		os.path.join(bench, "env"),
	}
	found = {os.path.realpath(place) for place in places}
	apps = Path(bench, "apps")
	found.add(os.path.realpath(apps))
	for app in apps.iterdir():
		real = os.path.realpath(app)
		# a developer's bench may be within an app's own folder
		found.add(os.path.join(real, app.name) if is_within(bench, (real,)) else real)
	return tuple(sorted(place for place in found if place not in TOO_WIDE and not is_within(bench, (place,))))


@lru_cache(maxsize=64)
def _assets(sites: str) -> tuple[str]:
	"""The folder `assets`. Containers keep it beside the folder of sites."""
	return (os.path.realpath(os.path.join(sites, "assets")),)


@lru_cache(maxsize=1)
def _system_folders() -> tuple[str, ...]:
	return tuple(os.path.realpath(folder) for folder in SYSTEM_FOLDERS)


@lru_cache(maxsize=1)
def _system_files() -> frozenset[str]:
	# platform.platform() looks into the interpreter
	return frozenset(os.path.realpath(file) for file in (*SYSTEM_FILES, sys.executable))
