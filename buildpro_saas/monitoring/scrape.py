"""What Prometheus gets: the numbers that were read last, and those of the records. No bench is asked for it."""

import frappe

from buildpro_saas.jobs.bench_door import reached
from buildpro_saas.monitoring import exposition, recorded, series
from buildpro_saas.tenant_status import WITH_SITE


def scrape(accepted: str = "") -> tuple[bytes, str]:
	"""(the text, its content type). accepted: the header Accept."""
	found, benches = series.latest_of_all(), reached()
	of_tenants = {
		row.name: (row.bench, *found["Tenant", row.name])
		for row in frappe.get_all("Tenant", {"status": ("in", WITH_SITE)}, ["name", "bench"])
		if ("Tenant", row.name) in found
	}
	of_benches = {bench: found["Bench", bench] for bench in benches if ("Bench", bench) in found}
	others = [*recorded.families(), recorded.of_disks(benches)]
	return exposition.text(exposition.Told(of_benches, of_tenants, others), accepted)
