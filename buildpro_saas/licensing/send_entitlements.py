"""Entitlements to many tenants' sites, one after the other."""

import frappe

from buildpro_saas.agent.errors import AgentError, TransientError, is_transient
from buildpro_saas.jobs import sites
from buildpro_saas.jobs.deadline import deadline
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step, StepTimeoutError
from buildpro_saas.licensing import backoff, delivery
from buildpro_saas.licensing.sources import Sources

HOUR = 3600
LONGEST = 30  # seconds for one site; it takes some hundredths
NAMED = 20  # tenants that a hint names


class SendEntitlements(Step):
	"""Sign the entitlement of each tenant and put it into force on its site.

	What it keeps: `sent`, how many of the job's tenants have had their turn, and `left`, those of them with whom it went wrong:
	{tenant: {"error": sentence, "is_transient": bool}}. Each run takes those once more, at its end.
	"""

	title = "Send entitlements"
	timeout = 2 * HOUR
	retry = RetryPolicy(attempts=4)

	def __init__(self, make_ready: delivery.MakeReady):
		"""make_ready: as delivery.deliver takes it."""
		self.make_ready = make_ready

	def run(self, context: Context) -> None:
		tenants = context.inputs["tenants"]
		before = dict(context.state.get("left") or {})
		sources = Sources()
		left = dict(before)
		for sent, tenant in enumerate(tenants, start=1):
			if sent > context.state.get("sent", 0):
				self._try(context, tenant, left, f"{sent} of {len(tenants)}", sources)
				context.keep({"sent": sent, "left": left})
		for tenant in before:
			self._try(context, tenant, left, "once more", sources)
			context.keep({"left": left})
		if left:
			raise _error(left)

	def _try(self, context: Context, tenant: str, left: dict, at: str, sources: Sources) -> None:
		context.checkpoint()
		try:
			with deadline(LONGEST, TransientError(f"The site did not take it within {LONGEST} seconds.")):
				with sites.taken(tenant):
					said = delivery.deliver(tenant, context.bench, self.make_ready, sources)
		except StepTimeoutError:
			raise
		except Exception as error:
			frappe.db.rollback()  # raises when the connection is gone: then the run ends
			if not isinstance(error, sites.SiteTakenError):
				backoff.failed(tenant)
			said = f"{type(error).__name__}: {error}"[:500]
			left[tenant] = {"error": said, "is_transient": is_transient(error)}
		else:
			left.pop(tenant, None)
		context.log(f"{at}: {tenant}: {said}")


def _error(left: dict) -> AgentError:
	kind = TransientError if any(each["is_transient"] for each in left.values()) else AgentError
	names = ", ".join(list(left)[:NAMED]) + (f" and {len(left) - NAMED} more" if len(left) > NAMED else "")
	return kind(
		f"{len(left)} could not be given their entitlement.",
		f"Left: {names}. See the step's output, mend their sites and press Retry, which takes only these. Without that they are tried again"
		" in ten minutes, and then at growing intervals of up to an hour.",
	)
