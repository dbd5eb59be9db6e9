"""What installing the app sets up on every site, admin or tenant."""

from buildpro_saas.tenant_site import entitlement


def after_install() -> None:
	"""Start without what an earlier database of this name may have left in Redis."""
	entitlement.forget()
