"""A console on a tenant's site, for an operator in a shell. Who opened it, when and why stays on record on both sites."""

from typing import Any

from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.refusal import refuse

NOTE = "buildpro_saas.tenant_site.operator_call.note_console"


def open_for(tenant, by: str, why: str) -> dict[str, Any]:
	"""Note on both sites that `by` opens a console, and why; returns {"command": [words], "folder": where to start it}.

	tenant: the document. The caller commits, and then starts the command. Raises frappe.ValidationError for an empty reason.
	"""
	if not (why or "").strip():
		refuse("Say why (--why): it stays on record with the tenant, and on its site.")
	door = door_of(tenant.bench)
	command = door.do("console_command", site=tenant.site_name)
	door.site(tenant.site_name).call(NOTE, by=by, why=why.strip())
	return command
