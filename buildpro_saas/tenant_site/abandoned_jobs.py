"""What a job asked for in case it fails, where the worker that had it died.

The next worker calls that then, as it starts and every few minutes, itself and on no site: its fault ends that worker and every one after it,
of all sites. Frappe's own (truncate_failed_registry) asks for the configuration of the job's site, which may be gone.
"""

import logging
from functools import wraps

from rq.exceptions import AbandonedJobError
from rq.job import Job

log = logging.getLogger("rq.worker")  # what workers write to the bench's log


def keep() -> None:
	"""Have the workers of this process outlive such a fault, and log it. RQ has no extension point for it: its method is wrapped."""
	original = Job.execute_failure_callback
	if getattr(original, "outlives_faults", False):
		return

	@wraps(original)
	def execute_failure_callback(self, death_penalty_class, *exc_info):
		try:
			return original(self, death_penalty_class, *exc_info)
		except Exception:
			# of a job that has just failed in its own process, RQ keeps the fault with the job
			if not exc_info or exc_info[0] is not AbandonedJobError:
				raise
			log.exception("Job %s was abandoned, and what it asked for in that case failed", self.id)

	execute_failure_callback.outlives_faults = True
	Job.execute_failure_callback = execute_failure_callback
