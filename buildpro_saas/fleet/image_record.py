"""What jobs write into a Site Image's record, and which jobs are at one."""

import frappe
from frappe.utils import now_datetime

from buildpro_saas.agent.facts import Contents
from buildpro_saas.jobs.ending import UNFINISHED


def set_stale(image: str, reason: str) -> None:
	"""Record that the image is not to be copied any more, and commit."""
	frappe.db.set_value(
		"Site Image", {"name": image, "status": "Ready"}, {"status": "Stale", "reason": reason}
	)
	frappe.db.commit()


def build_is(inputs: dict, status: str) -> None:
	"""Give the image the status that follows from its building job's status. inputs: the job's."""
	values = {
		"Running": {"status": "Building", "reason": ""},
		"Failed": {"status": "Failed", "reason": "See its job"},
		"Cancelled": {"status": "Failed", "reason": "Its job was cancelled"},
	}
	if status in values:
		frappe.db.set_value(
			"Site Image", {"name": inputs["image"], "status": ("!=", "Ready")}, values[status]
		)


def begin_again(image: str) -> None:
	"""Note that the image is being built: its database is about to go, so nobody may copy it. Commits."""
	frappe.db.set_value("Site Image", image, {"status": "Building", "contents": None})
	frappe.db.commit()


def unfinished_job(image: str) -> str | None:
	"""The job that builds the image, where it has not ended, or has failed and may still have something to undo; else None."""
	job = frappe.db.get_value("Site Image", image, "job")
	status = job and frappe.db.get_value("Provisioning Job", job, "status")
	return job if status not in ("Completed", "Cancelled", None) else None


def is_in_hand(playbook: str, image: str) -> bool:
	"""Whether a job of that playbook for the image has not ended, or has failed."""
	of_image = {"image": image, "playbook": playbook, "status": ("in", (*UNFINISHED, "Failed"))}
	return bool(frappe.db.exists("Provisioning Job", of_image))


def record(
	image: str,
	*,
	apps: list[dict],
	database: str,
	mark: str,
	contents: Contents,
	company: dict | None,
	seconds: float,
) -> None:
	"""Write down what the sealed image is, and let it be copied once this transaction commits.

	company: what tenant_site.prepared_company.prepare said of the one that is set up in it, None without one.
	"""
	doc = frappe.get_doc("Site Image", image)
	doc.update(
		{
			"status": "Ready",
			"reason": "",
			"database": database,
			"mark": mark,
			"built_at": now_datetime(),
			"build_seconds": seconds,
			"tables": len(contents.tables),
			"size": contents.size / 10**6,
			"contents": frappe.as_json(vars(contents)),
			"prepared_company": frappe.as_json(company) if company else None,
			"valid_until": company and company["valid_until"],
		}
	)
	doc.set("apps", [{**app, "schema_digest": app["schema"]} for app in apps])
	doc.save(ignore_permissions=True)
