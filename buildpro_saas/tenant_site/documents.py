"""What every document of a tenant's site meets before it is validated: in one handler, since finding one takes longer than asking it."""

from buildpro_saas.tenant_site import gates, limits


def before_validate(doc, method: str | None = None, *args) -> None:
	"""Hook `before_validate` of all doctypes. Raises FeatureNotAvailableError, SiteRestrictedError; holds hard limits."""
	gates.on_event(doc, method)
	limits.hold(doc, method)
