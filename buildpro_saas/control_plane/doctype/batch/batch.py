import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.fleet import job_retention
from buildpro_saas.jobs import batch_rows, batches


class Batch(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		completed: DF.Int
		duration: DF.Float
		ended_at: DF.Datetime | None
		failed: DF.Int
		forgiven: DF.Int
		inputs: DF.Code | None
		left_out: DF.Int
		playbook: DF.Data | None
		priority: DF.Int
		reason: DF.SmallText | None
		started_at: DF.Datetime | None
		status: DF.Literal["Waiting", "Running", "Paused", "Stopped", "Completed", "Cancelled"]
		stop_after: DF.Int
		stop_rate: DF.Percent
		title: DF.Data | None
		total: DF.Int
		width: DF.Int
	# end: auto-generated types

	def onload(self) -> None:
		"""Give the form the rows' numbers and failures."""
		self.set_onload("progress", batch_rows.progress(self.name))

	def validate(self) -> None:
		"""Batches are the engine's record: nobody else makes or edits them."""
		if not self.flags.by_engine:
			frappe.throw(
				_(
					"A Batch is made and written by the engine. Use Pause, Resume, Leave Out, Retry Failed and Cancel."
				),
				frappe.PermissionError,
			)

	def on_trash(self) -> None:
		"""Its rows go with it, once it has ended."""
		if self.status not in batches.ENDED:
			frappe.throw(_("{0} is {1}. Cancel it before deleting it.").format(self.name, _(self.status)))
		frappe.db.delete("Batch Row", {"batch": self.name})

	@staticmethod
	def clear_old_logs(days: int = 30) -> None:
		"""Delete batches that ended more than so many days ago, with their rows. Commits as it goes.

		Frappe's Log Settings call this once a day.
		"""
		job_retention.prune_batches(int(days))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def pause(self) -> None:
		"""Give no tenant a turn until it is resumed; those at work end theirs. For SaaS Manager and SaaS Support."""
		staff.only_for_staff()
		batches.pause(self.name)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def resume(self) -> None:
		"""Go on after a pause, or after its rules had stopped it. For SaaS Manager and SaaS Support."""
		staff.only_for_staff()
		batches.resume(self.name)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def retry_failed(self) -> int:
		"""Give the tenants that failed another turn; returns how many. For SaaS Manager and SaaS Support."""
		staff.only_for_staff()
		return batches.retry_failed(self.name)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def leave_out(self, tenants: list | str) -> int:
		"""Take tenants out that have not had their turn; returns how many. For SaaS Manager only.

		tenants: names, as a list or separated by commas. Raises frappe.ValidationError for a tenant that the batch does not have.
		"""
		staff.only_for_manager()
		return batches.leave_out(self.name, arguments_names(tenants))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def cancel_batch(self) -> None:
		"""Leave out all that have not had their turn, and end it. For SaaS Manager only."""
		staff.only_for_manager()
		batches.cancel(self.name)

	@frappe.whitelist()
	@arguments.checked
	def progress(self) -> dict:
		"""What the form shows while it goes on: batch_rows.progress."""
		staff.only_for_staff()
		return batch_rows.progress(self.name)


def arguments_names(tenants: list | str) -> list[str]:
	"""The names in a list, JSON, or text with commas. Raises frappe.ValidationError for anything else."""
	try:
		found = (
			frappe.parse_json(tenants) if isinstance(tenants, str) and tenants.startswith("[") else tenants
		)
	except (ValueError, RecursionError):  # no JSON, or nested too deep
		found = None
	if isinstance(found, str):
		found = [name.strip() for name in found.split(",")]
	if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
		frappe.throw(_("Say which tenants, as a list of their names."), frappe.ValidationError)
	return [name for name in found if name]
