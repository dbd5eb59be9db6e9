"""What installing the app sets up on every site, admin or tenant."""

import frappe

from buildpro_saas.tenant_site import entitlement

# What Frappe's scheduler starts on tenant sites only.
TENANT_JOBS = ("buildpro_saas.tenant_site.limits.look_after",)


def after_install() -> None:
	"""Start without what an earlier database of this name may have left in Redis."""
	entitlement.forget()
