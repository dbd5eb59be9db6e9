"""The signed statement of what the tenant may use."""

import time

from buildpro_saas.fleet import finished_site
from buildpro_saas.jobs.playbook import Context, Step
from buildpro_saas.licensing import delivery, signing


class SeedPlanSettings(Step):
	"""Signs the tenant's first entitlement and puts it into force on its site, where Nexelya Plan Settings shows it."""

	title = "Seed Nexelya Plan Settings"

	def is_outdated(self, state: dict, tenant) -> bool:
		"""Whether a new statement would say something else: a later step may have failed over a limit of the plan."""
		return not signing.is_current(tenant)

	def run(self, context: Context) -> None:
		# a statement's number is the time when it was signed. This run may bring one and die before that is on record. So a number up to
		# this one is no sign of somebody else
		context.keep({finished_site.SEEDED_UNTIL: int(time.time() + 2 * self.timeout)})
		applied = delivery.put_into_force(delivery.locked(context.tenant["name"]), context.site)
		context.log(f"Plan {applied['plan']}")
