"""Entitlements to tenants' sites: the work of a batch for one tenant, and the step of a job."""

from buildpro_saas.jobs.batch_runner import TenantWork, Turn
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step
from buildpro_saas.licensing import backoff, delivery
from buildpro_saas.licensing.sources import Sources


class SendEntitlement(TenantWork):
	"""Sign the entitlement of a tenant and put it into force on its site."""

	title = "Send entitlement"
	timeout = 30  # seconds; it takes some hundredths
	retry = RetryPolicy(attempts=4)
	at_once = 20  # a more urgent delivery waits for as many, some tenths of a second

	def __init__(self, make_ready: delivery.MakeReady):
		"""make_ready: as delivery.deliver takes it."""
		self.make_ready = make_ready

	def begin(self) -> Sources:
		"""What statements are made of: read once, and shared by the turns of a runner (`turn.shared`)."""
		return Sources()

	def run(self, turn: Turn) -> str:
		"""Send one tenant its entitlement. Returns the end of a sentence about it."""
		return delivery.deliver(turn.tenant, turn.bench, self.make_ready, turn.shared)

	def failed(self, tenant: str, error: Exception) -> None:
		"""Leave the tenant's site alone for a while."""
		backoff.failed(tenant)


class DeliverEntitlement(Step):
	"""Sign the entitlement of the job's own tenant, and put it into force on its site, with a token to ask for the next."""

	title = "Send entitlement"

	def __init__(self, make_ready: delivery.MakeReady):
		"""make_ready: as delivery.deliver takes it."""
		self.make_ready = make_ready

	def run(self, context: Context) -> None:
		context.log(delivery.deliver(context.tenant["name"], context.bench, self.make_ready, Sources()))
