"""Renames, archives, brings back and removes tenants over HTTP, for the operator's own systems. For SaaS Manager.

Each starts a job, and answers {"tenant", "job"}. Raises frappe.ValidationError (HTTP 417), or frappe.DuplicateEntryError (409) for a name
that is taken, with what to change; then nothing is begun.
"""

import frappe

from buildpro_saas.control_plane.access import arguments, staff


@frappe.whitelist(methods=["POST"])
@arguments.checked
def rename(tenant: str, subdomain: str) -> dict:
	"""Give a tenant another subdomain. The former one leads to it for some days. Once the job has ended, that is the tenant's name."""
	return _act(tenant, "rename_site", subdomain)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def archive(tenant: str, confirm: str, reason: str | None = None, without_site: str | None = None) -> dict:
	"""Take a last backup of a tenant's site, and take the site away. confirm: the tenant's subdomain.

	without_site: where the site's folder or database is lost, the name of its last backup.
	"""
	return _act(tenant, "archive", confirm, reason, without_site)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def unarchive(tenant: str, backup: str | None = None) -> dict:
	"""Make an archived tenant's site again from its last backup, or from the one named."""
	return _act(tenant, "unarchive", backup)


@frappe.whitelist(methods=["POST"])
@arguments.checked
def remove(tenant: str, confirm: str, reason: str | None = None, without_site: str | None = None) -> dict:
	"""Remove a tenant for good: last backup, site, certificate. confirm: the tenant's subdomain.

	without_site: as `archive` takes it; `no-backup` where no backup is kept.
	"""
	return _act(tenant, "remove_site", confirm, reason, without_site)


def _act(tenant: str, method: str, *given: str | None) -> dict:
	staff.only_for_manager()
	doc = frappe.get_doc("Tenant", tenant)
	return {"tenant": doc.name, **getattr(doc, method)(*given)}
