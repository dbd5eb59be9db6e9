"""Who has a tenant's site to himself: a job from its first run to its end, or somebody with a short piece of work there."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe

from buildpro_saas.agent.errors import TransientError
from buildpro_saas.jobs import registry
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.jobs.named_locks import named_lock

LOCK = "site"
# Seconds after which to ask again: for a job's site (the job's end tells at once anyway), and for one that somebody has for a
# moment.
JOB_PAUSE, SHORT_PAUSE = 300, 1


class SiteTakenError(TransientError):
	"""Somebody else has the site at the moment, and the work is to be done later. pause: seconds after which to ask again."""

	def __init__(self, message: str, pause: float):
		super().__init__(message)
		self.pause = pause


@contextmanager
def held(tenant: str | None, *, wait: int = 0) -> Iterator[bool]:
	"""Have the tenant's site for the block, as long as this connection lives. Yields False where somebody else is at it.

	tenant: None is always free. wait: seconds. A job that waits to be resumed holds no lock; `taken` asks about it.
	"""
	if tenant is None:
		yield True
		return
	with named_lock(LOCK, tenant, wait=wait) as is_ours:
		yield is_ours


@contextmanager
def taken(tenant: str) -> Iterator[None]:
	"""Have the tenant's site for a short piece of work that belongs to no job of the tenant's.

	Raises SiteTakenError where a job has it, also one that waits to be resumed: what that began is half done.
	"""
	with held(tenant) as is_ours:
		if is_ours:
			frappe.db.commit()  # a fresh snapshot, taken under the lock
		if job := _holder(tenant):
			raise SiteTakenError(f"{job} has the site.", JOB_PAUSE)
		if not is_ours:
			raise SiteTakenError("Something else is being done with the site.", SHORT_PAUSE)
		yield


def _holder(tenant: str) -> str | None:
	"""The unfinished job that has the tenant's site to itself; None for none."""
	rows = frappe.db.sql(
		"select name, playbook from `tabProvisioning Job` where tenant = %s and holds = 1 and status in %s",
		(tenant, UNFINISHED),
	)
	for name, playbook in rows:
		found = registry.find(playbook)
		if not found or found.needs.site:
			return name
	return None
