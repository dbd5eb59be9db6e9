"""Brings scheduled jobs of ours to their turn: the admin site's at once, each tenant site's pull at a minute of its own."""

import zlib
from datetime import datetime, timedelta

import frappe
from frappe.core.doctype.scheduled_job_type.scheduled_job_type import ScheduledJobType
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.jobs import queue
from buildpro_saas.scheduled_jobs import ADMIN_JOBS, PULL

AWAKE = "BuildPro SaaS looks after its tenants"
AWAKE_FOR = timedelta(days=1)  # Frappe's patience is the System Settings' Dormant Days, 4 by default
# By how much a job's last run may be later than now: two machines' clocks, or a run that began between two looks.
TOLERANCE = timedelta(minutes=1)


def stay_awake() -> None:
	"""Once a day, note in the Activity Log that this site is at work. Commits nothing.

	Frappe takes a site for dormant when the log has no entry of the last days, such as sign-ins make. It then runs the site's scheduled
	jobs once a day only (frappe/utils/scheduler.py, is_dormant). An admin site that is used from a shell or over its API has no sign-ins.
	"""
	newest = frappe.get_all("Activity Log", pluck="modified", order_by="modified desc", limit=1)
	if not newest or now_datetime() - get_datetime(newest[0]) > AWAKE_FOR:
		frappe.get_doc({"doctype": "Activity Log", "subject": AWAKE}).insert(ignore_permissions=True)


class PromptScheduledJobType(ScheduledJobType):
	"""Frappe's own, with another queue for ADMIN_JOBS, another minute for PULL, and no waiting for a time that was none.

	Frappe puts every scheduled job into `default`, one list for all sites of the bench. At a full hour, or when the scheduler starts for
	the first time (some 45 jobs for a site, about a second each), a lost job would be found minutes late. Frappe's workers take `short`
	first, or it has workers of its own. Our jobs take seconds.
	"""

	def get_next_execution(self) -> datetime:
		"""As Frappe's, but each site pulls at a minute of its own: a thousand sites must not all ask at the full hour."""
		at = super().get_next_execution()
		if self.method == PULL:
			at += timedelta(seconds=zlib.crc32(frappe.local.site.encode()) % 3600)
		return at

	def is_event_due(self, current_time: datetime | None = None) -> bool:
		"""As Frappe's, but a job whose last run, or whose making, lies in the future is due now.

		Frappe counts from there, in the site's own time. A new site has the framework's time zone until somebody sets another, which may be
		half a day behind: until then it would send no mail, and an admin site would find no lost job. The same after a clock was ahead.
		"""
		now = current_time or now_datetime()
		since = get_datetime(self.last_execution or self.creation)
		return since > now + TOLERANCE or super().is_event_due(current_time)

	def get_queue_name(self) -> str:
		return "short" if self.method in ADMIN_JOBS else super().get_queue_name()

	def is_job_in_queue(self) -> bool:
		"""As Frappe's, but a run whose worker was killed counts no longer than its heartbeat (90 s).

		RQ itself clears such runs away only every ten minutes, and until then Frappe starts no other one.
		"""
		if self.method in ADMIN_JOBS:
			queue.clear_dead_runs(self.get_queue_name())
		return super().is_job_in_queue()
