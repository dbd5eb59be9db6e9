"""Frappe's report on a bench's health (from version 15 on). It shows the database server, Redis and all queues, so tenants do not get it."""

from buildpro_saas import framework, site_role
from buildpro_saas.tenant_site.bench_views import refuse

if framework.has_health_report():
	from frappe.desk.doctype.system_health_report.system_health_report import SystemHealthReport

	class NoSystemHealthReport(SystemHealthReport):
		"""Refused on tenants' sites."""

		def load_from_db(self) -> None:
			if site_role.is_tenant_site():
				refuse()
			super().load_from_db()
