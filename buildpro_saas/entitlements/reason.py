"""Why a feature is allowed or not, and what is told to the person who asked."""

from enum import Enum


class Reason(str, Enum):
	"""The closed list of reasons that a decision can carry; the value is what callers over HTTP see."""

	PLAN = "PLAN"  # allowed: part of the plan
	GRACE = "GRACE"  # allowed: part of the plan, whose entitlement has expired but is in its days of grace
	NOT_IN_PLAN = "NOT_IN_PLAN"
	EXPIRED = "EXPIRED"  # expired, and its days of grace are over
	NOT_YET_VALID = "NOT_YET_VALID"
	SUSPENDED = "SUSPENDED"
	NO_ENTITLEMENT = "NO_ENTITLEMENT"
	BAD_SIGNATURE = "BAD_SIGNATURE"
	UNKNOWN_KEY = "UNKNOWN_KEY"  # signed with a key that this site does not know
	WRONG_SITE = "WRONG_SITE"  # made for another site
	MALFORMED = "MALFORMED"  # signed, yet not a statement that this version can read


# The first sentence of the answer. What may be named: {label}, {plan}, {until}.
SENTENCES = {
	Reason.PLAN: "{label} is part of your plan {plan}.",
	Reason.GRACE: "{label} is part of your plan {plan}, which has expired and has grace until {until}.",
	Reason.NOT_IN_PLAN: "{label} is not part of your plan {plan}.",
	Reason.EXPIRED: "{label} is not available: your plan {plan} expired on {until}.",
	Reason.NOT_YET_VALID: "{label} is not available: your plan {plan} begins later, by this server's clock.",
	Reason.SUSPENDED: "{label}, under your plan {plan}, is not available: this site is suspended.",
	Reason.NO_ENTITLEMENT: "{label} is not available: this site has not received its plan yet.",
	Reason.BAD_SIGNATURE: "{label} is not available: the plan's record on this site is not genuine.",
	Reason.UNKNOWN_KEY: "{label} is not available: the plan's record on this site has an unknown key.",
	Reason.WRONG_SITE: "{label} is not available: the plan's record on this site was made for another site.",
	Reason.MALFORMED: "{label} is not available: the plan's record on this site cannot be read.",
}

ALLOWING = frozenset({Reason.PLAN, Reason.GRACE})
