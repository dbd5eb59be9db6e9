"""What staff do with a tenant's host names. A part of the Tenant's controller."""

import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.domains import addresses, claims, publishing, records, shown
from buildpro_saas.tenant_status import ARCHIVED, WITH_SITE

SERVED = (*WITH_SITE, ARCHIVED)


class TenantDomains:
	"""Each action checks who asks. None uses the browser's copy of the document, and none commits."""

	def show_addresses(self) -> None:
		"""Give the form the site's address and, where we see to them, the tenant's host names."""
		bench = frappe.get_cached_doc("Bench", self.bench).as_dict()
		self.set_onload("url", addresses.of_tenant(self.name, self.site_name, bench))
		if records.is_managed(self.bench):
			self.set_onload("domains", shown.of_tenant(self.name))

	def follow_in_proxy(self, before) -> None:
		"""Have the proxy follow another status or plan: a suspended site's files are closed, one that is away is not served, plans have limits.

		before: the document as it was. A site that has just been made was published by its own job.
		"""
		is_other = before and (before.status, before.plan) != (self.status, self.plan)
		if is_other and before.status in SERVED:
			publishing.want(self.bench)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def add_domain(self, host: str, serves: int = 0) -> dict:
		"""Give the tenant a host name that the customer has brought, and start looking at its DNS. For SaaS Manager.

		serves: 1 where the site is to answer under it itself, also beside another primary name. Returns {"domain", "host", "records"}:
		what the customer has to set. Raises frappe.ValidationError or frappe.DuplicateEntryError with what to change.
		"""
		staff.only_for_manager()
		self.reload()
		name = claims.add(self, host, by=self.flags.by_whom or frappe.session.user, serves=bool(serves))
		row = records.get(name)
		self.add_comment("Info", frappe.utils.escape_html(_("added the host name {0}").format(row.host)))
		return {"domain": name, "host": row.host, "records": records.to_set(row)}
