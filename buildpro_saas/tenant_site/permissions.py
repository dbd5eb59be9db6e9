"""Permissions of the doctypes that show a tenant its plan and use: there are none on the admin site; elsewhere the roles decide."""

from buildpro_saas import framework, site_role


def has_permission(doc=None, ptype: str | None = None, user: str | None = None) -> bool | None:
	"""Hook `has_permission`: False on the admin site, which has no plan of its own to show."""
	return False if site_role.is_admin_site() else framework.undecided()
