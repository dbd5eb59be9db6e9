"""Frappe's views of the bench, on tenants' sites: a site's jobs are its own, its workers are everybody's.

Virtual doctypes are asked without permission hooks (and Administrator everywhere), so the classes are replaced.
"""

from typing import NoReturn

import frappe
from frappe import _
from frappe.core.doctype.rq_job.rq_job import RQJob
from frappe.core.doctype.rq_worker.rq_worker import RQWorker
from frappe.utils.background_jobs import create_job_id

from buildpro_saas import site_role


def refuse() -> NoReturn:
	frappe.throw(
		_("What the whole bench does is its operator's to see."),
		frappe.PermissionError,
		title=_("Not available here"),
	)


class OwnRQJob(RQJob):
	"""Frappe goes by how a job's id begins: acme.example would see those of acme.example.org."""

	@staticmethod
	def get_matching_job_ids(args) -> list[str]:
		found = RQJob.get_matching_job_ids(args)
		if not site_role.is_tenant_site():
			return found
		prefix = create_job_id("x")[:-1]
		return [job for job in found if job.startswith(prefix)]

	@staticmethod
	def get_list(args) -> list:
		# Frappe's own asks its own class for the ids
		jobs = RQJob.get_list(args)
		if not site_role.is_tenant_site():
			return jobs
		prefix = create_job_id("x")[:-1]
		return [job for job in jobs if job.name.startswith(prefix)]

	@staticmethod
	def get_count(args) -> int:
		return len(OwnRQJob.get_matching_job_ids(args))


class NoRQWorker(RQWorker):
	"""Names, queues and current jobs of the bench's workers: none of a tenant's business."""

	def load_from_db(self) -> None:
		if site_role.is_tenant_site():
			refuse()
		super().load_from_db()

	@staticmethod
	def get_list(args) -> list:
		return [] if site_role.is_tenant_site() else RQWorker.get_list(args)

	@staticmethod
	def get_count(args) -> int:
		return 0 if site_role.is_tenant_site() else RQWorker.get_count(args)
