"""How a Provisioning Job's row changes outside of its run: only from a known status, and to its end in one way only."""

import html
import re
from collections.abc import Collection
from typing import Any

import frappe
from frappe.utils import get_datetime, now_datetime, strip_html

from buildpro_saas.agent.errors import AgentError, is_transient
from buildpro_saas.jobs.playbook import Playbook

DOCTYPE = "Provisioning Job"
ACTIVE = ("Queued", "Running", "Cancelling")
UNFINISHED = ("Waiting", *ACTIVE)
SAVEPOINT = "telling_of_an_end"
# HTML that begins a new line. Frappe puts a traceback behind it.
LINE_BREAK = re.compile(r"<(?:br|/?(?:p|div|pre|ul|ol|li|h[1-6]|details|summary))\b[^>]*>", re.IGNORECASE)


class TenantRefusedError(AgentError):
	"""Something that runs when a Tenant is saved kept it from being saved."""

	def __init__(self, error: Exception):
		super().__init__(
			"Something that runs when a Tenant is saved (a Server Script, a Notification, another app) refused:"
			f" {first_line(error)}",
			"Correct it or switch it off (the Error Log says which it is), then press Retry.",
		)


def change(job: str, expected: Collection[str], **values: Any) -> bool:
	"""Write fields of the job (its name) where its status is one of `expected`. Otherwise write nothing and return False.

	The status is read under the row's lock, which is held until the caller commits. So a job that has ended is never written again.
	"""
	if frappe.db.get_value(DOCTYPE, job, "status", for_update=True) not in expected:
		return False
	frappe.db.set_value(DOCTYPE, job, values, update_modified=False)
	return True


def end(
	job: str,
	playbook: Playbook | None,
	status: str,
	*,
	tenant_status: str | None = None,
	facts: dict | None = None,
	**values: Any,
) -> bool:
	"""End the job (its name), and commit. Every end comes through here, whoever finds that it is time.

	status: Completed, Failed or Cancelled. In the same transaction `tenant_status` and `facts` (as Tenant.record_facts takes them) go
	to its tenant, and `status` to what the playbook is about (Playbook.on_status). playbook: None where the app that had it is gone.
	Returns False, and writes nothing, for a job that has ended already.

	For Completed, what the tenant raises is raised here. Any other end is written all the same: the job must not stay Running.
	"""
	fields = ["status", "tenant", "inputs", "started_at"]
	row = frappe.db.get_value(DOCTYPE, job, fields, as_dict=True, for_update=True)
	if row.status not in UNFINISHED:
		frappe.db.commit()
		return False
	now = now_datetime()
	values = {"status": status, "ended_at": now, "holds": 0, **values}
	if row.started_at:
		values["duration"] = (now - get_datetime(row.started_at)).total_seconds()
	frappe.db.set_value(DOCTYPE, job, values)
	if playbook and playbook.on_status:
		_tell(status, lambda: playbook.on_status(frappe.parse_json(row.inputs or "{}"), status))
	if row.tenant and (tenant_status or facts):
		tenant = frappe.get_doc("Tenant", row.tenant)
		if not _tell(status, lambda: _tell_tenant(tenant, status, tenant_status, facts)):
			# other apps' events kept the document from being saved; its status must be on record all the same
			if tenant_status and tenant.can_become(tenant_status):
				frappe.db.set_value("Tenant", row.tenant, "status", tenant_status)
	frappe.db.commit()
	return True


def end_without_playbook(job: str, name: str) -> None:
	"""End a job as Failed because no installed app has its playbook (`name`) any more. Commits."""
	end(
		job,
		None,
		"Failed",
		tenant_status="Failed",
		error=f"There is no playbook {name!r} any more.",
		hint="Install the app that brings it and press Retry.",
	)


def _tell_tenant(tenant, status: str, tenant_status: str | None, facts: dict | None) -> None:
	if status != "Completed" and tenant_status and not tenant.can_become(tenant_status):
		tenant_status = None
	save_tenant(tenant, tenant_status, facts)


def save_tenant(tenant, status: str | None, facts: dict | None = None) -> None:
	"""Write facts and status (None: leave it) into the Tenant (document).

	Raises TenantRefusedError where something keeps it from being saved, frappe.ValidationError for a status that it cannot have next,
	and transient faults as they are.
	"""
	try:
		if status and tenant.status != status:
			tenant.set_status(status, facts)
		elif facts:
			tenant.record_facts(facts)
	except Exception as error:
		if is_transient(error) or (status and not tenant.can_become(status)):
			raise
		raise TenantRefusedError(error) from error


def first_line(error: Exception) -> str:
	"""The first line of the error's message, as plain text. Errors that are not meant for users get their type in front."""
	text = html.unescape(strip_html(LINE_BREAK.sub("\n", str(error))))
	line = next((line.strip() for line in text.splitlines() if line.strip()), "")
	if line and isinstance(error, frappe.ValidationError):
		return line
	return ": ".join(filter(None, (type(error).__name__, line)))


def _tell(status: str, tell) -> bool:
	"""Do it; False where it could not be done. Raises transient faults; for a Completed job it raises everything."""
	frappe.db.savepoint(SAVEPOINT)
	try:
		tell()
	except Exception as error:
		if status == "Completed" or is_transient(error):
			raise
		frappe.db.rollback(save_point=SAVEPOINT)
		frappe.log_error(title="The end of a Provisioning Job")
		return False
	return True
