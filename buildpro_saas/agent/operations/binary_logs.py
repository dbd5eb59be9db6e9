"""Binary logs: what the bench's server has of one, and what it tells of a database replayed in a shadow (agent/log_replay.py)."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from buildpro_saas.agent import account, binary_log, judgement, later_files
from buildpro_saas.agent.backup_facts import LogPosition, LogState, Replayed
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.database_connection import check_name
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.log_replay import BinaryLog
from buildpro_saas.agent.operations.names import Mark, SiteName
from buildpro_saas.agent.operations.operation import in_thread, quick
from buildpro_saas.agent.operations.running import Progress
from buildpro_saas.agent.shadow import Shadow

_position = TypeAdapter(LogPosition)


@quick
def binary_log_state(bench: Bench) -> LogState:
	"""What the bench's database server has of a binary log, and what the bench's account may do with it."""
	with server(account.read(bench)) as mariadb:
		return binary_log.state(mariadb)


@quick
def first_in_binary_log(bench: Bench, positions: list[dict[str, Any]]) -> int | None:
	"""Which of these positions (fields of a LogPosition, the oldest first) is the first from which the server's log goes on; None for none."""
	with server(account.read(bench)) as mariadb:
		return binary_log.first_known(mariadb, [_since(each) for each in positions])


@in_thread
def check_binary_log(
	bench: Bench, progress: Progress, database: str, since: dict[str, Any], until: float
) -> None:
	"""See that all that happened to a database can be replayed. Raises AgentError, with the moment, for what cannot. Nothing is touched.

	since: fields of a LogPosition. until: seconds since the epoch; what is logged with that second or later is not looked at.
	"""
	with server(account.read(bench)) as mariadb:
		BinaryLog(mariadb, _since(since), until).check(check_name(database), progress.check)


@in_thread
def replay_binary_log(
	bench: Bench,
	progress: Progress,
	database: str,
	since: dict[str, Any],
	until: float,
	shadow: str,
	mark: Mark,
	keep_free: int = 0,
) -> Replayed:
	"""Replay in a shadow, which is as a database was at `since`, what happened to that database until then.

	keep_free: bytes of the sites' disk that are kept for others. Raises AgentError for what does not fit; the shadow is then neither the one nor the other, and must be made anew.
	"""
	with server(account.read(bench)) as mariadb:
		target = Shadow(bench, mariadb, shadow, mark)
		target.folder.only_with_mark(mark)
		password = target.folder.config["db_password"]
		log = BinaryLog(mariadb, _since(since), until)
		checkpoint = judgement.watching_room(bench, mariadb, keep_free, progress.check)
		return log.replay(check_name(database), check_name(shadow), password, checkpoint)


@in_thread
def copy_later_files(
	bench: Bench, progress: Progress, site: SiteName, shadow: str, mark: Mark, files: list[list[str]]
) -> list[str]:
	"""Copy files that a shadow's records name from the site, where they are the same; returns the addresses of those that it has not.

	files: [address, MD5 of the content] of each.
	"""
	with server(account.read(bench)) as mariadb:
		target = Shadow(bench, mariadb, shadow, mark)
		target.folder.only_with_mark(mark)
		return later_files.copy(bench.site(site).path, target.folder.path, files, progress.check)


def _since(plain: dict[str, Any]) -> LogPosition:
	try:
		return _position.validate_python(plain)
	except ValidationError as error:
		raise AgentError(f"That is no position of a binary log: {error.errors()[0]['msg']}.") from None
