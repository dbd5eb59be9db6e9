"""The bench's trash."""

from collections.abc import Iterator
from contextlib import contextmanager

from buildpro_saas.agent import account
from buildpro_saas.agent.actual_state import folders
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import NotOursError
from buildpro_saas.agent.facts import Entry
from buildpro_saas.agent.operations.operation import quick
from buildpro_saas.agent.site_use import signs_of_use
from buildpro_saas.agent.trash import Trash


@contextmanager
def _trash(bench: Bench) -> Iterator[Trash]:
	with server(account.read(bench)) as mariadb:
		yield Trash(bench, mariadb)


@quick
def list_trash(bench: Bench) -> list[Entry]:
	"""What lies in the trash, the oldest first."""
	with _trash(bench) as trash:
		return trash.entries()


@quick
def list_unreadable_trash(bench: Bench) -> list[str]:
	"""The names of entries whose note cannot be read."""
	with _trash(bench) as trash:
		return trash.unreadable()


@quick
def trash_folder(bench: Bench, path: str, mark: str) -> Entry | None:
	"""Move a folder to the trash when it carries the mark. path: below sites/, as the inventory lists it.

	Returns None when it is gone already. Raises NotOursError for another mark, and where people have used the site.
	"""
	folder = next((each for each in folders(bench) if each.path == path), None)
	if not folder:
		return None
	with _trash(bench) as trash:
		if folder.is_finished:
			raise _in_use(f"sites/{path}", "it was handed over to its tenant")
		_refuse_used(trash, f"sites/{path}", folder.database)
		return trash.put_folder(folder, mark)


@quick
def trash_database(bench: Bench, name: str, mark: str) -> Entry | None:
	"""The same with a database. Returns None for one without tables: it is dropped."""
	with _trash(bench) as trash:
		_refuse_used(trash, f"The database {name}", name)
		return trash.put_database(name, mark)


def _refuse_used(trash: Trash, what: str, database: str | None) -> None:
	if database and (sign := signs_of_use(trash.mariadb, database)):
		raise _in_use(what, sign)


def _in_use(what: str, sign: str) -> NotOursError:
	return NotOursError(f"{what} is in use: {sign}. It is left alone.")


@quick
def list_put_back(bench: Bench, name: str) -> list[Entry]:
	"""What put_back would put back: the entry, and the folder or database that belongs to it. Raises AgentError for an unknown name."""
	with _trash(bench) as trash:
		return trash.with_its_other_half(trash.entry(name))


@quick
def put_back(bench: Bench, name: str, owners: dict[str, str]) -> list[Entry]:
	"""Put the entry back where it was, with the folder or database that belongs to it. Returns what was put back.

	owners: {subject of an entry: whose its place is by the records}. Raises AgentError, before anything is moved, when a place is taken.
	"""
	with _trash(bench) as trash:
		return trash.put_back(name, lambda entry: owners.get(entry.subject, ""))


@quick
def empty_old_trash(bench: Bench, days: float) -> list[Entry]:
	"""Count the time that entries have been here. Remove for good, and return, those that have been here for `days`."""
	with _trash(bench) as trash:
		return trash.look(days)


@quick
def remove_from_trash(bench: Bench, name: str) -> None:
	"""Remove an entry for good. Raises AgentError when there is none of that name."""
	with _trash(bench) as trash:
		trash.remove(trash.entry(name))
