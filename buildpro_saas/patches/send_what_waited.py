import frappe

from buildpro_saas import site_role
from buildpro_saas.licensing import delivery

SUPERSEDED = "The statements of this job are sent by a Batch."


def execute():
	"""Make a Batch of what old jobs had still to send, and mark those jobs Cancelled.

	Jobs from before batches named their tenants in their inputs, which nobody reads any more.
	"""
	if not site_role.is_admin_site():
		return
	of_these = {"playbook": delivery.PLAYBOOK, "status": ("not in", ("Completed", "Cancelled"))}
	for job in frappe.get_all("Provisioning Job", of_these, ["name", "inputs"], order_by="creation"):
		inputs = frappe.parse_json(job.inputs or "{}")
		if tenants := inputs.get("tenants"):
			delivery.send(tenants, inputs.get("why") or "sent again after an update")
			values = {"status": "Cancelled", "error": SUPERSEDED, "hint": ""}
			frappe.db.set_value("Provisioning Job", job.name, values, update_modified=False)
