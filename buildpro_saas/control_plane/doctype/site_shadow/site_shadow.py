import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.fleet import shadow_requests, shadows


class SiteShadow(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		as_of: DF.Datetime | None
		bench: DF.Link | None
		database: DF.Data | None
		holds_site: DF.Check
		is_way_back: DF.Check
		kept_until: DF.Datetime | None
		mark: DF.Data | None
		size: DF.Float
		status: DF.Literal["Filling", "Ready", "Dropping", "Dropped"]
		tenant: DF.Link | None
		unreachable: DF.Float
		was_no_tenants: DF.Check
		why: DF.Data | None
	# end: auto-generated types

	def onload(self) -> None:
		"""Give the form the subdomain that is to be typed, and the job that is at work."""
		self.set_onload("subdomain", frappe.db.get_value("Tenant", self.tenant, "subdomain"))
		self.set_onload("job", shadows.job_about(self.name))

	def validate(self) -> None:
		"""Shadows are made and swapped by jobs: nobody else makes or edits their records."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("Shadows are made and swapped by jobs. Press Copy Site on the tenant."),
				frappe.PermissionError,
			)

	def on_trash(self) -> None:
		"""Refuse to delete the record while anything of the shadow is on a bench."""
		if self.status != shadows.DROPPED:
			frappe.throw(_("{0} is {1}: drop it first.").format(self.name, _(self.status)))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def swap_in(self, confirm: str) -> str:
		"""Start the job that puts it in its tenant's site's place; returns the job's name. For SaaS Manager.

		confirm: the tenant's subdomain. Raises frappe.ValidationError with what to change.
		"""
		staff.only_for_manager()
		return shadow_requests.start_swap(self.name, confirm)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def keep_longer(self, hours: float | int) -> None:
		"""Keep it for so many hours from now. For SaaS Manager."""
		staff.only_for_manager()
		shadow_requests.keep_longer(self.name, hours)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def drop(self) -> None:
		"""Remove its database and files now. For SaaS Manager."""
		staff.only_for_manager()
		shadow_requests.drop_now(self.name)
