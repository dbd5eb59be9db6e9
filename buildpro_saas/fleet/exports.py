"""Exports for which a tenant's System Manager asks on his own site: a fresh backup of it, as files that he fetches there.

His site asks by its token (api/exports.py). What the plan says is asked of the records, and counted here: the site cannot say otherwise.
"""

import secrets
import time

import frappe
from frappe import _
from frappe.utils import add_to_date, convert_utc_to_system_timezone, now_datetime
from frappe.utils.data import get_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backup_keys, backups
from buildpro_saas.jobs import lifecycle, sites
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.licensing import signing
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import WITH_SITE

PLAYBOOK = "export_for_tenant"
LIMIT = "exports_per_day"  # of a plan; a tenant without it has none
HOURS = 24
PREPARING, FAILED = "Preparing", "Failed"
LONGEST_USER = 140


class NoExportError(frappe.ValidationError):
	"""There is none now. The sentence is for the tenant, and says nothing of how the service is run."""


def start(name: str, user: str) -> str:
	"""Start the job that takes a backup of the tenant's site and puts it there as files; returns the job's name. The caller commits.

	user: who asks there. Raises NoExportError where the plan has none or no more today, one is being prepared, or none can be made now.
	"""
	frappe.db.commit()
	frappe.db.get_value(
		"Tenant", name, "name", for_update=True
	)  # of two at once, the second one sees the first
	tenant = frappe.get_doc("Tenant", name)
	check(tenant)
	store = backup_keys.store_of(tenant.name, tenant.bench)
	backup = frappe.get_doc(
		{
			"doctype": backups.DOCTYPE,
			"tenant": tenant.name,
			"bench": tenant.bench,
			"store": store,
			"kind": backups.BY_HAND,
			"why": _("Export for {0}").format(user[:LONGEST_USER]),
			"status": backups.TAKING,
			"place": backups.LOCAL,
			"backup_id": secrets.token_hex(8),
		}
	).insert(ignore_permissions=True)
	job = lifecycle.start(PLAYBOOK, tenant=tenant.name, bench=tenant.bench, inputs={"backup": backup.name})
	frappe.db.set_value(backups.DOCTYPE, backup.name, "job", job.name)
	_tell(tenant.site, tenant.bench, {"state": PREPARING})
	return job.name


def check(tenant) -> None:
	"""Raise NoExportError where no export for the tenant (document) may begin now."""
	limit = signing.decisions(tenant).limits.get(LIMIT)
	contact = frappe.db.get_single_value("SaaS Settings", "support_contact") or _("your provider")
	if not limit or limit.value < 1:
		refuse(_("Your plan has no export of all data. Please ask {0}."), contact, error=NoExportError)
	if under_way(tenant.name):
		refuse(_("An export is being prepared already."), error=NoExportError)
	if used_today(tenant.name) >= limit.value:
		refuse(
			_(
				"Your plan has {0} exports of all data a day, and today's are used up: ask again after midnight, UTC."
			),
			limit.value,
			error=NoExportError,
		)
	if tenant.status not in WITH_SITE or not is_reached(tenant.bench) or not backup_keys.recipient():
		refuse(_("No export can be prepared here. Please ask {0}."), contact, error=NoExportError)


def under_way(tenant: str) -> str | None:
	"""The unfinished job that prepares an export for the tenant; None for none."""
	of = {"tenant": tenant, "playbook": PLAYBOOK, "status": ("in", backups.UNFINISHED)}
	return frappe.db.get_value("Provisioning Job", of)


def used_today(tenant: str) -> int:
	"""How many exports of the tenant were begun today (UTC), without those that failed."""
	midnight = time.strftime("%Y-%m-%d 00:00:00", time.gmtime())
	since = convert_utc_to_system_timezone(get_datetime(midnight)).replace(tzinfo=None)
	of = {"tenant": tenant, "playbook": PLAYBOOK, "creation": (">=", since)}
	return frappe.db.count("Provisioning Job", {**of, "status": ("not in", ("Failed", "Cancelled"))})


def until() -> tuple[float, object]:
	"""When an export that is ready now goes: seconds since the epoch, and as this site's records have it."""
	hours = frappe.db.get_single_value("SaaS Settings", "export_hours") or HOURS
	return time.time() + hours * 3600, add_to_date(now_datetime(), hours=hours)


def job_is(inputs: dict, status: str) -> None:
	"""The playbook's on_status: the backup's record follows, and the site shows that there is no export."""
	backups.job_is(inputs, status)
	if status in ("Failed", "Cancelled"):
		tenant = frappe.db.get_value(backups.DOCTYPE, inputs["backup"], "tenant")
		site, bench = frappe.db.get_value("Tenant", tenant, ["site", "bench"])
		_tell(site, bench, {"state": FAILED})


def remove_expired() -> None:
	"""Every ten minutes, on the admin site: remove the files of exports whose time is over."""
	if not site_role.is_admin_site():
		return
	filters = [["export_until", "is", "set"], ["export_until", "<", now_datetime()]]
	for row in frappe.get_all(backups.DOCTYPE, filters, ["name", "tenant", "bench"]):
		if is_reached(row.bench):
			lifecycle.shielded(_remove, row)


def _remove(row) -> None:
	with sites.held(row.tenant) as is_ours:
		if not is_ours:
			return  # ten minutes later
		site = frappe.db.get_value("Tenant", row.tenant, "site")
		if not site or door_of(row.bench).do("remove_expired_export", site=site):
			frappe.db.set_value(backups.DOCTYPE, row.name, "export_until", None)
		frappe.db.commit()


def _tell(site: str, bench: str, state: dict) -> None:
	"""Have the site show it. Where that cannot be, the log has the reason: the job's own record says the same."""
	try:
		door_of(bench).do("note_export", site=site, state=state)
	except (AgentError, OSError):
		frappe.log_error(title=f"{site} could not be told of its export")
