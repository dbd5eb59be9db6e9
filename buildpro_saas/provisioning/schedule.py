"""What Frappe's scheduler starts on the admin site, and how it comes to its turn at once."""

from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType

from buildpro_saas.provisioning import queue

ADMIN_JOBS = tuple(
	f"buildpro_saas.provisioning.{part}.look_after"
	for part in ("jobs", "standby", "images", "reconciliation")
)


class PromptScheduledJobType(ScheduledJobType):
	"""Frappe's own, but for ADMIN_JOBS.

	Frappe puts every scheduled job into `default`, on one list with those of all sites of the bench: at a full hour, or
	when the scheduler starts for the first time (some 45 jobs for a site, about a second each), a lost job would be found
	minutes late. `short` comes first with Frappe's workers, or has workers of its own; these jobs take seconds.
	"""

	def get_queue_name(self) -> str:
		return "short" if self.method in ADMIN_JOBS else super().get_queue_name()

	def is_job_in_queue(self) -> bool:
		"""As Frappe's, but a run whose worker was killed counts for no longer than its heartbeat (90 s).

		RQ itself clears such runs away every ten minutes only, and Frappe starts no other one until then.
		"""
		if self.method in ADMIN_JOBS:
			queue.clear_dead_runs(self.get_queue_name())
		return super().is_job_in_queue()
