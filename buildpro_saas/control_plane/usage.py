"""What tenants' sites tell of their use."""

import frappe


def receive(tenant: str, batch: dict) -> None:
	"""Take a tenant's batch, as tenant_site.usage.to_send has it. Raises frappe.ValidationError for one of another shape."""
	if not isinstance(batch, dict) or not isinstance(batch.get("rows"), list):
		frappe.throw("The batch must have rows.", frappe.ValidationError)
	frappe.logger("buildpro_saas").info(f"{tenant} told {len(batch['rows'])} rows of use")
