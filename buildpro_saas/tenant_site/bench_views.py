"""Frappe's views of the bench's jobs and workers. On a tenant's site they show the site's own jobs, and no workers.

Frappe asks no permission hook for virtual doctypes, nor for Administrator. So their classes are replaced. Up to version 15 Frappe
calls them with one dict of all arguments; from 16 on, with named arguments. Both forms are handed on to Frappe's own class.
"""

from typing import NoReturn

import frappe
from frappe import _
from frappe.core.doctype.rq_job.rq_job import RQJob
from frappe.core.doctype.rq_worker.rq_worker import RQWorker
from frappe.utils.background_jobs import create_job_id

from buildpro_saas import site_role


def refuse() -> NoReturn:
	"""Raise frappe.PermissionError: a tenant is not shown what the whole bench does."""
	frappe.throw(
		_("What the whole bench does is its operator's to see."),
		frappe.PermissionError,
		title=_("Not available here"),
	)


class OwnRQJob(RQJob):
	"""The site's own jobs. Frappe compares only how a job's id begins: so acme.example would see the jobs of acme.example.org."""

	@staticmethod
	def get_matching_job_ids(*args, **kwargs) -> list[str]:
		found = frappe.call(RQJob.get_matching_job_ids, *args, **kwargs)
		if not site_role.is_tenant_site():
			return found
		prefix = create_job_id("x")[:-1]
		return [job for job in found if job.startswith(prefix)]

	@staticmethod
	def get_list(*args, **kwargs) -> list:
		# Frappe's method asks Frappe's class for the ids, and not this one
		jobs = frappe.call(RQJob.get_list, *args, **kwargs)
		if not site_role.is_tenant_site():
			return jobs
		prefix = create_job_id("x")[:-1]
		return [job for job in jobs if job.name.startswith(prefix)]

	@staticmethod
	def get_count(*args, **kwargs) -> int:
		return len(OwnRQJob.get_matching_job_ids(*args, **kwargs))


class NoRQWorker(RQWorker):
	"""No workers: what the bench's workers are called, and what they do, is not for tenants."""

	def load_from_db(self) -> None:
		if site_role.is_tenant_site():
			refuse()
		super().load_from_db()

	@staticmethod
	def get_list(*args, **kwargs) -> list:
		return [] if site_role.is_tenant_site() else frappe.call(RQWorker.get_list, *args, **kwargs)

	@staticmethod
	def get_count(*args, **kwargs) -> int:
		return 0 if site_role.is_tenant_site() else frappe.call(RQWorker.get_count, *args, **kwargs)
