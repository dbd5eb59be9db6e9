"""The decisions that a request or job has asked for.

Each is counted once, however often it is asked for. The second time, it is a look into a dict.
"""

from buildpro_saas import site_role
from buildpro_saas.entitlements.decision import Decision, Decisions
from buildpro_saas.entitlements.reason import Reason
from buildpro_saas.tenant_site import entitlement, usage


class Checks(dict):
	"""feature → Decision, as the entitlement makes them. Raises the same errors for a name that is not known."""

	__slots__ = ("decisions",)

	def __init__(self, decisions: Decisions):
		super().__init__()
		self.decisions = decisions

	def __missing__(self, feature: str) -> Decision:
		answer = self[feature] = self.decisions[feature]
		# without a statement any string passes for a feature: not counted
		if self.decisions.statement is not None and site_role.is_tenant_site():
			usage.count(feature, outcome(answer))
		return answer


def current() -> Checks:
	"""The decisions that this request or job has asked for so far."""
	held = entitlement.current()
	if held.checks is None:
		held.checks = Checks(held.decisions)
	return held.checks


def outcome(answer: Decision) -> str:
	"""The outcome of a decision: one of usage.OUTCOMES."""
	if answer.reason is Reason.SHADOW:
		return usage.SHADOW
	return usage.ALLOWED if answer.allowed else usage.DENIED
