"""The signed statement of what the tenant may use."""

import frappe

from buildpro_saas.entitlements import statement
from buildpro_saas.provisioning.playbook import Context, Step


class SeedPlanSettings(Step):
	"""Sign the tenant's entitlement and put it into Nexelya Plan Settings on its site."""

	title = "Seed Nexelya Plan Settings"

	def run(self, context: Context) -> None:
		tenant = frappe.get_doc("Tenant", context.tenant["name"])
		settings = frappe.get_single("SaaS Settings")
		token = statement.issue(
			frappe.conf.buildpro_signing_key,
			tenant.entitlement(),
			valid_days=settings.entitlement_valid_days,
			grace_days=settings.entitlement_grace_days,
		)
		context.site.call(
			"buildpro_saas.tenant_site.onboarding.apply_entitlement", token=token, company=tenant.company
		)
		context.log(f"Plan {tenant.plan}, valid for {settings.entitlement_valid_days} days")
