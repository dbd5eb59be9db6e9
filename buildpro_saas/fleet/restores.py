"""Restores of tenants' sites from backups: loaded into a shadow, checked there, and put in the site's place by a swap.

Until the swap the site is as it was. Afterwards it is a Site Shadow for some hours, and the swap can be taken back. Where the site's folder
or database is lost there is nothing to swap: the shadow becomes the site, and what was left goes to the trash.
"""

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import (
	backup_requests,
	backups,
	engaged,
	lost_sites,
	point_in_time,
	shadows,
	site_state,
)
from buildpro_saas.jobs import inline, sites
from buildpro_saas.jobs.batch_runner import TenantWork, Turn
from buildpro_saas.refusal import refuse

HOUR = 3600
PAUSE = 30  # seconds until a tenant is looked at again of which another job waits for the site

NOT_THERE = {
	backups.TAKING: "{0} is being taken: wait for its end.",
	backups.FAILED: "{0} is Failed, and left nothing that could be restored: choose another backup.",
	backups.LOST: "{0} lies nowhere any more: choose another backup.",
	backups.FORGOTTEN: "{0} was not needed any more, and is gone from its store: choose another backup.",
}


def start(
	tenant,
	files: str | None,
	confirm: str,
	from_tenant: str | None = None,
	without_key: bool = False,
	backup: str | None = None,
	to: str | None = None,
	batch: str | None = None,
) -> tuple[str, str]:
	"""Start the job that restores the site of the tenant (document); returns the shadow's name and the job's.

	From one of three: files, a folder of the bench's machine, by its whole path, with a backup in it; backup, a Backup that is kept in its
	store; to, a moment such as "2027-01-31 14:05" (fleet/point_in_time.py). confirm: the tenant's subdomain, typed by who wants it.
	from_tenant: whose backup it is, where it is another tenant's. without_key: passwords that the backup's key does not decrypt are given up.
	batch: the one of lost sites in whose turn it is; a whole site is refused then. Raises frappe.ValidationError, and nothing is begun, where
	it cannot be done.
	"""
	shadows.check_has_site(tenant)
	shadows.check_confirmed(tenant, confirm)
	_check_wish(tenant, files, backup, to, from_tenant)
	_check_no_job(tenant.name)
	until = None
	if to:
		backup, until = point_in_time.choose(tenant.name, to)
		backups.spec(backup)  # with its key, or not at all
	lost = _lost(tenant)
	if batch and not lost:
		refuse(_("The site of {0} is not lost any more, and was left alone."), tenant.name)
	return shadows.start_job(
		shadows.RESTORE_LOST if lost else shadows.RESTORE,
		tenant,
		_("Restored to {0}").format(point_in_time.told(until))
		if until
		else _("Restored from {0}").format(backup or files),
		files=files or None,
		backup=backup or None,
		until=until,
		from_tenant=from_tenant or None,
		without_key=bool(without_key),
		hours=shadows.hours(),
		**({"lost": lost, "batch": batch} if lost else {}),
	)


def _check_wish(
	tenant, files: str | None, backup: str | None, to: str | None, from_tenant: str | None
) -> None:
	if sum(map(bool, (files, backup, to))) != 1:
		refuse(
			_(
				"Name the backup to restore, a folder with one, or a moment: one of the three (see `saas backups {0}`)."
			),
			tenant.name,
		)
	if files and not files.startswith("/"):
		refuse(
			_("Name the folder with the backup by its whole path on the bench's machine."), title=_("Files")
		)
	if from_tenant and not frappe.db.exists("Tenant", from_tenant):
		refuse(_("There is no tenant {0} whose backup it could be."), from_tenant)
	if to and from_tenant:
		refuse(_("To a moment a site is restored from its own backups: leave out {0}."), from_tenant)
	if backup:
		check_backup(tenant, backup, from_tenant)


def _lost(tenant) -> list[str]:
	"""What is lost of the site of the tenant (document), as pieces of a sentence; [] for a whole site.

	Raises frappe.ValidationError where nobody can tell, where something else has its name, where a job stands half way, and where nothing
	but its database user is lost, for which nothing is to be restored.
	"""
	found = lost_sites.look(tenant)
	if found.is_shut_out:
		refuse(
			_(
				"Nothing of {0} is lost but its database user {1}, whom MariaDB does not let in, and nothing is to be restored for that: he is made"
				" again within ten minutes, or at once with `saas restore-lost {0}`. Restore the site then, if that is still wanted."
			),
			*(tenant.name, tenant.database),
			title=_("Database User Lost"),
		)
	if found.lost:
		engaged.check(tenant.name)
		if found.is_name_taken:
			refuse(_(lost_sites.TAKEN), tenant.site_name, title=_("Name Taken"))
	return found.lost


def check_backup(tenant, name: str, from_tenant: str | None) -> None:
	"""Raise frappe.ValidationError unless that backup is kept, can be decrypted, and is of the tenant or of the one that was named."""
	row = frappe.db.get_value(backups.DOCTYPE, name, ["tenant", "status", "bench"], as_dict=True)
	if not row:
		refuse(_("There is no backup {0}: see `saas backups {1}`."), name, tenant.name)
	if row.tenant != tenant.name and (not from_tenant or row.tenant != from_tenant):
		refuse(
			_("{0} is a backup of the tenant {1}, and not of {2}. If that is meant, say --from-tenant {1}."),
			*(name, row.tenant, tenant.name),
			title=_("Backup"),
		)
	if row.status != backups.KEPT:
		refuse(NOT_THERE.get(row.status) or _("{0} is {1}."), name, _(row.status), title=_("Backup"))
	if row.bench != tenant.bench:
		refuse(
			_("{0} lies on the bench {1}, and the site is on {2}: fetch it there with `saas backup-export`."),
			*(name, row.bench, tenant.bench),
			title=_("Backup"),
		)
	backups.spec(name)  # with its key, or not at all


def _check_no_job(tenant: str) -> None:
	"""A restore waits for nobody: what the other job does on the site would be gone with it."""
	for job in _at_work(tenant):
		engaged.refuse_busy(job)


def _at_work(tenant: str) -> list:
	"""A job that is at work on the site of the tenant (its name), or waits for it; [] for none."""
	return frappe.get_all(
		"Provisioning Job",
		# a drill does nothing on the site
		{"tenant": tenant, "status": ("in", shadows.UNDER_WAY), "playbook": ("!=", shadows.DRILL)},
		engaged.FIELDS,
		limit=1,
	)


class RestoreLostTenant(TenantWork):
	"""Restore the site from the tenant's last backup, where its folder or database is lost; leave it alone where it is whole."""

	title = "Restore lost site"
	timeout = 24 * HOUR
	takes_site = False  # the job has it

	@site_state.while_there
	def run(self, turn: Turn) -> str:
		"""Returns a sentence. Raises AgentError with the job's where that failed, and SiteTakenError where another job has the site."""
		tenant = frappe.get_doc("Tenant", turn.tenant)
		with sites.taken(turn.tenant):
			if ended := inline.ended_alone(turn.tenant, shadows.RESTORE_LOST, turn.batch):
				return _said(ended)
			found = lost_sites.look(tenant)
			if found.is_shut_out and lost_sites.let_user_in(tenant):
				return _("Its database user was made again; nothing else was lost.")
			if not found.lost:
				return _("Its site is there, and was left alone.")
		for job in _at_work(
			tenant.name
		):  # such as a backup that was under way as all was lost, and is to fail first
			raise sites.SiteTakenError(f"{job.name} waits for the site.", PAUSE)
		backup = lost_sites.backup_to_restore(tenant.name) or backup_requests.of_tenant(tenant.name, None)
		_shadow, job = start(tenant, None, tenant.subdomain, backup=backup, batch=turn.batch)
		return _said(inline.run(job, turn.checkpoint))


def _said(job) -> str:
	if job.status != "Completed":
		raise AgentError(job.error or f"{job.name} is {job.status}.", job.hint or "")
	return f"Made anew from {frappe.parse_json(job.inputs)['backup']}."
