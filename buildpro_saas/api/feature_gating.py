"""Feature gating over HTTP, for the users and API keys of a tenant's site."""

import frappe
from frappe import _

from buildpro_saas import feature_gating


@frappe.whitelist(methods=["GET", "POST"])
def check_feature_access(feature: str = "") -> dict:
	"""The decision about `feature` on this site, as Decision.as_dict() has it; not for Guest.

	Raises feature_gating.UnknownFeatureError (HTTP 400) for a name that the catalogue lacks.
	"""
	if not feature:
		frappe.throw(_("Say which feature, for example ?feature=rfi."), feature_gating.UnknownFeatureError)
	return feature_gating.get_feature_access(feature).as_dict()
