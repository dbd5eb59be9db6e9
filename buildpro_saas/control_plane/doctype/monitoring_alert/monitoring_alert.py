import frappe
from frappe import _
from frappe.utils import get_datetime

from buildpro_saas import given
from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.monitoring import alert_records


class MonitoringAlert(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		acknowledged_at: DF.Datetime | None
		acknowledged_by: DF.Data | None
		advice: DF.SmallText | None
		behind: DF.SmallText | None
		bench: DF.Link | None
		cause: DF.Link | None
		check_key: DF.Data | None
		closed_at: DF.Datetime | None
		escalated_at: DF.Datetime | None
		event: DF.Data | None
		event_number: DF.Int
		identity: DF.Data | None
		is_flapping: DF.Check
		last_found_at: DF.Datetime | None
		looks: DF.Int
		misses: DF.Int
		opened: DF.Int
		opened_at: DF.Datetime | None
		repeated_at: DF.Datetime | None
		sentence: DF.SmallText | None
		severity: DF.Literal["Info", "Warning", "Critical"]
		silence_reason: DF.Data | None
		silenced_by: DF.Data | None
		silenced_until: DF.Datetime | None
		status: DF.Literal["Suspected", "Open", "Acknowledged", "Closed"]
		subject: DF.Data | None
		subject_kind: DF.Literal["Tenant", "Bench", "Service"]
		tenant: DF.Link | None
		times: DF.Int
		told: DF.SmallText | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Alerts are what the checks find: nobody else makes or edits them."""
		if not self.flags.ignore_permissions:
			frappe.throw(
				_("Alerts are opened and closed by checks. Press Acknowledge, or Silence."),
				frappe.PermissionError,
			)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def acknowledge(self) -> None:
		"""Say that somebody has taken it on: it is told no more until it gets worse. For SaaS Manager and SaaS Support."""
		staff.only_for_staff()
		alert_records.acknowledge(self.name, frappe.session.user)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def silence(self, reason: str, hours: int | str = 4) -> str:
		"""Tell nobody of it for so many hours; returns until when. For SaaS Manager and SaaS Support.

		hours: 0 ends a silence. Raises frappe.ValidationError without a reason.
		"""
		staff.only_for_staff()
		hours = given.count(hours, "hours", alert_records.LONGEST_SILENCE)
		return str(get_datetime(alert_records.silence(self.name, reason, hours, frappe.session.user)))

	@staticmethod
	def clear_old_logs(days: int) -> None:
		"""Called each day by Frappe's Log Settings, which say how many days."""
		alert_records.prune(days)
