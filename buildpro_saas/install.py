"""What installing, migrating and uninstalling the app does to a site, by the site's role."""

import frappe
from frappe.utils.password import get_encryption_key
from frappe.website.utils import clear_website_cache

from buildpro_saas import site_role
from buildpro_saas.agent import door
from buildpro_saas.agent.facts import FINISHED_NOTE
from buildpro_saas.control_plane import setup as control_plane
from buildpro_saas.entitlements import keys
from buildpro_saas.fleet import bench_trash, database_account
from buildpro_saas.scheduled_jobs import ADMIN_JOBS, TENANT_JOBS
from buildpro_saas.tenant_site import entitlement, sync
from buildpro_saas.tenant_site import setup as tenant_site

# What the app writes into site_config.json; uninstalling takes it out again.
SITE_CONFIG_KEYS = (
	"buildpro_role",
	"buildpro_tenant",
	"buildpro_admin_url",
	"buildpro_public_keys",
	"buildpro_signing_key",
	"buildpro_next_signing_key",
	"buildpro_db_user",
	"buildpro_db_password",
	"buildpro_sequence",
	"buildpro_last_known",
	"buildpro_clock",
	"buildpro_shown",
	"buildpro_sync_token",
	"buildpro_requests_per_hour",
	"buildpro_job",
	"buildpro_finished",
	"buildpro_maintenance",
	"buildpro_scheduler_paused",
	"buildpro_clone",
)


def after_install() -> None:
	"""Give the site its role (the first site of a bench without one becomes the admin site) and what that needs."""
	if not frappe.conf.get("buildpro_role"):
		door.update_own_config(
			{"buildpro_role": site_role.TENANT if _bench_has_admin_site() else site_role.ADMIN}
		)
	if site_role.is_admin_site():
		_make_keys()
		control_plane.after_install()
	tenant_site.after_install()


def after_sync() -> None:
	"""Hook after installing, once Frappe has made the app's records in Desk and the scheduler's jobs from hooks.py."""
	control_plane.hide()
	_stop_jobs_of_the_other_role()


def after_migrate() -> None:
	"""Bring what the app ships up to date; a site's own edits stay."""
	control_plane.hide()
	if site_role.is_admin_site():
		_make_keys()
		database_account.bring_up_to_date()
		control_plane.after_migrate()
	else:
		entitlement.keep_last_known()
	_stop_jobs_of_the_other_role()


def before_uninstall() -> None:
	"""Refuse to take the control plane away from under tenants that it looks after.

	Raises frappe.ValidationError on an admin site that still has tenants, images, standby sites, shadows or backups: without it nobody would know
	their databases and folders.
	"""
	if not site_role.is_admin_site():
		return
	tenants = frappe.db.count("Tenant", {"status": ("not in", ("Draft", "Removed"))})
	if tenants:
		frappe.throw(
			f"{tenants} tenants are still looked after by this site. Remove them before uninstalling buildpro_saas."
		)
	standing = {"status": ("in", ("Filling", "Ready", "Discarding"))}
	if frappe.db.count("Site Image") or frappe.db.count("Standby Site", standing):
		frappe.throw(
			"This site has site images or standby sites. Switch Build Images and the standby pools off in SaaS Settings, and remove the"
			" images with `saas images prune NAME`, before uninstalling buildpro_saas."
		)
	if shadows := frappe.db.count("Site Shadow", {"status": ("!=", "Dropped")}):
		frappe.throw(
			f"{shadows} shadows of sites take room on benches. Look at them with `saas shadows`, and drop each with `saas drop-shadow NAME`,"
			" before uninstalling buildpro_saas."
		)
	if stores := frappe.db.count("Backup Store", {"is_removed": 0, "tenant": ("is", "set")}):
		frappe.throw(
			f"{stores} stores have backups of tenants, and their keys are kept here. Export what is still needed with `saas backup-export TENANT"
			" --to DIR`, then delete the tenants, before uninstalling buildpro_saas."
		)
	if kept := bench_trash.entries():
		frappe.throw(
			f"The bench's trash holds {len(kept)} things. Look at them with `saas trash`, and remove each with `saas trash --remove NAME`, before"
			" uninstalling buildpro_saas."
		)


def after_uninstall() -> None:
	"""Remove what Frappe leaves of an app: its scheduled jobs, its singles' values, roles, domain, configuration.

	Raises frappe.PermissionError unless Frappe is uninstalling: this takes the site's role away, and with it every gate.
	"""
	if not frappe.flags.in_uninstall:
		frappe.throw("This is done by uninstalling the app only.", frappe.PermissionError)
	control_plane.after_uninstall()
	frappe.db.delete("Scheduled Job Type", {"method": ("in", (*ADMIN_JOBS, *TENANT_JOBS))})
	frappe.db.delete("Singles", {"doctype": ("in", ("Nexelya Plan Settings", FINISHED_NOTE))})
	entitlement.remove()
	sync.remove()
	if site_role.is_admin_site() and not _bench_has_admin_site():
		database_account.forget()
	door.update_own_config(dict.fromkeys(SITE_CONFIG_KEYS))
	frappe.db.commit()  # the uninstaller's own commit comes before this hook
	# while site_config.json said that this is a tenant's site, it had the app's hooks (tenant_site/installed_apps_guard.py), and Frappe
	# cached them
	frappe.clear_cache()
	clear_website_cache()


def _make_keys() -> None:
	"""Make Frappe's encryption key, and the Ed25519 key that signs entitlements, once.

	The private part of the signing key is in site_config.json only.
	"""
	# Frappe makes this key for the first caller whose configuration has none. A job that began earlier would then replace the key of another
	# one, and what had been encrypted meanwhile, such as tenants' tokens, could not be read any more
	get_encryption_key()
	if frappe.conf.get("buildpro_signing_key"):
		return
	key = keys.generate()
	door.update_own_config(
		{
			"buildpro_signing_key": {"kid": key["kid"], "private": key["private"]},
			"buildpro_public_keys": {key["kid"]: key["public"]},
		}
	)


def _stop_jobs_of_the_other_role() -> None:
	"""Stop the scheduled jobs that only sites of the other role need.

	A thousand tenants' sites must not wake a worker each minute for the admin site's work.
	"""
	jobs = TENANT_JOBS if site_role.is_admin_site() else ADMIN_JOBS
	frappe.db.set_value("Scheduled Job Type", {"method": ("in", jobs)}, "stopped", 1)


def _bench_has_admin_site() -> bool:
	"""True when another site of this bench runs the control plane already."""
	here = door.here()
	others = (name for name in here.do("site_names") if name != frappe.local.site)
	return any(here.site(name).config.get("buildpro_role") == site_role.ADMIN for name in others)
