"""The doctypes that show a tenant its plan and use: for tenants' sites, where the roles decide."""

from buildpro_saas import framework, site_role


def has_permission(doc=None, ptype: str | None = None, user: str | None = None) -> bool | None:
	"""Hook `has_permission`: False on the admin site, whose staff would see an empty plan of nobody's."""
	return False if site_role.is_admin_site() else framework.undecided()
