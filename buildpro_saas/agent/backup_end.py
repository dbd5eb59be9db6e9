"""The end of a backup's database: after the SQL comes one line of ours, which says what the backup is, how long its SQL is, and its SHA-256."""

import hashlib
import json
from dataclasses import asdict

from pydantic import TypeAdapter

from buildpro_saas.agent.backup_facts import About
from buildpro_saas.agent.errors import AgentError

BEGINS = b"\n-- BuildPro SaaS: end of backup "
LONGEST = 64 << 20  # bytes of the line
_about = TypeAdapter(About)


def line_of(about: About) -> bytes:
	"""The line that says so."""
	return BEGINS + json.dumps(asdict(about)).encode() + b"\n"


def parsed(line: bytes) -> About:
	"""What the line says. Raises AgentError for one that is cut off, or says something else."""
	if not line.startswith(BEGINS) or not line.endswith(b"\n"):
		raise AgentError("The database of the backup has no end mark: it is not whole.")
	try:
		return _about.validate_json(line[len(BEGINS) :])
	except ValueError as error:
		raise AgentError(f"The end mark of the backup cannot be read: {error}") from None


def check(about: About, length: int, sha256: str, backup: str) -> None:
	"""Raise AgentError unless the SQL has that length (bytes) and digest."""
	if (length, sha256) != (about.dump_size, about.dump_sha256):
		raise AgentError(
			f"The database of the backup {backup} is not what was written.",
			"Take another backup, and have the store checked.",
		)


class Follower:
	"""Follows the database of a backup as it streams by, to its end. It keeps no more of it than what may be that line."""

	def __init__(self):
		self._digest, self._length = hashlib.sha256(), 0
		self._rest = b""  # not in the digest: the line, as far as is known, or what may be its beginning

	def take(self, block: bytes) -> None:
		"""The next bytes of the stream."""
		self._rest += block
		at = self._rest.rfind(BEGINS)
		if at < 0 or len(self._rest) - at > LONGEST:
			at = max(len(self._rest) - len(BEGINS) + 1, 0)
		self._digest.update(self._rest[:at])
		self._length += at
		self._rest = self._rest[at:]

	def end(self, backup: str) -> About:
		"""What the backup of that id says of itself. Raises AgentError where it is not whole, or another than was written."""
		about = parsed(self._rest)
		check(about, self._length, self._digest.hexdigest(), backup)
		return about
