"""The statuses of a tenant, and the only ways from one to another."""

from frappe import _

from buildpro_saas.refusal import refuse

DRAFT = "Draft"
PROVISIONING = "Provisioning"
ACTIVE = "Active"
PAST_DUE = "Past Due"
SUSPENDED = "Suspended"
ARCHIVED = "Archived"
REMOVED = "Removed"
FAILED = "Failed"

TRANSITIONS: dict[str, frozenset[str]] = {
	DRAFT: frozenset({PROVISIONING}),
	# back to Draft when its job is cancelled
	PROVISIONING: frozenset({ACTIVE, FAILED, DRAFT}),
	FAILED: frozenset({PROVISIONING, DRAFT}),
	ACTIVE: frozenset({PAST_DUE, SUSPENDED, ARCHIVED, REMOVED}),
	PAST_DUE: frozenset({ACTIVE, SUSPENDED, ARCHIVED, REMOVED}),
	SUSPENDED: frozenset({ACTIVE, PAST_DUE, ARCHIVED, REMOVED}),
	# its site was brought back from its backup
	ARCHIVED: frozenset({ACTIVE, REMOVED}),
	REMOVED: frozenset(),
}
# What the tenant's own site is told of its status. In every other status, it is told that it may work.
IN_STATEMENT = {PAST_DUE: PAST_DUE, SUSPENDED: SUSPENDED}
# The tenant's site is in use, and is told what the tenant may use.
WITH_SITE = (ACTIVE, PAST_DUE, SUSPENDED)
# Nothing of the tenant is on a bench.
WITHOUT_SITE = (DRAFT, REMOVED)


def check_transition(tenant: str, old: str, new: str) -> None:
	"""Raise frappe.ValidationError when a tenant cannot go from `old` to `new`."""
	if new not in TRANSITIONS.get(old, ()):
		ways = ", ".join(sorted(TRANSITIONS.get(old, ()))) or _("nothing")
		refuse(_("{0} is {1} and cannot become {2}; from there it can become: {3}."), tenant, old, new, ways)
