"""Site images over HTTP and for Desk's list: on the admin site, for SaaS Manager."""

import frappe

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.fleet import images


@frappe.whitelist(methods=["POST"])
@arguments.checked
def build(bench: str | None = None, plan: str | None = None) -> list[dict]:
	"""Build the images that active plans need on the bench (the default one when left out), or the one that `plan` needs.

	Returns [{"image", "job", "kind": its apps and, where it has one, its company}]. Raises frappe.ValidationError when one of them is already
	being built; then it begins none.
	"""
	staff.only_for_manager()
	built = images.build_wanted(bench, [plan] if plan else [])
	return [{"image": image.name, "job": image.job, "kind": image.kind} for image in built]
