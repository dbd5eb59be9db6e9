import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.fleet import offsite_copies, store_checks


class BackupStore(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		bench: DF.Link | None
		check_error: DF.SmallText | None
		checked_at: DF.Datetime | None
		checks: DF.Int
		destroyed_at: DF.Datetime | None
		folder: DF.Data | None
		is_removed: DF.Check
		key: DF.Password | None
		offsite_at: DF.Datetime | None
		offsite_check_error: DF.SmallText | None
		offsite_checked_at: DF.Datetime | None
		offsite_error: DF.SmallText | None
		offsite_failures: DF.Int
		offsite_place: DF.Data | None
		offsite_size: DF.Float
		offsite_tried_at: DF.Datetime | None
		size: DF.Float
		status: DF.Literal["In Use", "Destroyed"]
		store_id: DF.Data | None
		strangers: DF.SmallText | None
		tenant: DF.Link | None
		wrapped_key: DF.SmallText | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Stores are made with the first backup: nobody else makes or edits their records."""
		if not self.flags.ignore_permissions:
			frappe.throw(_("A store is made with its tenant's first backup."), frappe.PermissionError)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def check(self) -> str:
		"""Start the job that checks it, here and offsite, and compares the records with what lies there. For SaaS Manager. Returns the job."""
		staff.only_for_manager()
		return store_checks.start(self.name)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def copy_offsite(self) -> str:
		"""Start the job that copies its backups offsite now. For SaaS Manager. Returns the job."""
		staff.only_for_manager()
		return offsite_copies.start(self.name)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def take_in(self) -> list[str]:
		"""Make records of the backups that the last check found and no record knows. For SaaS Manager. Returns the records' names."""
		staff.only_for_manager()
		return store_checks.take_in(self.name)

	def on_trash(self) -> None:
		"""Refuse to delete the record: with it the key of all backups would be gone."""
		if not self.is_removed:
			frappe.throw(
				_("{0} has the key of backups: it goes when its tenant is removed.").format(self.name)
			)
