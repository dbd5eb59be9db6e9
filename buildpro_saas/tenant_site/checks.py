"""The decisions that a request or job has asked for: counted once each, however often it asks, so that asking stays a look in a dict."""

from buildpro_saas import site_role
from buildpro_saas.entitlements.decision import Decision, Gate
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import entitlement, usage


class Checks(dict):
	"""feature → Decision, as one gate has it; raises as that does for a name that is not known."""

	__slots__ = ("gate",)

	def __init__(self, gate: Gate):
		super().__init__()
		self.gate = gate

	def __missing__(self, feature: str) -> Decision:
		answer = self[feature] = self.gate[feature]
		# without a statement any string is a feature
		if self.gate.statement is not None and site_role.is_tenant_site():
			usage.count(feature, outcome(answer))
		return answer


def current() -> Checks:
	"""Those of this request or job, by the gate of now."""
	held = entitlement.current()
	if held.checks is None:
		held.checks = Checks(held.gate)
	return held.checks


def outcome(answer: Decision) -> str:
	"""Which of usage.OUTCOMES a decision is."""
	if answer.reason is Reason.SHADOW:
		return usage.SHADOW
	return usage.ALLOWED if answer.allowed else usage.DENIED
