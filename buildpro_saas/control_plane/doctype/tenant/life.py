"""What staff do to a tenant that changes its name, or takes its site away or brings it back. A part of the Tenant's controller."""

import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.doctype.tenant import validation
from buildpro_saas.control_plane.host_names import check_subdomain
from buildpro_saas.fleet import removals, renames


class TenantLife:
	"""Each action checks who asks, and starts a job. None uses the browser's copy of the document, and none commits."""

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def rename_site(self, subdomain: str) -> dict:
		"""Start the job that gives the tenant another subdomain: record, site, host name and statement. For SaaS Manager.

		Returns {"job"}. Raises frappe.ValidationError or frappe.DuplicateEntryError with what to change.
		"""
		self._begin_life_action()
		name = check_subdomain(subdomain, frappe.get_single("SaaS Settings").reserved())
		was = self.subdomain
		job = renames.start(self, name)
		self._note(_("renames the tenant from {0} to {1}").format(was, name), "")
		return {"job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def archive(self, confirm: str, reason: str | None = None, without_site: str | None = None) -> dict:
		"""Start the job that takes a last backup and takes the site away; Unarchive brings it back. For SaaS Manager.

		confirm: the tenant's subdomain. without_site: where the site's folder or database is lost, the name of the last backup there is.
		Returns {"job"}. Raises frappe.ValidationError with what to change.
		"""
		self._begin_life_action()
		given = {"by": self._who(), "reason": reason or "", "without_site": without_site}
		job = removals.archive(self, confirm, **given)
		self._note(_("archives the tenant"), reason)
		return {"job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def unarchive(self, backup: str | None = None) -> dict:
		"""Start the job that makes an archived tenant's site again from its last backup, or from the one named. For SaaS Manager.

		Returns {"job"}. Raises frappe.ValidationError with what to change.
		"""
		self._begin_life_action()
		validation.check_can_be_brought_back(self)
		job = removals.unarchive(self, backup or None)
		self._note(_("brings the tenant's site back"), "")
		return {"job": job}

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def remove_site(self, confirm: str, reason: str | None = None, without_site: str | None = None) -> dict:
		"""Start the job that removes the tenant for good: last backup, site, certificate. For SaaS Manager.

		confirm: the tenant's subdomain. without_site: as `archive` takes it; `no-backup` where no backup is kept. Returns {"job"}. Raises
		frappe.ValidationError with what to change.
		"""
		self._begin_life_action()
		given = {"by": self._who(), "reason": reason or "", "without_site": without_site}
		job = removals.remove(self, confirm, **given)
		self._note(_("removes the tenant"), reason)
		return {"job": job}

	def _begin_life_action(self) -> None:
		staff.only_for_manager()
		# the bench's row before the tenant's, in the order of an insertion: two requests never take one name, nor wait for each other
		validation.lock_bench(frappe.db.get_value("Tenant", self.name, "bench"))
		self._lock()

	def _who(self) -> str:
		return self.flags.by_whom or frappe.session.user

	def _note(self, what: str, reason: str | None) -> None:
		said = ": ".join(filter(None, (what, (reason or "").strip())))
		self.add_comment("Info", frappe.utils.escape_html(said))
