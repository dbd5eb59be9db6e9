"""The security of benches over HTTP."""

from dataclasses import asdict

import frappe

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.fleet import bench_security


@frappe.whitelist(methods=["GET"])
@arguments.checked
def report(bench: str) -> list[dict]:
	"""[{"subject", "state": "Found", "Not Seen" or "Fine", "sentence", "command"}] of a Bench, what is wrong first; for SaaS Manager.

	Takes some seconds. Raises frappe.ValidationError where the bench cannot be reached.
	"""
	staff.only_for_manager()
	return [asdict(check) for check in bench_security.checks(bench)]
