"""Whether a tenant's site is closed, its scheduler paused, or somebody at work on it: as site_config.json has it, and who did that."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import CLONE, HELD, HELD_BY, MAINTENANCE, PAUSED
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.tenant_status import WITH_SITE

SHELL = "somebody in a shell"


def maintenance(config: Mapping, asked: Mapping) -> dict[str, Any]:
	"""The keys of site_config.json that close the site or open it; {} where it is so already.

	config: what it has now. asked: {"is_on", "by", "since", "message"}, and the "mark" of a job. What `allow_reads_during_maintenance` was
	is put back.
	"""
	noted = config.get(MAINTENANCE)
	if not asked["is_on"]:
		reads = {"allow_reads_during_maintenance": noted.get("reads")} if noted else {}
		return {"maintenance_mode": None, MAINTENANCE: None, **reads} if noted or is_closed(config) else {}
	reads = (noted or {}).get("reads", config.get("allow_reads_during_maintenance"))
	note = {"by": asked["by"], "since": asked["since"], "message": asked["message"], "reads": reads}
	if asked.get("mark"):
		note["mark"] = asked["mark"]
	return {"maintenance_mode": 1, "allow_reads_during_maintenance": 0, MAINTENANCE: note}


def scheduler(config: Mapping, asked: Mapping) -> dict[str, Any]:
	"""The keys of site_config.json that pause the scheduler or let it go on; {} where it is so already.

	asked: {"is_paused", "by", "since", "message"}.
	"""
	if not asked["is_paused"]:
		return {"pause_scheduler": None, PAUSED: None} if config.get("pause_scheduler") else {}
	if config.get("pause_scheduler") and config.get(PAUSED):
		return {}
	note = {"by": asked["by"], "since": asked["since"], "message": asked["message"]}
	return {"pause_scheduler": 1, PAUSED: note}


def is_closed(config: Mapping) -> bool:
	"""Whether Frappe answers 503 there."""
	return bool(config.get("maintenance_mode"))


def of(config: Mapping) -> list[str]:
	"""What is unusual about a site with this site_config.json, a sentence each; [] for nothing."""
	told = []
	if clone := config.get(CLONE):
		told.append(f"Clone of {clone['of']} until {clone['until']}.")
	if held := config.get(HELD_BY):
		is_shut = is_closed(config) and not config.get("allow_reads_during_maintenance")
		whom = "Held, and closed to everybody, since" if is_shut else "Held for writers since"
		told.append(f"{whom} {held.get('since')} by {held.get('by')}.")
	before = {**config, **(config.get(HELD) or {})}
	if is_closed(before):
		told.append(_told("In maintenance", before.get(MAINTENANCE)))
	if before.get("pause_scheduler"):
		told.append(_told("Scheduler paused", before.get(PAUSED)))
	return told


def of_tenant(tenant) -> list[str]:
	"""The same of the site of the tenant (a document, or a row with bench and site)."""
	try:
		return of(door_of(tenant.bench).site(tenant.site).config)
	except AgentError as error:
		return [str(error)]


def while_there(run: Callable[[Any, Any], str]) -> Callable[[Any, Any], str]:
	"""Have the work of a batch's turn (TenantWork.run) leave a tenant out whose site has gone since the batch was made."""

	@wraps(run)
	def wrapped(self, turn) -> str:
		status = frappe.db.get_value("Tenant", turn.tenant, "status")
		return run(self, turn) if status in WITH_SITE else f"It is {status}, and left out."

	return wrapped


def is_here(bench: str) -> bool:
	"""Whether the bench is the admin site's own, so that asking it costs no process."""
	return bool(frappe.db.get_value("Bench", bench, "is_local"))


def _told(what: str, note: Mapping | None) -> str:
	if not note:
		return f"{what} by {SHELL}."
	message = f": {note['message']}" if note.get("message") else ""
	return f"{what} since {note['since']} by {note['by']}{message}."
