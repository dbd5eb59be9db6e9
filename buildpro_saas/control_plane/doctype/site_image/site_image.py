import frappe
from frappe import _
from frappe.model.naming import make_autoname

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.fleet import images
from buildpro_saas.fleet.image_spec import ImageKind


class SiteImage(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.site_image_app.site_image_app import SiteImageApp

		apps: DF.Table[SiteImageApp]
		bench: DF.Link | None
		build_seconds: DF.Float
		built_at: DF.Datetime | None
		contents: DF.Code | None
		database: DF.Data | None
		job: DF.Link | None
		kind: DF.Data | None
		mark: DF.Data | None
		prepared_company: DF.Code | None
		reason: DF.SmallText | None
		size: DF.Float
		status: DF.Literal["Building", "Ready", "Stale", "Failed"]
		tables: DF.Int
		valid_until: DF.Date | None
	# end: auto-generated types

	def autoname(self) -> None:
		"""A number that is never used again: Frappe would give a pruned image's number to the next one."""
		self.name = make_autoname("IMG-.#####")

	def validate(self) -> None:
		"""Images are a job's record: nobody else makes or edits them."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("A Site Image is built by a Provisioning Job. Use Build Images, or Rebuild."),
				frappe.PermissionError,
			)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def rebuild(self) -> str:
		"""Build a new image of the same kind. Once it is ready, it replaces this one. Returns the new one's name."""
		staff.only_for_manager()
		return images.build(self.bench, ImageKind.from_name(self.kind)).name

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def prune(self) -> str:
		"""Remove the image; until there is another, new tenants' sites are made another way. Returns the name of the job."""
		staff.only_for_manager()
		return images.prune(self.name).name
