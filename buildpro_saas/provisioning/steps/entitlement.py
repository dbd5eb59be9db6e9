"""The signed statement of what the tenant may use."""

from buildpro_saas.provisioning import delivery
from buildpro_saas.provisioning.playbook import Context, Step


class SeedPlanSettings(Step):
	"""Sign the tenant's entitlement and put it into Nexelya Plan Settings on its site."""

	title = "Seed Nexelya Plan Settings"

	def is_outdated(self, state: dict, tenant) -> bool:
		"""A limit of the plan may have been what a later step failed over."""
		return not tenant.is_entitlement_current()

	def run(self, context: Context) -> None:
		applied = delivery.put_into_force(delivery.locked(context.tenant["name"]), context.site)
		context.log(f"Plan {applied['plan']}")
