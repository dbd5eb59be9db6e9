"""The decisions that a request or job has asked for. Each is counted once, however often it is asked for: asking again is a look in a dict."""

from buildpro_saas import site_role
from buildpro_saas.entitlements.decision import Decision, Decisions
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import entitlement, usage


class Checks(dict):
	"""feature → Decision, as the entitlement has them; raises as it does for a name that is not known."""

	__slots__ = ("decisions",)

	def __init__(self, decisions: Decisions):
		super().__init__()
		self.decisions = decisions

	def __missing__(self, feature: str) -> Decision:
		answer = self[feature] = self.decisions[feature]
		# without a statement any string is a feature
		if self.decisions.statement is not None and site_role.is_tenant_site():
			usage.count(feature, outcome(answer))
		return answer


def current() -> Checks:
	"""Those of this request or job, as of now."""
	held = entitlement.current()
	if held.checks is None:
		held.checks = Checks(held.decisions)
	return held.checks


def outcome(answer: Decision) -> str:
	"""Which of usage.OUTCOMES a decision is."""
	if answer.reason is Reason.SHADOW:
		return usage.SHADOW
	return usage.ALLOWED if answer.allowed else usage.DENIED
