"""What installing the app sets up on every site, admin or tenant."""

from buildpro_saas.tenant_site import entitlement


def after_install() -> None:
	"""Drop what an earlier database of the same name may have left in Redis."""
	entitlement.forget()
