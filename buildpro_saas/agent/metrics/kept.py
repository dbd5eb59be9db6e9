"""What one reading leaves for the next: how far logs were read, what was counted, and what takes too long to measure each minute.

It lies in a file of the bench, where two who read at once wait for each other. Where the file is lost, counters begin at 0 again, as
whoever reads counters expects of a restart.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from filelock import FileLock

from buildpro_saas.agent import site_config
from buildpro_saas.agent.bench import Bench

FILE = "config/buildpro_metrics.json"
PATIENCE = 30  # seconds to wait for another reader


@dataclass
class Kept:
	"""counted: {site: {metric: since the file is there}}. logs: {log: {"inode", "offset"}}. seen: the last entries of the framework's log.

	unwritten: why it could not be written; empty where it was. files: {site: [when, {metric: bytes}]}. databases: [when, {database: bytes}]. when: seconds since the epoch.
	"""

	counted: dict = field(default_factory=dict)
	logs: dict = field(default_factory=dict)
	seen: list = field(default_factory=list)
	files: dict = field(default_factory=dict)
	databases: list = field(default_factory=lambda: [0, {}])
	unwritten: str = ""


@contextmanager
def keeping(bench: Bench) -> Iterator[Kept]:
	"""What is kept, for the length of the block, with nobody else at it; written at its end. Raises filelock.Timeout (an OSError).

	On a full disk it is not written: what was read is wanted then more than ever.
	"""
	path = bench.path / FILE
	path.parent.mkdir(exist_ok=True)
	with FileLock(path.with_suffix(".lock"), timeout=PATIENCE):
		kept = _read(path)
		yield kept
		try:
			site_config.write_json(path, asdict(kept))
		except OSError as error:
			kept.unwritten = f"What was counted could not be kept: {error.strerror}."


def _read(path: Path) -> Kept:
	"""What the file says; nothing where it is missing or damaged: all in it can be found anew."""
	try:
		found = json.loads(path.read_text())
	except (OSError, ValueError):
		return Kept()
	empty = Kept()
	known = {each.name: type(getattr(empty, each.name)) for each in fields(Kept)}
	if not isinstance(found, dict) or any(
		not isinstance(found.get(name), kind) for name, kind in known.items()
	):
		return empty
	return Kept(**{name: found[name] for name in known if name != "unwritten"})
