"""The doctypes that show a tenant its plan and use: for tenants' sites, where the roles decide."""

from buildpro_saas import site_role


def has_permission(doc=None, ptype: str | None = None, user: str | None = None) -> bool:
	"""Hook `has_permission`: False on the admin site, whose staff would see an empty plan of nobody's."""
	return not site_role.is_admin_site()
