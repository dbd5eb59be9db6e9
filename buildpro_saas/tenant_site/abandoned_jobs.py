"""Keeps workers alive when the failure callback of an abandoned job fails.

A job can name a function to call if it fails. Where the job's worker died, the next worker calls that function: as it starts, and
every few minutes. It calls it in its own process and on no site. An error there would end that worker, and every worker after
it, for all sites. Frappe's own callback (truncate_failed_registry) needs the configuration of the job's site, which may be gone.
"""

import logging
from functools import wraps

from rq.exceptions import AbandonedJobError
from rq.job import Job

log = logging.getLogger("rq.worker")  # what workers write to the bench's log


def keep() -> None:
	"""Have the workers of this process survive such an error, and log it. RQ has no hook for this, so its method is wrapped."""
	original = Job.execute_failure_callback
	if getattr(original, "outlives_faults", False):
		return

	@wraps(original)
	def execute_failure_callback(self, death_penalty_class, *exc_info):
		try:
			return original(self, death_penalty_class, *exc_info)
		except Exception:
			# a job that has just failed in its own process: RQ keeps the error with the job
			if not exc_info or exc_info[0] is not AbandonedJobError:
				raise
			log.exception("Job %s was abandoned, and what it asked for in that case failed", self.id)

	execute_failure_callback.outlives_faults = True
	Job.execute_failure_callback = execute_failure_callback
