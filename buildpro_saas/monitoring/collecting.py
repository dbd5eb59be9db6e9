"""Reads the numbers of benches through the agent's door, and keeps them: each minute, on the admin site."""

import time

import frappe

from buildpro_saas import site_role
from buildpro_saas.jobs import AgentError
from buildpro_saas.jobs.bench_door import door_of, reached
from buildpro_saas.monitoring import series
from buildpro_saas.monitoring.samples import Sample, sample
from buildpro_saas.tenant_status import WITH_SITE


def collect(bench: str) -> Sample:
	"""The numbers of the Bench of that name as they are now; nothing is kept. Raises AgentError where it does not answer."""
	began = time.monotonic()
	told = door_of(bench).do("read_metrics")
	return sample(bench, told, tenants_of(bench), time.monotonic() - began)


def tenants_of(bench: str) -> dict[str, str]:
	"""{tenant: its site} of the bench's tenants that have one."""
	rows = frappe.get_all("Tenant", {"bench": bench, "status": ("in", WITH_SITE)}, ["name", "site"])
	return {row.name: row.site for row in rows if row.site}


def collect_all() -> None:
	"""Scheduled: read each bench that is reached, and keep it. A bench that does not answer leaves a gap, and nothing of the others."""
	if not site_role.is_admin_site():
		return
	for bench in reached():
		try:
			found = collect(bench)
		except (AgentError, OSError) as error:
			frappe.logger("buildpro_saas").warning(f"The bench {bench} was not measured: {error}")
			continue
		series.keep(found)
		frappe.db.commit()
	series.prune()
	frappe.db.commit()
