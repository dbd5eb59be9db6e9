"""The security of benches and their machines, as staff see it; and the firewall of the very machine of a shell."""

from dataclasses import asdict

import frappe

from buildpro_saas.agent import door
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import FINE, FOUND, NOT_SEEN, Check
from buildpro_saas.fleet.benches import only_reached
from buildpro_saas.jobs.bench_door import door_of


def checks(bench: str, is_of_machine: bool = True) -> list[Check]:
	"""What was looked at on the Bench of that name, what is wrong first. Takes some seconds.

	is_of_machine: also what is the same for all benches of its machine. Raises frappe.ValidationError where it cannot be reached from here.
	"""
	only_reached(bench)
	folder = frappe.db.get_value("Bench", bench, "backup_folder") or ""
	found = door_of(bench).do("security_checks", backup_folder=folder, is_of_machine=is_of_machine)
	return sorted(found, key=lambda check: (FOUND, NOT_SEEN, FINE).index(check.state))


def overview(benches: list[str]) -> list[dict]:
	"""[{"bench", "subject", "state", "sentence", "command"}] of these benches; one line, not seen, for a bench that does not answer."""
	rows, is_of_machine = [], True
	for bench in benches:
		try:
			found = checks(bench, is_of_machine)
			is_of_machine = False  # all benches that are reached are on this machine
			rows += [{"bench": bench, **asdict(check)} for check in found]
		except AgentError as error:
			missed = Check("Bench", NOT_SEEN, f"It was not looked at: {error}", error.hint)
			rows.append({"bench": bench, **asdict(missed)})
	return rows


def plan_firewall(**wishes) -> dict:
	"""What `apply_firewall` would do on this machine, as agent.operations.security.plan_firewall tells it."""
	return door.here().do("plan_firewall", **wishes)


def apply_firewall(seconds: int, **wishes) -> float:
	"""Put rules into force on this machine until they are confirmed, or until the moment that is returned (seconds since the epoch)."""
	return door.here().do("apply_firewall", seconds=seconds, **wishes)


def confirm_firewall(is_at_console: bool) -> list[str]:
	"""Let the rules of this machine stay; sentences about what was done."""
	return door.here().do("confirm_firewall", is_at_console=is_at_console)


def remove_firewall() -> None:
	"""Take our firewall and the settings of updates off this machine."""
	door.here().do("remove_firewall")
