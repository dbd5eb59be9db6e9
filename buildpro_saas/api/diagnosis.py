"""Why tenants' sites are down, slow or full, over HTTP. What ends something is for SaaS Manager, the rest for SaaS Support, too."""

from dataclasses import asdict

import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.jobs import AgentError
from buildpro_saas.monitoring import disk_usage as usage
from buildpro_saas.monitoring.diagnosis import diagnosing, slowness
from buildpro_saas.refusal import refuse


@frappe.whitelist(methods=["GET"])
@arguments.checked
def diagnose(tenant: str) -> dict:
	"""{"tenant", "site", "host", "seconds", "summary", "first", "behind", "seen"}: all layers, and the first that is wrong. Takes five seconds at most.

	seen: [{"layer", "state": ok, wrong or unknown, "sentence", "evidence", "advice", "fault", "stops", "behind"}]. Raises
	frappe.ValidationError for a tenant that has no site.
	"""
	staff.only_for_staff()
	return diagnosing.diagnose(tenant).as_dict()


@frappe.whitelist(methods=["GET"])
@arguments.checked
def slow(tenant: str) -> dict:
	"""{"now", "noted", "tables", "requests", "neighbours", "compared_with"}: what makes the site slow. Takes some seconds."""
	staff.only_for_staff()
	return _told(lambda: slowness.look(tenant))


@frappe.whitelist(methods=["GET"])
@arguments.checked
def disk_usage(bench: str) -> dict:
	"""{"says", "disks", "sites", "bench", "may_go"} of a Bench: what takes its disks, what may go, and how much that frees."""
	staff.only_for_staff()
	found = _told(lambda: usage.of_bench(bench))
	return {**found, "may_go": [asdict(each) for each in found["may_go"]]}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def end_statement(tenant: str, connection: int, why: str, whole: int = 0) -> str:
	"""End the statement that a connection of the tenant's site is at (whole 1: with its transaction); kept with the tenant. Returns what it was."""
	staff.only_for_manager()
	return _told(lambda: slowness.end_statement(tenant, connection, bool(whole), why, frappe.session.user))


@frappe.whitelist(methods=["POST"])
@arguments.checked
def end_job(tenant: str, job: str, why: str) -> str:
	"""End a background job of the tenant's site, or take it out of its queue; kept with the tenant. Returns what it was."""
	staff.only_for_manager()
	return _told(lambda: slowness.end_job(tenant, job, why, frappe.session.user))


def _told(work):
	"""What the work returns; the agent's errors become a sentence for who asked."""
	try:
		return work()
	except AgentError as error:
		refuse("{0}", " ".join(filter(None, (str(error), error.hint))), title=_("Bench"))
