"""Files that came to a site after a backup: they are still on the site, mostly, and a restore to a later moment takes them from there."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

# How the address of a File begins, and the folder of the site that it means (frappe/core/doctype/file).
PLACES = {"/files/": "public/files", "/private/files/": "private/files"}


def path_of(site: Path, address: str) -> Path | None:
	"""Where the file of that address is in a site's folder; None for an address of no file there."""
	for begins, place in PLACES.items():
		if address.startswith(begins):
			path = Path(os.path.normpath(site / place / address[len(begins) :]))
			return path if path.is_relative_to(site / place) and path != site / place else None
	return None


def copy(source: Path, target: Path, files: list[list[str]], checkpoint: Callable[[], None]) -> list[str]:
	"""Copy those that are the same in the site's folder `source`; returns the addresses of all others.

	files: [address, MD5 of the content] of each, as the records of the target say. checkpoint: may raise to stop.
	"""
	without = []
	for address, digest in files:
		checkpoint()
		here, there = path_of(source, address), path_of(target, address)
		if not here or here.is_symlink() or not here.is_file() or _digest(here) != digest:
			without.append(address)
			continue
		there.parent.mkdir(parents=True, exist_ok=True)
		shutil.copy2(here, there)
	return without


def _digest(path: Path) -> str:
	with path.open("rb") as file:
		return hashlib.file_digest(file, "md5").hexdigest()
