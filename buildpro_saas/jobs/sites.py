"""Who has a tenant's site to himself: a job from its first run to its end, or somebody who does a short piece of work there."""

from collections.abc import Iterator
from contextlib import contextmanager

import frappe

from buildpro_saas.agent.errors import TransientError
from buildpro_saas.jobs import registry
from buildpro_saas.jobs.ending import UNFINISHED
from buildpro_saas.jobs.named_locks import named_lock

LOCK = "site"


class SiteTakenError(TransientError):
	"""A site is another job's at the moment: the work is to be done later."""


@contextmanager
def held(tenant: str | None, *, wait: int = 0) -> Iterator[bool]:
	"""Have the tenant's site for the block, as long as this connection lives; yields False where somebody else is at it.

	`wait` in seconds. None, for no tenant, is always free. It says nothing of a job that waits to be resumed: see `taken`.
	"""
	if tenant is None:
		yield True
		return
	with named_lock(LOCK, tenant, wait=wait) as is_ours:
		yield is_ours


@contextmanager
def taken(tenant: str) -> Iterator[None]:
	"""Have the tenant's site for a short piece of work that belongs to no job of the tenant's.

	Raises SiteTakenError where a job has it, also one that waits to go on: what it has begun there is half done.
	"""
	with held(tenant) as is_ours:
		if is_ours:
			frappe.db.commit()  # a fresh snapshot, taken under the lock
		if job := _holder(tenant):
			raise SiteTakenError(f"{job} has the site.")
		if not is_ours:
			raise SiteTakenError("Something else is being done with the site.")
		yield


def _holder(tenant: str) -> str | None:
	"""The job that has the tenant's site to itself and has not ended."""
	filters = {"tenant": tenant, "holds": 1, "status": ("in", UNFINISHED)}
	for job in frappe.get_all("Provisioning Job", filters, ["name", "playbook"]):
		playbook = registry.find(job.playbook)
		if not playbook or playbook.needs.site:
			return job.name
	return None
