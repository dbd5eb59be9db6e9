"""Which part a site plays: the admin site runs the control plane, tenant sites only answer for themselves.

The role is in `site_config.json`, which nobody can write from Desk. This module is the one guard at the boundary.
"""

import frappe
from frappe import _

ADMIN = "admin"
TENANT = "tenant"


def is_admin_site() -> bool:
	"""True on the site that runs the control plane (`"buildpro_role": "admin"` in its site_config.json)."""
	return frappe.conf.get("buildpro_role") == ADMIN


def is_tenant_site() -> bool:
	"""True on a tenant's site (`"buildpro_role": "tenant"`): what the plan lacks is refused there, and nowhere else."""
	return frappe.conf.get("buildpro_role") == TENANT


def only_on_admin_site() -> None:
	"""Raise frappe.PermissionError unless this is the admin site."""
	if not is_admin_site():
		frappe.throw(
			_("This is done on the admin site only. Sign in there, or run the command with its --site."),
			frappe.PermissionError,
			title=_("Not the admin site"),
		)


def hide_tracebacks() -> None:
	"""Hooks `before_request` and `auth_hooks`: users who do not work in Desk here get answers without tracebacks.

	System Settings do not change this: paths and versions of the bench concern nobody else. `auth_hooks` comes once an API key is known.
	"""
	if frappe.conf.get("buildpro_role") in (ADMIN, TENANT):
		frappe.local.flags.disable_traceback = not _works_in_desk()


def _works_in_desk() -> bool:
	session = frappe.local.session
	if not session or session.user in (None, "", "Guest"):
		return False
	known = (session.get("data") or {}).get("user_type") or frappe.get_cached_value(
		"User", session.user, "user_type"
	)
	return known == "System User"
