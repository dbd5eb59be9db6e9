import frappe
from frappe import _

from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.fleet import backups


class Backup(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		added: DF.Float
		apps: DF.SmallText | None
		backup_id: DF.Data | None
		bench: DF.Link | None
		drill: DF.Link | None
		drill_error: DF.SmallText | None
		binary_log: DF.SmallText | None
		database: DF.Data | None
		error: DF.SmallText | None
		expires_on: DF.Date | None
		export_until: DF.Datetime | None
		for_day: DF.Date | None
		job: DF.Link | None
		kind: DF.Literal["Scheduled", "By Hand", "Before Archiving", "Before Removal", "Admin Site"]
		manifest: DF.LongText | None
		place: DF.Literal["Local", "Offsite", "Local and Offsite"]
		records: DF.Int
		recover_seconds: DF.Float
		seconds: DF.Float
		size: DF.Float
		status: DF.Literal["Taking", "Kept", "Failed", "Forgotten", "Lost"]
		store: DF.Link | None
		tables: DF.Int
		taken_at: DF.Datetime | None
		tenant: DF.Link | None
		turn: DF.Int
		verified_at: DF.Datetime | None
		verified_how: DF.Literal["", "Read Again", "Restored"]
		why: DF.Data | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Backups are taken by jobs: nobody else makes or edits their records."""
		if not self.flags.ignore_permissions:
			frappe.throw(_("Backups are taken by jobs. Press Back Up on the tenant."), frappe.PermissionError)

	def on_trash(self) -> None:
		"""Refuse to delete the record while the backup is there or being taken."""
		if self.status in (backups.KEPT, backups.TAKING):
			frappe.throw(_("{0} is {1}: its record stays.").format(self.name, _(self.status)))
