"""Entitlements to tenants' sites, as a batch: what is done with one tenant."""

from buildpro_saas.jobs.batch_runner import TenantWork, Turn
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step
from buildpro_saas.licensing import backoff, delivery
from buildpro_saas.licensing.sources import Sources


class SendEntitlement(TenantWork):
	"""Sign the entitlement of a tenant and put it into force on its site."""

	title = "Send entitlement"
	timeout = 30  # seconds; it takes some hundredths
	retry = RetryPolicy(attempts=4)
	at_once = 20  # some tenths of a second, for which a more urgent one waits

	def __init__(self, make_ready: delivery.MakeReady):
		"""make_ready: as delivery.deliver takes it."""
		self.make_ready = make_ready

	def begin(self) -> Sources:
		return Sources()

	def run(self, turn: Turn) -> str:
		return delivery.deliver(turn.tenant, turn.bench, self.make_ready, turn.shared)

	def failed(self, tenant: str, error: Exception) -> None:
		backoff.failed(tenant)


class DeliverEntitlement(Step):
	"""Sign the entitlement of the job's own tenant, and put it into force on its site, with a token to ask for the next one."""

	title = "Send entitlement"

	def __init__(self, make_ready: delivery.MakeReady):
		"""make_ready: as delivery.deliver takes it."""
		self.make_ready = make_ready

	def run(self, context: Context) -> None:
		context.log(delivery.deliver(context.tenant["name"], context.bench, self.make_ready, Sources()))
