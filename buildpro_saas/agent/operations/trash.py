"""The bench's trash."""

from collections.abc import Iterator
from contextlib import contextmanager

from buildpro_saas.agent import account
from buildpro_saas.agent.actual_state import folders
from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.databases import server
from buildpro_saas.agent.facts import Entry
from buildpro_saas.agent.operations.operation import quick
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
	"""The names of what lies there with a note that cannot be read."""
	with _trash(bench) as trash:
		return trash.unreadable()


@quick
def trash_folder(bench: Bench, path: str, mark: str) -> Entry | None:
	"""Move a folder that is listed in the inventory (its path under sites/) to the trash, when it carries the mark.

	None when it is gone already. Raises NotOursError otherwise.
	"""
	folder = next((each for each in folders(bench) if each.path == path), None)
	with _trash(bench) as trash:
		return trash.put_folder(folder, mark) if folder else None


@quick
def trash_database(bench: Bench, name: str, mark: str) -> Entry | None:
	"""The same with a database; None where there was nothing in it to keep: it is dropped."""
	with _trash(bench) as trash:
		return trash.put_database(name, mark)


@quick
def list_put_back(bench: Bench, name: str) -> list[Entry]:
	"""What put_back would put back: the entry, and what belongs to it. Raises AgentError when there is none of that name."""
	with _trash(bench) as trash:
		return trash.with_its_other_half(trash.entry(name))


@quick
def put_back(bench: Bench, name: str, owners: dict[str, str]) -> list[Entry]:
	"""Put the entry back where it was, with what belongs to it; returns what was put back.

	owners: {an entry's subject: whose its place is by the records}. Raises AgentError, before anything is moved, when a place is taken.
	"""
	with _trash(bench) as trash:
		return trash.put_back(name, lambda entry: owners.get(entry.subject, ""))


@quick
def empty_old_trash(bench: Bench, days: float) -> list[Entry]:
	"""Let what lies there grow older, and remove for good what has been there for so many days; returns that."""
	with _trash(bench) as trash:
		return trash.look(days)


@quick
def remove_from_trash(bench: Bench, name: str) -> None:
	"""Remove an entry for good. Raises AgentError when there is none of that name."""
	with _trash(bench) as trash:
		trash.remove(trash.entry(name))
