import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.domains import changes


class SiteCertificate(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		alarm_says: DF.SmallText | None
		alarmed: DF.Data | None
		ask_at: DF.Datetime | None
		authority: DF.Data | None
		bench: DF.Link | None
		failures: DF.Int
		folder: DF.Data | None
		last_error: DF.SmallText | None
		method: DF.Literal["HTTP-01", "DNS-01", "Uploaded"]
		names: DF.SmallText | None
		next_try: DF.Datetime | None
		ordered_at: DF.Datetime | None
		renew_from: DF.Datetime | None
		serial: DF.Data | None
		served_at: DF.Datetime | None
		status: DF.Literal["Waiting", "Valid", "Removed"]
		tenant: DF.Link | None
		valid_from: DF.Datetime | None
		valid_until: DF.Datetime | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Certificates are kept by jobs: nobody else makes or edits their records."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("Certificates are kept by jobs. Press Renew here, or Upload Certificate on the host name."),
				frappe.PermissionError,
			)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def renew(self) -> dict:
		"""Start the job that gets the certificate anew, whether it is due or not: {"job"}. For SaaS Manager."""
		staff.only_for_manager()
		return {"job": changes.renew(self.name)}
