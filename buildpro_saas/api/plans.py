"""Plans over HTTP, for Desk and the operator's own systems, on the admin site."""

import frappe

from buildpro_saas.control_plane.access import arguments, staff


@frappe.whitelist(methods=["POST"])
@arguments.checked
def preview_changes(plan: str, features: list | str, limits: list | str, includes: str | None = None) -> dict:
	"""Which tenants gain and lose what if the plan were saved with these rows; for SaaS Manager. Nothing is changed.

	features, limits: the plan's rows as Plan.preview_changes takes them, as lists or as JSON. Returns what
	licensing.plan_versions.preview returns. Raises frappe.ValidationError (HTTP 417) for rows that could not be saved.
	"""
	staff.only_for_manager()
	return frappe.get_doc("Plan", plan).preview_changes(features, limits, includes)
