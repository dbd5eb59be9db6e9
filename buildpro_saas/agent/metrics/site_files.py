"""How much a site's files take: public, private, backups. Walking through them takes longer than a minute's reading may, so they take turns."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.metrics.kept import Kept
from buildpro_saas.agent.site import BACKUPS

GOOD_FOR = 15 * 60  # seconds for which what was measured is told again
SECONDS = 1.0  # for all sites of one reading; at least one site is measured
PARTS = {"files_public_bytes": ("public",), "files_private_bytes": ("private",), "backups_bytes": (BACKUPS,)}


def measure(bench: Bench, sites: Iterable[str], kept: Kept, into: dict[str, dict[str, Any]]) -> None:
	"""Tell of each site in `into` what its files take. Of `sites`, all of the bench, those are measured anew that waited longest.

	A site whose turn is to come has none.
	"""
	now, until = time.time(), time.monotonic() + SECONDS
	sites = list(sites)
	kept.files = {name: kept.files[name] for name in sites if name in kept.files}
	oldest_first = sorted(sites, key=lambda name: kept.files.get(name, [0])[0])
	for number, name in enumerate(oldest_first):
		if now - kept.files.get(name, [0])[0] < GOOD_FOR or (number and time.monotonic() > until):
			break
		kept.files[name] = [now, of_site(bench.site(name).path)]
	for name in into.keys() & kept.files.keys():
		into[name].update(kept.files[name][1])


def of_site(folder: Path) -> dict[str, int]:
	"""{metric: bytes} of a site's folder. What goes while it is looked at is not counted."""
	backups = str(folder / BACKUPS)
	found = {name: sum(_size(str(folder / part), backups) for part in parts) for name, parts in PARTS.items()}
	return found


def _size(folder: str, left_out: str) -> int:
	total, waiting = 0, [folder]
	while waiting:
		try:
			entries = list(os.scandir(waiting.pop()))
		except OSError:  # it went, or belongs to another user
			continue
		for entry in entries:
			if entry.is_dir(follow_symlinks=False):
				if entry.path != left_out or folder == left_out:
					waiting.append(entry.path)
			else:
				total += _bytes(entry)
	return total


def _bytes(entry: os.DirEntry) -> int:
	try:
		return entry.stat(follow_symlinks=False).st_size
	except OSError:
		return 0
