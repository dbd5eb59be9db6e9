"""Tenants go: archived, to be brought back from their last backup; or removed for good. Only these take away a site that people have used.

Of a tenant that is removed, the last backup is kept for some days. Then its key is destroyed, and nobody can read it any more.
"""

import json

import frappe
from frappe import _
from frappe.utils import add_days, getdate, now_datetime, nowdate
from frappe.utils.password import get_decrypted_password, remove_encrypted_password, set_encrypted_password

from buildpro_saas import site_role
from buildpro_saas.fleet import (
	backup_keys,
	backup_requests,
	bench_trash,
	benches,
	engaged,
	lost_sites,
	restores,
	shadows,
)
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, is_reached
from buildpro_saas.refusal import refuse
from buildpro_saas.tenant_status import ARCHIVED, REMOVED, WITH_SITE

# What kind of backup is the last one; and the playbooks of tenants whose site's folder or database is lost.
KINDS = {engaged.ARCHIVE: "Before Archiving", engaged.REMOVE: "Before Removal"}
LOST = {engaged.ARCHIVE: engaged.ARCHIVE_LOST, engaged.REMOVE: engaged.REMOVE_LOST}
DAYS = 30
LONGEST_REASON = 1000
# In `__Auth`: what a site's site_config.json said as it was archived. It may have passwords of the customer's own services.
CONFIG = "archived_config"
# What the Tenant's record says of its removal.
FACTS = (
	*("removed_on", "removed_by", "last_backup", "removal_job", "removal_note", "backup_kept_until"),
	"key_destroyed_on",
)


def days() -> int:
	"""Days for which the last backup of a removed tenant is kept."""
	return frappe.db.get_single_value("SaaS Settings", "removed_days") or DAYS


# -- what staff ask for ----------------------------------------------------------------------------------------------


def archive(tenant, confirm: str, *, by: str, reason: str = "", without_site: str | None = None) -> str:
	"""Start the job that takes a last backup of the tenant's (document) site and takes the site away; returns the job's name.

	confirm: the subdomain, typed. by: who wants it. without_site: where its folder or database is lost, the name of its last backup. Raises
	frappe.ValidationError, and nothing is begun, where it cannot be done.
	"""
	if tenant.status not in WITH_SITE:
		refuse(_("{0} is {1}, and has no site to archive."), tenant.name, _(tenant.status))
	return _start(engaged.ARCHIVE, tenant, confirm, by, reason, without_site)


def remove(tenant, confirm: str, *, by: str, reason: str = "", without_site: str | None = None) -> str:
	"""The same, for good: the tenant is Removed then, and the key of its backups is destroyed after `days`. Also of an archived tenant.

	without_site: as `archive` takes it, or lost_sites.NO_BACKUP where no backup is kept.
	"""
	if tenant.status not in (*WITH_SITE, ARCHIVED):
		refuse(
			_("{0} is {1}: only a tenant that has a site, or is Archived, can be removed."),
			tenant.name,
			_(tenant.status),
		)
	return _start(engaged.REMOVE, tenant, confirm, by, reason, without_site)


def _start(playbook: str, tenant, confirm: str, by: str, reason: str, without_site: str | None) -> str:
	engaged.check_confirmed(tenant, confirm)
	benches.only_reached(tenant.bench)
	engaged.check(tenant.name)
	inputs = {"bench": tenant.bench, "site": tenant.site_name, "kind": KINDS[playbook], "by": by}
	inputs["reason"] = (reason or "").strip()[:LONGEST_REASON]
	found = lost_sites.look(tenant) if tenant.status in WITH_SITE else None
	if found and found.lost:
		is_archived = playbook == engaged.ARCHIVE
		inputs["without_site"] = lost_sites.agree(tenant, found, without_site, is_archived=is_archived)
		playbook = LOST[playbook]
	elif without_site:
		refuse(_("The site of {0} is not lost: leave out Without Its Site (--without-site)."), tenant.name)
	elif found:
		backup_keys.store_of(tenant.name, tenant.bench)  # without a recovery key there is no last backup
	return lifecycle.start(playbook, tenant=tenant.name, bench=tenant.bench, inputs=inputs).name


def unarchive(tenant, backup: str | None = None) -> str:
	"""Start the job that makes the site of the archived tenant (document) again from a backup, the newest one if none is named.

	Returns the job's name. Raises frappe.ValidationError, and nothing is begun, where it cannot be done.
	"""
	if tenant.status != ARCHIVED:
		refuse(_("{0} is {1}: only an archived tenant is brought back."), tenant.name, _(tenant.status))
	benches.only_reached(tenant.bench)
	engaged.check(tenant.name)
	name = backup or backup_requests.of_tenant(tenant.name, None)
	restores.check_backup(tenant, name, None)
	if benches.site_exists(tenant.bench, tenant.site_name):
		refuse(
			_("Something called {0} is on the bench by now: move it away first."),
			tenant.site_name,
			title=_("Name Taken"),
		)
	_shadow, job = shadows.begin(
		shadows.UNARCHIVE,
		tenant,
		_("Brought back from {0}").format(name),
		backup=name,
		files=None,
		from_tenant=None,
		without_key=False,
		hours=shadows.hours(),
	)
	return job


def check_deletable(tenant) -> None:
	"""Raise frappe.ValidationError while the last backup of a removed tenant (document) is kept: with the record its key would go."""
	if tenant.status == REMOVED and tenant.backup_kept_until and not tenant.key_destroyed_on:
		refuse(
			_("The last backup of {0} is kept until {1}: its record stays for as long."),
			tenant.name,
			str(getdate(tenant.backup_kept_until)),
		)


# -- what jobs ask ---------------------------------------------------------------------------------------------------


def keep_config(tenant: str, config: dict) -> None:
	"""Keep what the site's site_config.json says, encrypted, for the day on which it is brought back. The caller commits."""
	set_encrypted_password("Tenant", tenant, json.dumps(config), CONFIG)


def kept_config(tenant: str) -> dict:
	"""What keep_config has kept; {} for nothing."""
	found = get_decrypted_password("Tenant", tenant, CONFIG, raise_exception=False)
	return json.loads(found) if found else {}


def forget_config(tenant: str) -> None:
	"""Forget what keep_config has kept. The caller commits. Repeatable."""
	remove_encrypted_password("Tenant", tenant, CONFIG)


def note_removal(tenant: str, *, by: str, backup: str | None, job: str, note: str = "") -> None:
	"""Note in the tenant's record when and by whom it is removed, and until when its last backup is kept. The caller commits. Repeatable.

	note: why no last backup could be taken, where that is so.
	"""
	if frappe.db.get_value("Tenant", tenant, "removed_on"):
		return
	# also where a store has but what nobody goes by: its key is destroyed all the same
	has_store = frappe.db.exists(backup_keys.STORE, {"tenant": tenant, "status": backup_keys.IN_USE})
	kept_until = add_days(nowdate(), days()) if backup or has_store else None
	values = {"removed_on": now_datetime(), "removed_by": by, "last_backup": backup, "removal_job": job}
	values["removal_note"] = note
	frappe.db.set_value("Tenant", tenant, {**values, "backup_kept_until": kept_until})


def forget_removal(tenant: str) -> None:
	"""Take back what note_removal has noted: the removal was cancelled. The caller commits. Repeatable."""
	frappe.db.set_value("Tenant", tenant, dict.fromkeys(FACTS))


# -- the end of the last backup --------------------------------------------------------------------------------------


def destroy_due_keys() -> None:
	"""Every ten minutes, on the admin site: destroy the keys of backups of removed tenants whose days are over, and what the trash has of them."""
	if not site_role.is_admin_site():
		return
	due = {
		"status": REMOVED,
		"backup_kept_until": ("<=", nowdate()),
		"key_destroyed_on": ("is", "not set"),
	}
	for row in frappe.get_all("Tenant", due, ["name", "bench", "site", "database"]):
		if is_reached(row.bench):
			lifecycle.shielded(_destroy, row)


def _destroy(row) -> None:
	for entry in bench_trash.entries_of(row.bench):
		if entry.subject in (row.site, row.database):
			door_of(row.bench).do("remove_from_trash", name=entry.name)
	backup_keys.destroy(row.name)
	frappe.db.set_value("Tenant", row.name, "key_destroyed_on", now_datetime())
	frappe.get_doc("Tenant", row.name).add_comment(
		"Info", _("the key of its backups was destroyed: nobody can read them any more")
	)
	frappe.db.commit()
