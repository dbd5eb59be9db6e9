"""What Frappe's scheduler starts on the admin site, and how it comes to its turn at once."""

import zlib
from datetime import datetime, timedelta

import frappe
from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.jobs import queue
from buildpro_saas.scheduled_jobs import ADMIN_JOBS, PULL

AWAKE = "BuildPro SaaS looks after its tenants"
AWAKE_FOR = timedelta(days=1)  # Frappe's patience is the System Settings' Dormant Days, 4 by default


def stay_awake() -> None:
	"""Once a day, note in the Activity Log that this site is at work; commits nothing.

	Frappe takes a site without an entry of the last days, as sign-ins make them, for dormant, and runs its scheduled jobs once a
	day only (frappe/utils/scheduler.py, is_dormant). An admin site that is used from a shell or over its API has none.
	"""
	newest = frappe.get_all("Activity Log", pluck="modified", order_by="modified desc", limit=1)
	if not newest or now_datetime() - get_datetime(newest[0]) > AWAKE_FOR:
		frappe.get_doc({"doctype": "Activity Log", "subject": AWAKE}).insert(ignore_permissions=True)


class PromptScheduledJobType(ScheduledJobType):
	"""Frappe's own, but for ADMIN_JOBS.

	Frappe puts every scheduled job into `default`, on one list with those of all sites of the bench: at a full hour, or
	when the scheduler starts for the first time (some 45 jobs for a site, about a second each), a lost job would be found
	minutes late. `short` comes first with Frappe's workers, or has workers of its own; these jobs take seconds.
	"""

	def get_next_execution(self) -> datetime:
		"""As Frappe's, but a thousand sites do not all ask their admin site at the full hour: each has a minute of its own."""
		at = super().get_next_execution()
		if self.method == PULL:
			at += timedelta(seconds=zlib.crc32(frappe.local.site.encode()) % 3600)
		return at

	def get_queue_name(self) -> str:
		return "short" if self.method in ADMIN_JOBS else super().get_queue_name()

	def is_job_in_queue(self) -> bool:
		"""As Frappe's, but a run whose worker was killed counts for no longer than its heartbeat (90 s).

		RQ itself clears such runs away every ten minutes only, and Frappe starts no other one until then.
		"""
		if self.method in ADMIN_JOBS:
			queue.clear_dead_runs(self.get_queue_name())
		return super().is_job_in_queue()
