"""Why a feature or a growth is allowed or not, and what is told to the person who asked."""

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


# The first sentence of the answer. What may be named: {label}, {plan}, {source}, {until}, and of a limit {limit}, {used},
# {requested}.
SENTENCES = {
	Reason.PLAN: "{label} is part of your plan {plan}.",
	Reason.TRIAL: "{label} is part of {plan}, which you are trying out until {until}.",
	Reason.ADDON: "{label} is part of your add-on {source}.",
	Reason.OVERRIDE: "{label} was granted to you beside your plan {plan}.",
	Reason.GRACE: "{label} is part of your plan {plan}, which has expired and has grace until {until}.",
	Reason.SHADOW: "{label} is not part of your plan {plan}; it is available for the time being.",
	Reason.OVER_SOFT_LIMIT: "{label}: {used} in use and {requested} more, which is above the {limit} of your plan {plan}.",
	Reason.NOT_IN_PLAN: "{label} is not part of your plan {plan}.",
	Reason.REVOKED: "{label} is not available to you at present.",
	Reason.KILLED: "{label} is switched off for everybody at present.",
	Reason.LIMIT_REACHED: "{label}: {used} of the {limit} of your plan {plan} are in use, {requested} more cannot be added.",
	Reason.EXPIRED: "{label} is not available: your plan {plan} expired on {until}.",
	Reason.NOT_YET_VALID: "{label} is not available: your plan {plan} begins later, by this server's clock.",
	Reason.SUSPENDED: "{label}, under your plan {plan}, is not available: this site is suspended.",
	Reason.NO_ENTITLEMENT: "{label} is not available: this site has not received its plan yet.",
	Reason.BAD_SIGNATURE: "{label} is not available: the plan's record on this site is not genuine.",
	Reason.UNKNOWN_KEY: "{label} is not available: the plan's record on this site has an unknown key.",
	Reason.WRONG_SITE: "{label} is not available: the plan's record on this site was made for another site.",
	Reason.REPLAYED: "{label} is not available: the plan's record on this site is older than the last one.",
	Reason.MALFORMED: "{label} is not available: the plan's record on this site cannot be read.",
}

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
