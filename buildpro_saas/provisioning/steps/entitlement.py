"""The signed statement of what the tenant may use."""

import frappe

from buildpro_saas.provisioning.playbook import Context, Step


class SeedPlanSettings(Step):
	"""Sign the tenant's entitlement and put it into Nexelya Plan Settings on its site."""

	title = "Seed Nexelya Plan Settings"

	def run(self, context: Context) -> None:
		tenant = frappe.get_doc("Tenant", context.tenant["name"])
		statement = tenant.sign_entitlement()
		context.site.call(
			"buildpro_saas.tenant_site.onboarding.apply_entitlement", **statement, company=tenant.company
		)
		context.log(f"Plan {tenant.plan}")
