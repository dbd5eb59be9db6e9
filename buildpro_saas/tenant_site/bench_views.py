"""Frappe's views of the bench, on tenants' sites: a site's jobs are its own, its workers are everybody's.

Virtual doctypes are asked without permission hooks (and Administrator everywhere), so the classes are replaced. Up to 15 Frappe asks them
with one dict of all arguments, from 16 on with each by its name: whatever comes is handed on to its own class, as far as that takes it.
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
	def get_matching_job_ids(*args, **kwargs) -> list[str]:
		found = frappe.call(RQJob.get_matching_job_ids, *args, **kwargs)
		if not site_role.is_tenant_site():
			return found
		prefix = create_job_id("x")[:-1]
		return [job for job in found if job.startswith(prefix)]

	@staticmethod
	def get_list(*args, **kwargs) -> list:
		# Frappe's own asks its own class for the ids
		jobs = frappe.call(RQJob.get_list, *args, **kwargs)
		if not site_role.is_tenant_site():
			return jobs
		prefix = create_job_id("x")[:-1]
		return [job for job in jobs if job.name.startswith(prefix)]

	@staticmethod
	def get_count(*args, **kwargs) -> int:
		return len(OwnRQJob.get_matching_job_ids(*args, **kwargs))


class NoRQWorker(RQWorker):
	"""Names, queues and current jobs of the bench's workers: none of a tenant's business."""

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
