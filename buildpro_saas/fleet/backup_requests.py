"""What staff and the schedule ask of backups: take one, say which there are, write one into a folder."""

import secrets

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backups, benches
from buildpro_saas.jobs import lifecycle, sites
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import WITH_SITE

EXPORT_SECONDS = 6 * 3600


def start(tenant, *, kind: str = backups.BY_HAND, why: str = "", turn=None) -> tuple[str, str]:
	"""Start the job that takes a backup of the tenant's (document) site; returns the backup's name and the job's.

	turn: of the schedule (backup_times.Turn), where it is for one. Raises frappe.ValidationError, and nothing is begun, where the tenant has
	no site that can be reached from here, one is being taken, or there is no recovery key.
	"""
	if tenant.status not in WITH_SITE:
		refuse(_("{0} is {1}, and has no site to back up."), tenant.name, _(tenant.status))
	benches.only_reached(tenant.bench)
	if job := backups.under_way(tenant.name):
		refuse(_("{0} takes a backup of {1} already: wait for its end (`saas job {0}`)."), job, tenant.name)
	of_turn = {"for_day": turn.day, "turn": turn.number} if turn else {}
	name = backups.note(tenant.name, tenant.bench, kind=kind, why=why, **of_turn)
	job = lifecycle.start(backups.PLAYBOOK, tenant=tenant.name, bench=tenant.bench, inputs={"backup": name})
	frappe.db.set_value(backups.DOCTYPE, name, "job", job.name)
	return name, job.name


def overview(tenant: str | None) -> list[dict]:
	"""The tenant's backups (None: this site's) that are there or failed, the newest first."""
	fields = ["name", "kind", "status", "taken_at", "size", "added", "seconds", "place", "expires_on"]
	fields += ["verified_at", "verified_how", "recover_seconds", "drill_error", "why", "error"]
	filters = {"tenant": tenant or ("is", "not set"), "status": ("!=", backups.FORGOTTEN)}
	return frappe.get_all(backups.DOCTYPE, filters, fields, order_by="creation desc")


def of_tenant(tenant: str, name: str | None) -> str:
	"""The tenant's backup of that name; None: the newest that is kept. Raises frappe.ValidationError for another tenant's, or where none is kept."""
	filters = {"tenant": tenant, "status": backups.KEPT}
	if not name:
		if found := frappe.get_all(backups.DOCTYPE, filters, pluck="name", order_by="taken_at desc", limit=1):
			return found[0]
		refuse(_("{0} has no backup that is kept."), tenant)
	row = frappe.db.get_value(backups.DOCTYPE, name, ["tenant", "status"], as_dict=True)
	if not row or row.tenant != tenant:
		refuse(_("There is no backup {0} of {1}: see `saas backups {1}`."), name, tenant)
	if row.status != backups.KEPT:
		refuse(_("{0} is {1}: only a kept one can be read."), name, _(row.status))
	return name


def export(name: str, folder: str) -> list[str]:
	"""Write the backup into a folder of its bench's machine as the four files of `bench backup --with-files`; returns their paths.

	It comes from offsite where the store on the machine does not have it.

	Raises frappe.ValidationError while a job has its tenant's site, and where the store or the folder refuses.
	"""
	row = frappe.db.get_value(backups.DOCTYPE, name, ["tenant", "bench"], as_dict=True)
	benches.only_reached(row.bench)
	asked = {**backups.reading_spec(name), "to": folder}
	try:
		with sites.taken(row.tenant):
			return door_of(row.bench).run(
				"export_backup",
				id=f"export/{name}/{secrets.token_hex(4)}",
				timeout=EXPORT_SECONDS,
				log=lambda _line: None,
				checkpoint=lambda: None,
				**asked,
			)
	except AgentError as error:
		refuse("{0}", error.advice, title=_("Backup"))
