"""Looks at a site before it is taken in, as a job: a dump may take many minutes to read. What it found is kept with the Site Intake."""

import secrets
from collections.abc import Mapping
from typing import Any

import frappe
from frappe.utils import now_datetime

from buildpro_saas.fleet import taking_in
from buildpro_saas.jobs import lifecycle, retry_cancel
from buildpro_saas.jobs.ending import UNFINISHED

DOCTYPE, PLAYBOOK = "Site Intake", "look_at_site"
NEW, LOOKING, READY, BLOCKED, TAKEN_IN = "New", "Looking", "Ready", "Blocked", "Taken In"


def start(intake: str, origin: Mapping[str, Any], plan: str, bench: str, faults: list[str]) -> str:
	"""Start the job that looks at what the Site Intake is about; returns the job's name. The caller commits.

	origin: as taking_in has it. faults: what is known already to be in the way.
	"""
	inputs = {
		"intake": intake,
		"look": secrets.token_hex(8),
		"origin": dict(origin),
		"plan": plan,
		"faults": faults,
	}
	job = lifecycle.start(PLAYBOOK, tenant=None, about=intake, bench=bench, inputs=inputs).name
	values = {"status": LOOKING, "job": job, "looked_at": None, "report": None, "told": None}
	_set(intake, values)
	return job


def under_way(intake: str) -> str | None:
	"""The unfinished job that looks for the Site Intake; None for none."""
	job = frappe.db.get_value(DOCTYPE, intake, "job")
	if job and frappe.db.get_value("Provisioning Job", job, "status") in UNFINISHED:
		return job
	return None


def cancel(intake: str) -> None:
	"""Cancel the job that looks, if one is under way: nobody asks for what it finds. The caller commits."""
	if job := under_way(intake):
		retry_cancel.cancel(frappe.get_doc("Provisioning Job", job))


def keep(inputs: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
	"""Keep what was found (taking_in.report); returns whether anybody still asks for it. The caller commits."""
	if not _is_asked(inputs):
		return False
	values = {
		"status": BLOCKED if told["faults"] else READY,
		"looked_at": now_datetime(),
		"report": "\n".join(taking_in.lines(told)),
		"told": frappe.as_json(told),
	}
	_set(inputs["intake"], values)
	return True


def job_is(inputs: dict, status: str) -> None:
	"""The playbook's on_status: the Site Intake says that it is looked at, and why nothing was found."""
	if not _is_asked(inputs):
		return
	intake = inputs["intake"]
	if status == "Running":
		_set(intake, {"status": LOOKING})
	elif status == "Cancelled":
		_set(intake, {"status": NEW, "report": None})
	elif status == "Failed":
		job = frappe.db.get_value(DOCTYPE, intake, "job")
		told = frappe.db.get_value("Provisioning Job", job, ["error", "hint"])
		_set(intake, {"status": BLOCKED, "report": "\n".join(filter(None, told))})


def _is_asked(inputs: Mapping[str, Any]) -> bool:
	"""Whether the Site Intake still asks for this very look: it may be about something else by now, or taken in."""
	row = frappe.db.get_value(DOCTYPE, inputs["intake"], ["job", "tenant"], as_dict=True, for_update=True)
	if not (row and row.job) or row.tenant:
		return False
	of_job = frappe.parse_json(frappe.db.get_value("Provisioning Job", row.job, "inputs") or "{}")
	return of_job.get("look") == inputs["look"]


def _set(intake: str, values: dict[str, Any]) -> None:
	# these fields are never taken from a form: somebody who has it open may go on editing
	frappe.db.set_value(DOCTYPE, intake, values, update_modified=False)
