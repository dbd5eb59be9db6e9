"""What a tenant's site shows its System Manager of its host names: written into the site's folder, whenever something of it changes."""

import time

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.domains import records
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.tenant_status import WITH_SITE


def of_tenant(tenant: str) -> list[dict]:
	"""The tenant's names for its own people: {"host", "shown", "kind", "is_primary", "serves", "state", "is_failing", "says", "records",
	"valid_until": a date, or empty}. records: [type, name, value] of what is to be set in the DNS."""
	return [_shown(row) for row in records.of_tenant(tenant)]


def _shown(row) -> dict:
	certificate = records.certificate(row.certificate)
	until = certificate.valid_until if records.is_valid(certificate) else None
	return {
		**{key: row[key] for key in ("host", "shown", "kind", "serves", "state")},
		"is_primary": bool(row.is_primary),
		"is_failing": bool(row.is_failing),
		"name": row.name,
		"says": row.says or _next(row.state),
		"records": [] if row.kind == records.OWN else records.to_set(row),
		"valid_until": f"{until:%Y-%m-%d}" if until else "",
	}


def _next(state: str) -> str:
	"""What comes next by itself for a name of which nothing is said; empty where that is nothing."""
	if state == records.VERIFIED:
		return _("It is proven and leads here. Its certificate comes next, by itself.")
	if state == records.CERTIFIED:
		return _("Its certificate is there. It is served next, by itself.")
	return ""


def put(tenant: str) -> None:
	"""Write it into the folder of the tenant's site. A site that is away is told as soon as something changes again."""
	row = frappe.db.get_value("Tenant", tenant, ["site", "bench", "status"], as_dict=True)
	if not row or row.status not in WITH_SITE or not records.is_managed(row.bench):
		return
	told = {"names": of_tenant(tenant), "noted": time.time()}
	try:
		door_of(row.bench).do("note_domains", site=row.site, told=told)
	except AgentError:
		frappe.log_error(title=f"{row.site} could not be told of its host names")
