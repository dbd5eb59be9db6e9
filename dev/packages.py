"""Debian's packages: which programs are needed, which package has each, and installing what is missing.

Only packages that start no system service and write no server's configuration are asked for: `mariadb-server-core`
and `redis-tools` hold the same server programs as `mariadb-server` and `redis-server` without their services.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from dev.shell import DevError, clean_environment, output_of, say

MINIMUM_NODE = 18


@dataclass(frozen=True)
class Need:
	"""A program of which one of `programs` must be found, and the packages that bring it."""

	programs: tuple[str, ...]
	packages: tuple[str, ...]


SERVERS = (
	Need(("mariadbd",), ("mariadb-server-core",)),
	Need(("mariadb-install-db",), ("mariadb-server-core",)),
	Need(("redis-server", "redis-check-rdb"), ("redis-tools",)),
)
CLIENTS = (
	Need(("git",), ("git",)),
	Need(("mysql",), ("mariadb-client",)),
	Need(("mysqldump",), ("mariadb-client",)),
	Need(("gzip",), ("gzip",)),
	Need(("restic",), ("restic",)),  # for tenants' backups
)
# What the benchmark of backups holds restic against.
BORG = (Need(("borg",), ("borgbackup",)),)
NODE = (Need(("node",), ("nodejs",)), Need(("npm",), ("npm",)))
BROWSER = (Need(("chromium", "chromium-browser", "google-chrome"), ("chromium",)),)
# For tests/network and `make demo PROXY=1`, beside what unpacked.py brings: an ACME server, and asking and updating DNS servers.
NETWORK = (
	Need(("pebble",), ("pebble",)),
	Need(("kdig",), ("knot-dnsutils",)),
	Need(("openssl",), ("openssl",)),
)
# For tests that only root can run: the firewall in network namespaces, sudo's line, systemd's own look at units.
ROOTS = (
	Need(("nft",), ("nftables",)),
	Need(("ip",), ("iproute2",)),
	Need(("sysctl",), ("procps",)),
	Need(("nsenter",), ("util-linux",)),
	Need(("mount",), ("mount",)),
	Need(("sudo",), ("sudo",)),
	Need(("systemd-analyze",), ("systemd",)),
)
# For a test of dumps as others pack them.
PACKERS = (Need(("zstd",), ("zstd",)),)
# With Debian's Qt it makes no headers and footers; Frappe's Desk asks for it to print.
PDF = (Need(("wkhtmltopdf",), ("wkhtmltopdf",)),)
# What building ERPNext's and the newer frameworks' Python packages takes when no wheel fits.
COMPILERS = (
	Need(("cc",), ("build-essential",)),
	Need(("pkg-config",), ("pkg-config", "libmariadb-dev", "python3-dev")),
)


def find(*programs: str) -> str | None:
	"""The path of the first of `programs` that is installed; /usr/sbin is looked at too."""
	path = clean_environment()["PATH"]
	return next(filter(None, (shutil.which(program, path=path) for program in programs)), None)


def ensure(*needs: Need) -> None:
	"""Install the packages of all needs that are not met, if this user may; otherwise say the one command that does.

	Raises DevError when something stays missing.
	"""
	packages = {package: None for need in needs if not find(*need.programs) for package in need.packages}
	if not _has_venv():
		packages["python3-venv"] = None
	if not packages:
		return
	install(list(packages))
	for need in needs:
		if not find(*need.programs):
			raise DevError(
				f"The package {need.packages[0]} was installed, but {need.programs[0]} is still not found."
			)


def of_tests() -> tuple[Need, ...]:
	"""What the whole suite takes beside what runs a bench. What only root's tests ask for is left out for others."""
	needs = (*BROWSER, *PDF, *NETWORK, *PACKERS)
	return (*needs, *ROOTS) if os.geteuid() == 0 else needs


def check_node() -> None:
	"""Raise DevError unless Node.js is new enough to build Desk's assets."""
	version = subprocess.run([find("node") or "node", "--version"], capture_output=True, text=True).stdout
	found = re.match(r"v(\d+)", version)
	if not found or int(found[1]) < MINIMUM_NODE:
		raise DevError(
			f"Desk's assets need Node.js {MINIMUM_NODE} or newer, found {version.strip()}; install that first."
		)


def _has_venv() -> bool:
	"""Debian keeps `ensurepip` out of its Python until python3-venv is installed."""
	check = subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True)
	return check.returncode == 0


def install(packages: list[str]) -> None:
	"""Install these packages. Raises DevError, with the command to run, where this user may not."""
	by_hand = f"apt-get install --no-install-recommends {' '.join(packages)}"
	if not shutil.which("apt-get"):
		raise DevError(
			f"Missing programs; install what your system calls these Debian packages: {' '.join(packages)}"
		)
	if not _may_install():
		raise DevError(
			f"These Debian packages are missing; install them and run this again:\n\n    sudo {by_hand}\n"
		)
	say(f"Installing Debian packages: {' '.join(packages)} …")
	_apt("update")
	_apt("install", "-y", "--no-install-recommends", *packages)


def update_lists() -> None:
	"""Fetch Debian's lists of packages anew. Raises DevError where this user may not."""
	if not _may_install():
		raise DevError(
			"The lists of packages are missing or old: run `sudo apt-get update`, then this again."
		)
	_apt("update")


def _apt(*arguments: str) -> None:
	prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
	# sudo drops the environment, so the variable goes through env(1).
	apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
	output_of([*apt, *arguments], env=clean_environment())


def _may_install() -> bool:
	return os.geteuid() == 0 or _has_free_sudo()


def _has_free_sudo() -> bool:
	if not shutil.which("sudo"):
		return False
	return subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
