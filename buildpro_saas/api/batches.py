"""Batches over HTTP, for the operator's own systems: on the admin site, with the API key of a member of staff."""

import frappe

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.jobs import batch_rows


@frappe.whitelist(methods=["GET"])
@arguments.checked
def status(batch: str) -> dict:
	"""How a batch goes on, as batch_rows.progress has it, with {"batch", "title"}; for SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	doc = _batch(batch)
	return {"batch": doc.name, "title": doc.title, **batch_rows.progress(doc.name)}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def pause(batch: str) -> dict:
	"""Give nobody another turn until it is resumed; answers as `status` does. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	_batch(batch).pause()
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def resume(batch: str) -> dict:
	"""Go on where it was paused, or had stopped by its rules; answers as `status` does. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	_batch(batch).resume()
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def retry_failed(batch: str) -> dict:
	"""Give those with whom it went wrong another turn; answers as `status` does. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	_batch(batch).retry_failed()
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def leave_out(batch: str, tenants: list | str) -> dict:
	"""Take tenants out that have not had their turn (a list of names, or text with commas); answers as `status` does. For SaaS Manager."""
	staff.only_for_manager()
	_batch(batch).leave_out(tenants)
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def cancel(batch: str) -> dict:
	"""Leave out all that have not had their turn, and end it; answers as `status` does. For SaaS Manager."""
	staff.only_for_manager()
	_batch(batch).cancel_batch()
	return status(batch)


def _batch(name: str):
	doc = frappe.get_doc("Batch", name)
	doc.check_permission("read")
	return doc
