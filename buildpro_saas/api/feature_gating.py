"""Feature gating over HTTP: on a tenant's site for its users and API keys, on the admin site for whoever has a tenant's token."""

import frappe
from frappe import _
from frappe.rate_limiter import rate_limit

from buildpro_saas import feature_gating, site_role
from buildpro_saas.api.entitlements import HOUR, requests_per_hour
from buildpro_saas.control_plane.access import arguments
from buildpro_saas.entitlements import unknown
from buildpro_saas.licensing import signing, sync_tokens


@frappe.whitelist(allow_guest=True, methods=["GET", "POST"])
@arguments.checked
def check_feature_access(feature: str = "", tenant: str = "") -> dict:
	"""The decision about `feature`, as Decision.as_dict() returns it.

	On a tenant's site: about this site, for its users and not for Guest. On the admin site: about `tenant`, whose token is in the header
	X-BuildPro-Token.

	Raises feature_gating.UnknownFeatureError (HTTP 400) for a name that the catalogue lacks, frappe.PermissionError (403) for Guest,
	frappe.AuthenticationError (401) for a wrong token.
	"""
	if not feature:
		frappe.throw(_("Say which feature, for example ?feature=rfi."), feature_gating.UnknownFeatureError)
	if tenant and site_role.is_admin_site():
		return _of_tenant(feature=feature, tenant=tenant)
	if frappe.session.user == "Guest":
		frappe.throw(_("Sign in, or use an API key."), frappe.PermissionError)
	return feature_gating.get_feature_access(feature).as_dict()


@rate_limit(limit=requests_per_hour, seconds=HOUR)
def _of_tenant(feature: str, tenant: str) -> dict:
	"""The decision by this admin site's records: what the tenant's own site will say once it has the newest entitlement."""
	name = sync_tokens.authenticate(tenant)
	try:
		return signing.decisions(frappe.get_doc("Tenant", name))[feature].as_dict()
	except unknown.UnknownFeatureError as error:
		frappe.throw(str(error), feature_gating.UnknownFeatureError, title=_("Unknown feature"))
