"""Whether the framework itself is at work on this site: nothing is gated or limited then."""

from frappe import local

# Set by Frappe around its own work, in a shell or in the operator's processes.
FLAGS = frozenset({"in_install", "in_migrate", "in_patch", "in_fixtures", "in_uninstall"})
SETUP_WIZARD = "in_setup_wizard"
# Set as a job of the site's begins (restriction.on_job). In frappe.flags, which every request and job begins without.
IN_JOB = "buildpro_in_job"


def is_under_way(flags: frozenset[str] = FLAGS) -> bool:
	"""Whether one of the flags is set by whom it is believed.

	Not in a web request, in a job of the site's or in a script of a user's: there whoever has rights on the site can have them set, as
	by running the setup wizard again, or by ERPNext's Tally Migration, which inserts what it is given under `in_migrate`.
	"""
	there = local.flags
	if flags.isdisjoint(there) or not any(there.get(flag) for flag in flags):
		return False
	return not is_by_user()


def is_by_user() -> bool:
	"""Whether what goes on is a web request, a job of the site's or a script of a user's, and no call of the operator's."""
	flags = local.flags
	return bool(getattr(local, "request", None) or flags.get(IN_JOB) or flags.get("in_safe_exec"))
