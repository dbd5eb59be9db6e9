import frappe
from frappe import _

from buildpro_saas.control_plane.access import arguments, staff
from buildpro_saas.control_plane.access.document import AdminDocument
from buildpro_saas.fleet import job_retention
from buildpro_saas.jobs import retry_cancel

# A failed job still knows what it has made: it is cancelled first.
DELETABLE = ("Completed", "Cancelled")


class ProvisioningJob(AdminDocument):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from buildpro_saas.control_plane.doctype.provisioning_job_step.provisioning_job_step import (
			ProvisioningJobStep,
		)

		alone: DF.Check
		bench: DF.Link | None
		cancel_requested: DF.Check
		database: DF.Data | None
		duration: DF.Float
		ended_at: DF.Datetime | None
		enqueued_at: DF.Datetime | None
		error: DF.Code | None
		hint: DF.Code | None
		holds: DF.Check
		image: DF.Data | None
		inputs: DF.Code | None
		mark: DF.Data | None
		peak_memory: DF.Float
		playbook: DF.Data | None
		priority: DF.Int
		run_after: DF.Datetime | None
		runs: DF.Int
		site_mark: DF.Data | None
		started_at: DF.Datetime | None
		state: DF.Code | None
		status: DF.Literal["Waiting", "Queued", "Running", "Cancelling", "Completed", "Failed", "Cancelled"]
		steps: DF.Table[ProvisioningJobStep]
		subject: DF.Data | None
		tenant: DF.Link | None
		title: DF.Data | None
		waits_for: DF.Link | None
		way: DF.Data | None
	# end: auto-generated types

	def validate(self) -> None:
		"""Jobs are the engine's record: nobody else makes or edits them."""
		if not self.flags.by_engine:
			frappe.throw(
				_(
					"A Provisioning Job is made and written by the engine. Change the Tenant, or use Retry and Cancel."
				),
				frappe.PermissionError,
			)

	def on_trash(self) -> None:
		"""Refuse to delete a job that may have left something half done, for it knows what it has made; or one that is still needed."""
		if self.status not in DELETABLE:
			frappe.throw(_("{0} is {1}. Cancel it before deleting it.").format(self.name, self.status))
		job_retention.check_not_needed(self.name)

	@staticmethod
	def clear_old_logs(days: int = 90) -> None:
		"""Delete jobs that ended more than so many days ago, except those that are still needed. Commits as it goes.

		Frappe's Log Settings call this once a day.
		"""
		job_retention.prune(int(days))

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def retry(self) -> None:
		"""Go on from the failed step. For SaaS Manager and SaaS Support: it repeats only what the job was made for."""
		staff.only_for_staff()
		retry_cancel.retry(self)

	@frappe.whitelist(methods=["POST"])
	@arguments.checked
	def cancel_job(self) -> None:
		"""Stop the job, and undo in reverse order what it did. For SaaS Manager only."""
		staff.only_for_manager()
		retry_cancel.cancel(self)
