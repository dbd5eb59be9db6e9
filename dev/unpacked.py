"""Programs of Debian packages that would start a system service when they are installed: nginx and knot, for tests/network and `make demo PROXY=1`, and Prometheus, for tests of what it is told.

Such a package is fetched with apt and unpacked in `.bench/unpacked`: nothing is configured, no service and no file in
/etc comes of it. Only the libraries that a program lacks are installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dev import packages
from dev.home import Home
from dev.shell import DevError, clean_environment, output_of, say

PROGRAM_FOLDERS = ("usr/sbin", "usr/bin")


@dataclass(frozen=True)
class Unpacked:
	"""A program, the package that holds it, and the packages of its libraries that a small system may lack."""

	program: str
	package: str
	libraries: tuple[str, ...]


NETWORK = (
	Unpacked("nginx", "nginx", ("libpcre2-8-0", "libssl3", "zlib1g")),
	Unpacked(
		"knotd",
		"knot",
		(
			*("libknot13", "libdnssec9", "libzscanner4", "libcap-ng0", "libedit2"),
			*("libgnutls30", "liblmdb0", "liburcu8"),
		),
	),
)
# written in Go, with what it needs inside; the package has promtool, too
PROMETHEUS = (Unpacked("prometheus", "prometheus", ()),)


def folders(home: Home) -> list[str]:
	"""Where the unpacked programs lie, for PATH."""
	return [str(_root(home) / folder) for folder in PROGRAM_FOLDERS]


def program(home: Home, name: str) -> str:
	"""The path of a program, of the machine or unpacked; its name where it is missing."""
	return packages.find(name) or shutil.which(name, path=os.pathsep.join(folders(home))) or name


def ensure(home: Home, *wanted: Unpacked) -> None:
	"""Make sure of these programs; one that the machine has is left as it is. Raises DevError when one stays missing."""
	with home.lock():
		for each in wanted:
			if not packages.find(each.program):
				_ensure(home, each)


def _ensure(home: Home, wanted: Unpacked) -> None:
	program = _find(home, wanted)
	if not program:
		say(f"Unpacking the Debian package {wanted.package} …")
		_unpack(home, wanted.package)
		program = _find(home, wanted)
	if not program:
		raise DevError(f"The package {wanted.package} was unpacked, but {wanted.program} is not in it.")
	if _lacks_libraries(program):
		packages.install(list(wanted.libraries))
	if lacking := _lacks_libraries(program):
		raise DevError(f"{wanted.program} lacks libraries: {', '.join(lacking)}.")


def _root(home: Home) -> Path:
	return home.path / "unpacked"


def _find(home: Home, wanted: Unpacked) -> str | None:
	return shutil.which(wanted.program, path=os.pathsep.join(folders(home)))


def _unpack(home: Home, package: str) -> None:
	if not shutil.which("apt-get"):
		raise DevError(f"Install what your system calls Debian's package {package}.")
	place = _root(home) / "packages"
	shutil.rmtree(place, ignore_errors=True)
	place.mkdir(parents=True)
	try:
		_download(package, place)
	except DevError:  # the package lists may be missing or old
		packages.update_lists()
		_download(package, place)
	for file in place.glob(f"{package}_*.deb"):
		output_of(["dpkg-deb", "-x", file, _root(home)], env=clean_environment())


def _download(package: str, place: Path) -> None:
	"""Fetch the package's file; as root without apt's own user, who may not write there."""
	output_of(
		["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package],
		env=clean_environment(),
		cwd=place,
	)


def _lacks_libraries(program: str) -> list[str]:
	"""Names of the shared libraries that the program does not find here."""
	told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
	return [line.split()[0] for line in told.splitlines() if "not found" in line]
