"""Who among the operator's staff may do what: one question, asked by buttons and API alike."""

import frappe
from frappe import _

from buildpro_saas import site_role

MANAGER = "SaaS Manager"
SUPPORT = "SaaS Support"


def only_for_manager() -> None:
	"""Raise frappe.PermissionError unless a SaaS Manager (or Administrator) asks, on the admin site."""
	_only_for(MANAGER)


def only_for_staff() -> None:
	"""Raise frappe.PermissionError unless a SaaS Manager or SaaS Support (or Administrator) asks, on the admin site."""
	_only_for(MANAGER, SUPPORT)


def _only_for(*roles: str) -> None:
	site_role.only_on_admin_site()
	# not frappe.only_for: it lets everybody through wherever the environment has a variable CI
	if frappe.session.user != "Administrator" and not set(roles).intersection(frappe.get_roles()):
		frappe.throw(
			_("This needs the role {0}: ask whoever manages users on this site.").format(
				_(" or ").join(roles)
			),
			frappe.PermissionError,
			title=_("Not permitted"),
		)
