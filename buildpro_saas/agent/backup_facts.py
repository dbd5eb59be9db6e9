"""Plain data about backups that goes through the agent's door."""

from dataclasses import dataclass
from typing import Any

from buildpro_saas.agent.facts import App, Manifest


@dataclass(frozen=True)
class LogPosition:
	"""A moment of a server, as its binary log has it.

	file, position: where the first event after it is. gtid: that of the last event before, which no other server's log has just there.
	moment: seconds since the epoch, by the server's clock.
	"""

	file: str
	position: int
	gtid: str
	server_id: int
	moment: float


@dataclass(frozen=True)
class About:
	"""What a backup says of itself.

	config: what of site_config.json belongs to the data. apps: those of the bench, the framework first. dump_size, dump_sha256: bytes and
	digest of the SQL. log: its moment in the server's binary log; None where that tells nothing, and of backups of earlier versions.
	"""

	site: str
	database: str
	manifest: Manifest
	config: dict[str, Any]
	apps: list[App]
	dump_size: int
	dump_sha256: str
	log: LogPosition | None = None


@dataclass(frozen=True)
class Taken:
	"""A backup that was taken: what it holds, its bytes, and what the store has grown by, in bytes."""

	about: About
	size: int
	added: int


@dataclass(frozen=True)
class Kept:
	"""A whole backup in a store. taken_at: ISO 8601, by the bench's clock."""

	backup: str
	taken_at: str


@dataclass(frozen=True)
class LogState:
	"""What a server has of a binary log.

	lacks: lines for its option file that it would need. keeps: seconds for which it keeps the log; 0: for ever. files: those that are there,
	the oldest first; None where the account may not ask. now: seconds since the epoch, by the server's clock.
	"""

	lacks: list[str]
	keeps: int
	files: list[str] | None
	missing_rights: list[str]
	now: float


@dataclass(frozen=True)
class Replayed:
	"""What was replayed of a binary log. tables: {name: events of rows}. skipped: kinds of statements that are about no site's data."""

	statements: int
	transactions: int
	tables: dict[str, int]
	skipped: list[str]


@dataclass(frozen=True)
class Copied:
	"""The backups that lie offsite now, of those that were asked for, and the bytes that the offsite store takes."""

	backups: list[str]
	size: int
