"""What Frappe keeps of a site that follows from its entitlement."""

from buildpro_saas.tenant_site import gates


def forget() -> None:
	"""Have it made anew. To be called once an entitlement has come into force and was committed.

	Only the hooks: `frappe.boot.buildpro` is put in after Frappe's own cache of Desk's boot information (boot.py), the gate is in
	no cache that outlives a request, and every process looks at the file (entitlement.py).
	"""
	gates.forget_hooks()
