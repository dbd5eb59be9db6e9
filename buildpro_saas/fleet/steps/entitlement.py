"""The signed statement of what the tenant may use."""

import time

from buildpro_saas.fleet import finished_site
from buildpro_saas.jobs.playbook import Context, Step
from buildpro_saas.licensing import delivery


class SeedPlanSettings(Step):
	"""Sign the tenant's entitlement and put it into Nexelya Plan Settings on its site."""

	title = "Seed Nexelya Plan Settings"

	def is_outdated(self, state: dict, tenant) -> bool:
		"""A limit of the plan may have been what a later step failed over."""
		return not tenant.is_entitlement_current()

	def run(self, context: Context) -> None:
		# a statement's number is the time at which it was signed: one that this run brings, and dies before it is on record, is no
		# sign of anybody else
		context.keep({finished_site.SEEDED_UNTIL: int(time.time() + 2 * self.timeout)})
		applied = delivery.put_into_force(delivery.locked(context.tenant["name"]), context.site)
		context.log(f"Plan {applied['plan']}")
