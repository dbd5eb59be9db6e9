"""Batches over HTTP, for the operator's own systems: on the admin site, with the API key of a member of staff."""

import frappe

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.jobs import batch_rows


@frappe.whitelist(methods=["GET"])
@arguments.checked
def status(batch: str) -> dict:
	"""How a batch goes on: batch_rows.progress, with {"batch", "title"}. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	doc = _batch(batch)
	return {"batch": doc.name, "title": doc.title, **batch_rows.progress(doc.name)}


@frappe.whitelist(methods=["POST"])
@arguments.checked
def pause(batch: str) -> dict:
	"""Give no tenant a turn until it is resumed; answers as `status` does. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	_batch(batch).pause()
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def resume(batch: str) -> dict:
	"""Go on after a pause, or after its rules had stopped it; answers as `status` does. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	_batch(batch).resume()
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def retry_failed(batch: str) -> dict:
	"""Give the tenants that failed another turn; answers as `status` does. For SaaS Manager and SaaS Support."""
	staff.only_for_staff()
	_batch(batch).retry_failed()
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def leave_out(batch: str, tenants: list | str) -> dict:
	"""Take tenants out that have not had their turn; answers as `status` does. For SaaS Manager.

	tenants: a list of names, or text with commas.
	"""
	staff.only_for_manager()
	_batch(batch).leave_out(tenants)
	return status(batch)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def cancel(batch: str) -> dict:
	"""Leave out all tenants that have not had their turn, and end it; answers as `status` does. For SaaS Manager."""
	staff.only_for_manager()
	_batch(batch).cancel_batch()
	return status(batch)


def _batch(name: str):
	doc = frappe.get_doc("Batch", name)
	doc.check_permission("read")
	return doc
