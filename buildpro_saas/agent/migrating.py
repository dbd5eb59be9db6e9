"""Migrates the site of this process as `bench migrate` does, and tells what that did. It runs on a shadow of a site.

What a patch enqueues is for the site, not for the shadow: those jobs are kept aside in Redis until the shadow has the site's place
(`site_jobs.release`), or are forgotten.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from uuid import uuid4

import frappe
from frappe.migrate import SiteMigration
from frappe.modules import patch_handler
from frappe.utils import background_jobs

from buildpro_saas.agent import pending_migration, site_config, site_jobs
from buildpro_saas.agent.errors import AgentError, TransientError, is_transient, sentence
from buildpro_saas.agent.facts import OF_SHADOW
from buildpro_saas.agent.run_on_site import connects_itself

HELD_FOR = 24 * 3600  # seconds for which Redis keeps a job aside
UNTOUCHED = (
	"See the output for where. Correct the app or the data, then try again: the site itself is as it was."
)


@connects_itself
def run(site: str) -> dict:
	"""Migrate, and return what facts.Migrated has. site: the one that the shadow is of, for which jobs are kept aside.

	Raises AgentError, or TransientError for what passes by itself, with the patch that failed.
	"""
	shadow = frappe.local.site
	before = site_config.read(frappe.get_site_path())
	patches: list[tuple[str, float]] = []
	jobs: list[dict] = []
	try:
		with _noted(patches), _kept_aside(site, jobs):
			frappe.connect()
			SiteMigration().run(site=None)  # which leaves the site
	except BaseException as error:
		frappe.init(site=shadow)  # migrating has left the site, however it ended
		site_jobs.forget_kept(jobs)
		raise _fault(error, patches) from error
	frappe.init(site=shadow)
	frappe.connect()
	pending_migration.note()
	after = site_config.read(frappe.get_site_path())
	return {
		"patches": [(name, seconds) for name, seconds in patches if seconds >= 0],
		"jobs": jobs,
		"config": {
			key: after.get(key)
			for key in sorted(before.keys() | after.keys())
			if before.get(key) != after.get(key) and key not in OF_SHADOW and not key.startswith("buildpro_")
		},
		"left": pending_migration.reasons(),
	}


def _fault(error: BaseException, patches: list[tuple[str, float]]) -> AgentError:
	"""The error as one sentence: which patch failed, and with what."""
	at_work = next((name for name, seconds in patches if seconds < 0), None)
	what = f"The patch {at_work} failed" if at_work else "Migrating failed"
	told = f"exit status {error.code}" if isinstance(error, SystemExit) else sentence(error)
	kind = TransientError if is_transient(error) else AgentError
	return kind(f"{what}: {told}", UNTOUCHED)


@contextmanager
def _noted(patches: list[tuple[str, float]]) -> Iterator[None]:
	"""Note each patch that is run, with its seconds; -1 for one that has not ended."""
	original = patch_handler.run_single

	@wraps(original)
	def run_single(patchmodule=None, *args: Any, **kwargs: Any):
		name = str(patchmodule).strip()
		patches.append((name, -1))
		began = time.monotonic()
		answer = original(patchmodule, *args, **kwargs)
		patches[-1] = (name, time.monotonic() - began)
		return answer

	patch_handler.run_single = run_single
	try:
		yield
	finally:
		patch_handler.run_single = original


@contextmanager
def _kept_aside(site: str, jobs: list[dict]) -> Iterator[None]:
	"""Have what is enqueued become a job of `site` that no worker sees yet; `jobs` gets what site_jobs.release needs."""
	original = background_jobs.get_queue

	def get_queue(*args: Any, **kwargs: Any):
		return _Aside(original(*args, **kwargs), site, jobs)

	background_jobs.get_queue = get_queue
	try:
		yield
	finally:
		background_jobs.get_queue = original


class _Aside:
	"""A queue whose new jobs wait beside it."""

	def __init__(self, queue, site: str, jobs: list[dict]):
		self._queue, self._site, self._jobs = queue, site, jobs

	def __getattr__(self, name: str) -> Any:
		return getattr(self._queue, name)

	def enqueue_call(self, func, *, at_front: bool = False, **options: Any):
		"""As rq's Queue.enqueue_call, but for putting the job into the queue."""
		asked = options.pop("job_id", None)
		if any(asked and job["asked"] == asked for job in self._jobs):
			return None
		options["kwargs"] = {**(options.get("kwargs") or {}), "site": self._site}
		separator = next(
			(each for each in site_jobs.SEPARATORS if asked and each in asked), site_jobs.SEPARATORS[0]
		)
		job = self._queue.create_job(func, job_id=f"{self._site}{separator}{uuid4()}", **options)
		job.meta[site_jobs.ASIDE] = True
		job.save()
		self._queue.connection.expire(job.key, HELD_FOR)
		self._jobs.append(
			{"queue": self._queue.name, "id": job.id, "at_front": bool(at_front), "asked": asked}
		)
		return job
