"""Drills: a backup is restored for real into a shadow, compared, asked, and dropped. What came of it stands on Backup and Tenant.

A failed one is an alert (monitoring/checks/records.py). As long as a tenant's last drill is a failed one, none of its backups is forgotten.
"""

import frappe
from frappe import _
from frappe.utils import now_datetime

from buildpro_saas import tenant_status
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Manifest
from buildpro_saas.fleet import backup_requests, backups, shadows
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import is_reached
from buildpro_saas.refusal import refuse

PASSED = "Passed"
# The steps that somebody waits for who restores; the comparison is a part of loading.
RECOVERING = ("fetch_to_drill", "judge_to_drill", "load_and_compare", "migrate_dry", "ask_shadow")


def start(name: str) -> str:
	"""Start the job that drills the tenant's newest backup; returns the job's name, or that of the one that does so already.

	name: the tenant's. Raises frappe.ValidationError, and nothing is begun, where there is no backup, or it cannot be read from here.
	"""
	if job := under_way(name):
		return job
	tenant = frappe.get_doc("Tenant", name)
	shadows.check_has_site(tenant)
	backup = backup_requests.of_tenant(name, None)
	bench = frappe.db.get_value(backups.DOCTYPE, backup, "bench")
	if bench != tenant.bench:
		refuse(
			_("{0} lies on the bench {1}, and the site is on {2}: back it up there."),
			backup,
			bench,
			tenant.bench,
		)
	backups.spec(backup)  # with its key, or not at all
	_shadow, job = shadows.start_job(
		shadows.DRILL,
		tenant,
		_("A drill of {0}").format(backup),
		backup=backup,
		from_tenant=None,
	)
	frappe.db.set_value(backups.DOCTYPE, backup, "drill", job)
	return job


def under_way(tenant: str) -> str | None:
	"""The unfinished job that drills a backup of the tenant's; None for none."""
	filters = {"tenant": tenant, "playbook": shadows.DRILL, "status": ("in", shadows.UNDER_WAY)}
	return frappe.db.get_value("Provisioning Job", filters)


def next_in_line() -> str | None:
	"""The Active tenant with a backup on its bench whose last drill is the oldest, or that never had one; None for none."""
	having = {"status": backups.KEPT, "tenant": ("is", "set")}
	with_backup = frappe.get_all(backups.DOCTYPE, having, pluck="tenant", distinct=True)
	of = {"name": ("in", with_backup), "status": tenant_status.ACTIVE}
	order = "ifnull(drilled_at, '1970-01-01'), name"
	rows = frappe.get_all("Tenant", of, ["name", "bench"], order_by=order) if with_backup else []
	return next((row.name for row in rows if is_reached(row.bench)), None)


def manifest_on_record(backup: str) -> Manifest:
	"""What the record says that the backup holds. Raises AgentError where that is nothing: a drill that compares nothing proves nothing."""
	text = frappe.db.get_value(backups.DOCTYPE, backup, "manifest")
	try:
		noted = frappe.parse_json(text or "{}")
		found = Manifest(dict(noted["tables"]), str(noted["schema"]), int(noted["size"]))
		rows = sum(int(rows) for rows, _checksum in found.tables.values())
	except (KeyError, TypeError, ValueError):
		raise AgentError(
			f"The record of {backup} has no manifest: there is nothing to compare.", TAKE_ANOTHER
		) from None
	if not rows:
		raise AgentError(f"The manifest of {backup} has no rows: there is nothing to compare.", TAKE_ANOTHER)
	return found


TAKE_ANOTHER = "Take another backup, and drill that."


def seconds_to_recover(job: str) -> float:
	"""What a restore of the drilled backup takes: the seconds of the job's steps up to the sign-in."""
	filters = {"parent": job, "parenttype": "Provisioning Job", "step_key": ("in", RECOVERING)}
	return sum(frappe.get_all("Provisioning Job Step", filters, pluck="duration"))


# -- what came of it -------------------------------------------------------------------------------------------------


def job_is(inputs: dict, status: str) -> None:
	"""The playbook's on_status: Backup and Tenant say what came of the drill; the shadow of a failed one goes."""
	shadow, backup = shadows.row(inputs["shadow"]), inputs["backup"]
	if status in ("Failed", "Cancelled") and shadow.status != shadows.DROPPED:
		frappe.db.set_value(shadows.DOCTYPE, shadow.name, "status", shadows.DROPPING)
	if status not in ("Completed", "Failed"):
		return
	job = frappe.db.get_value("Provisioning Job", {"mark": shadow.mark}, ["name", "error"], as_dict=True)
	if status == "Completed":
		_passed(shadow.tenant, backup, seconds_to_recover(job.name))
	else:
		_failed(shadow.tenant, backup, job)


def _passed(tenant: str, backup: str, seconds: float) -> None:
	now = now_datetime()
	proven = {
		"verified_at": now,
		"verified_how": backups.RESTORED,
		"recover_seconds": seconds,
		"drill_error": "",
	}
	frappe.db.set_value(backups.DOCTYPE, backup, proven)
	of_tenant = {"drill_status": PASSED, "drilled_at": now, "recover_seconds": seconds, "drill_error": ""}
	frappe.db.set_value("Tenant", tenant, of_tenant, update_modified=False)


def _failed(tenant: str, backup: str, job) -> None:
	error = job.error or _("See {0}.").format(job.name)
	frappe.db.set_value(backups.DOCTYPE, backup, "drill_error", error)
	of_tenant = {
		"drill_status": backups.DRILL_FAILED,
		"drill_failed_at": now_datetime(),
		"drill_error": error,
	}
	frappe.db.set_value("Tenant", tenant, of_tenant, update_modified=False)


def drop_what_failed(bench: str) -> None:
	"""After each run of a drill on the bench: drop the shadows of those that failed, now and not in ten minutes."""
	if not is_reached(bench):
		return
	for shadow in frappe.get_all(shadows.DOCTYPE, {"status": shadows.DROPPING, "bench": bench}, ["name"]):
		if not shadows.job_about(shadow.name):
			lifecycle.shielded(lambda of: shadows.drop_unless_taken(of.name), shadow)
