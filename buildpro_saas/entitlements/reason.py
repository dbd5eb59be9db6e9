"""Why a feature or a growth is allowed or not."""

from enum import Enum


class Reason(str, Enum):
	"""The closed list of reasons that a decision can carry; the value is what callers over HTTP see."""

	PLAN = "PLAN"  # allowed: part of the plan
	TRIAL = "TRIAL"  # allowed: part of a plan that is on trial
	ADDON = "ADDON"  # allowed: part of an add-on
	OVERRIDE = "OVERRIDE"  # allowed: granted by the operator's staff
	GRACE = "GRACE"  # allowed: the entitlement has expired but is in its days of grace
	SHADOW = "SHADOW"  # allowed, would be denied: the gate is being tried out
	OVER_SOFT_LIMIT = "OVER_SOFT_LIMIT"  # allowed and recorded: above a limit that only warns
	NOT_IN_PLAN = "NOT_IN_PLAN"
	REVOKED = "REVOKED"  # taken away by an override
	KILLED = "KILLED"  # switched off everywhere
	LIMIT_REACHED = "LIMIT_REACHED"
	EXPIRED = "EXPIRED"  # expired, and its days of grace are over
	NOT_YET_VALID = "NOT_YET_VALID"
	SUSPENDED = "SUSPENDED"
	NO_ENTITLEMENT = "NO_ENTITLEMENT"
	BAD_SIGNATURE = "BAD_SIGNATURE"
	UNKNOWN_KEY = "UNKNOWN_KEY"  # signed with a key that this site does not know
	WRONG_SITE = "WRONG_SITE"  # made for another site
	REPLAYED = "REPLAYED"  # genuine, but older than one that this site has had
	MALFORMED = "MALFORMED"  # signed, yet not a statement that this version can read


ALLOWING = frozenset(
	{
		Reason.PLAN,
		Reason.TRIAL,
		Reason.ADDON,
		Reason.OVERRIDE,
		Reason.GRACE,
		Reason.SHADOW,
		Reason.OVER_SOFT_LIMIT,
	}
)
