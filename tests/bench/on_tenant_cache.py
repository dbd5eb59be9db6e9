"""What the tests of operations do on a tenant's site."""

import frappe

WHAT, WHOSE = "bootinfo", "buildpro-test"


def put() -> None:
	frappe.cache.hset(WHAT, WHOSE, 1)


def has() -> bool:
	return frappe.cache.hget(WHAT, WHOSE) is not None


def console_notes() -> list:
	rows = frappe.get_all("Activity Log", {"subject": ("like", "%opened a console%")}, ["content", "user"])
	return [[row.content, row.user] for row in rows]


def enqueue(title: str) -> None:
	"""A job of the site that writes a note."""
	note = {"doctype": "Note", "title": title, "content": title}
	frappe.enqueue("frappe.client.insert", doc=note)


def is_put_back() -> bool:
	"""Whether a job of this site has found it held."""
	from frappe.utils.background_jobs import get_queues
	from rq.job import Job
	from rq.registry import StartedJobRegistry

	for queue in get_queues():
		started = queue.connection.zrange(StartedJobRegistry(queue=queue).key, 0, -1)
		names = [*queue.job_ids, *(each.decode() for each in started)]
		for name in names:
			if name.startswith(frappe.local.site) and Job.exists(name, queue.connection):
				if Job.fetch(name, connection=queue.connection).meta.get("buildpro_put_back"):
					return True
	return False


def titles() -> list[str]:
	return frappe.get_all("Note", pluck="title", order_by="title")
