"""What installing the app sets up on every site, admin or tenant."""

from buildpro_saas.tenant_site import entitlement

# What Frappe's scheduler starts on tenant sites only.
TENANT_JOBS = tuple(f"buildpro_saas.tenant_site.{part}.look_after" for part in ("limits", "sync"))


def after_install() -> None:
	"""Start without what an earlier database of this name may have left in Redis."""
	entitlement.forget()
