"""Is the framework itself at work on this site? Then nothing is gated or limited."""

from frappe import local

# Set by Frappe around its own work, in a shell or in the operator's processes.
FLAGS = frozenset({"in_install", "in_migrate", "in_patch", "in_fixtures", "in_uninstall"})
SETUP_WIZARD = "in_setup_wizard"
# In frappe.flags, which are empty as each request and job begins. Set as a job of the site's begins (restriction.on_job).
IN_JOB = "buildpro_in_job"


def is_under_way(flags: frozenset[str] = FLAGS) -> bool:
	"""Whether one of the flags is set, and an operator's process has set it.

	A flag that is set in a web request, a job of the site or a user's script does not count. A user can cause it to be set there:
	by running the set-up wizard again, or by ERPNext's Tally Migration, which inserts a user's data under `in_migrate`.
	"""
	there = local.flags
	if there.keys().isdisjoint(flags) or not any(there.get(flag) for flag in flags):
		return False
	return not is_by_user()


def is_by_user() -> bool:
	"""Whether this is a web request, a job of the site or a user's script. If not, the operator has called it."""
	flags = local.flags
	return bool(getattr(local, "request", None) or flags.get(IN_JOB) or flags.get("in_safe_exec"))
