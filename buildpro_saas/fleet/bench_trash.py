"""The trash of the benches: what reconciliation has taken off them, and may be put back."""

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
	"""The benches that can be reached, and have a database account, without which nothing is removed or put back."""
	return [bench for bench in reached() if _has_account(bench)]


def _has_account(bench: str) -> bool:
	"""False, and noted in the Error Log, where the bench does not answer: that must not keep the others from being looked at."""
	try:
		return door_of(bench).has_account()
	except AgentError:
		frappe.log_error(title=f"The bench {bench} does not answer")
		return False


def look_into() -> None:
	"""Remove for good what has lain in the trash for long enough."""
	for bench in with_account():
		lifecycle.shielded(lambda bench: door_of(bench).do("empty_old_trash", days=float(days())), bench)


def entries() -> list[Entry]:
	"""What lies in the trash of the benches, the oldest first."""
	found = [entry for bench in with_account() for entry in door_of(bench).do("list_trash")]
	return sorted(found, key=lambda entry: (entry.removed_at, entry.name))


def unreadable() -> list[str]:
	"""The names of what lies there with a note that cannot be read; it is skipped everywhere else."""
	return [name for bench in with_account() for name in door_of(bench).do("list_unreadable_trash")]


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
	"""The bench in whose trash it lies; the first where it lies in none, which then says so."""
	benches = with_account()
	for bench in benches:
		there = door_of(bench)
		if name in {*(entry.name for entry in there.do("list_trash")), *there.do("list_unreadable_trash")}:
			return bench
	if not benches:
		frappe.throw("No bench has a database account yet: run `saas setup`.", title="No database account")
	return benches[0]
