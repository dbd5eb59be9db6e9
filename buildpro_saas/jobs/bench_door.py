"""From a Bench record to the agent's door of that bench."""

import frappe

from buildpro_saas.agent import door
from buildpro_saas.agent.door import Door
from buildpro_saas.agent.errors import AgentError


def reached(**filters: str) -> list[str]:
	"""Names of the Benches that can be reached from here. filters: further conditions on Bench."""
	return frappe.get_all(
		"Bench", {"is_reachable": 1, **filters}, pluck="name", order_by="is_local desc, name"
	)


def is_reached(bench: str) -> bool:
	"""True when the Bench of that name can be reached from here."""
	return bool(frappe.db.get_value("Bench", bench, "is_reachable"))


def door_of(bench: str) -> Door:
	"""The door of the Bench of that name. Raises AgentError, with what to do, where it cannot be reached from here."""
	found = frappe.db.get_value("Bench", bench, ["path", "is_reachable"], as_dict=True)
	if not (found and found.is_reachable):
		raise AgentError(
			f"The bench {bench} cannot be reached from this site.",
			"Register it with `saas add-bench PATH`, then press Retry.",
		)
	return door.to(found.path)
