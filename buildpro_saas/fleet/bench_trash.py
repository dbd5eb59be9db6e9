"""The trash of the benches: what reconciliation has removed, and staff may put back."""

from collections.abc import Iterable

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Entry
from buildpro_saas.fleet import expected_state
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, reached

DAYS = 7


def days() -> int:
	"""Days for which the trash keeps what was removed."""
	return frappe.db.get_single_value("SaaS Settings", "trash_days") or DAYS


def with_account() -> list[str]:
	"""The benches that can be reached and have a database account. Without one nothing is removed or put back."""
	return [bench for bench in reached() if _has_account(bench)]


def _has_account(bench: str) -> bool:
	"""Whether the bench has its account. False, with a note in the Error Log, where it does not answer: the others are looked at all the same."""
	try:
		return door_of(bench).has_account()
	except (AgentError, OSError):
		frappe.log_error(title=f"The bench {bench} does not answer")
		return False


def look_into(benches: list[str]) -> None:
	"""Remove for good what has lain in the trash of these benches for long enough."""
	for bench in benches:
		lifecycle.shielded(lambda bench: door_of(bench).do("empty_old_trash", days=float(days())), bench)


def entries() -> list[Entry]:
	"""What lies in the trash of the benches, the oldest first."""
	return in_order(entry for bench in with_account() for entry in entries_of(bench))


def entries_of(bench: str) -> list[Entry]:
	"""What lies in the trash of the bench. Raises AgentError where it has no database account, or does not answer."""
	return door_of(bench).do("list_trash")


def unreadable_of(bench: str) -> list[str]:
	"""The names of entries there whose note cannot be read. `entries_of` leaves them out. Raises what that raises."""
	return door_of(bench).do("list_unreadable_trash")


def in_order(entries: Iterable[Entry]) -> list[Entry]:
	"""The entries, the oldest first."""
	return sorted(entries, key=lambda entry: (entry.removed_at, entry.name))


def remove(name: str) -> None:
	"""Remove an entry for good. Raises AgentError when there is none of that name."""
	door_of(_bench_of(name)).do("remove_from_trash", name=name)


def put_back(name: str) -> tuple[str, list[Entry]]:
	"""Put an entry back where it was, with the folder or database that belongs to it; returns the bench and what was put back.

	Raises AgentError with what is in the way.
	"""
	bench = _bench_of(name)
	there = door_of(bench)
	owners = {
		entry.subject: expected_state.owner_of(entry.subject)
		for entry in there.do("list_put_back", name=name)
	}
	return bench, there.do("put_back", name=name, owners=owners)


def _bench_of(name: str) -> str:
	"""The bench whose trash has the entry; the first bench where none has, and that one then says so.

	Raises frappe.ValidationError where no bench has a database account; what a bench raises that could not be looked at, where the
	others do not have the entry.
	"""
	benches, fault = with_account(), None
	for bench in benches:
		try:
			if name in {*(entry.name for entry in entries_of(bench)), *unreadable_of(bench)}:
				return bench
		except Exception as error:
			fault = fault or error
	if fault:
		raise fault
	if not benches:
		frappe.throw("No bench has a database account yet: run `saas setup`.", title="No database account")
	return benches[0]
