"""Makes the admin site again where it is gone, from its store and the recovery key: nothing here needs a site.

What the site knew is as old as its backup. What has been made since goes on without it, and is taken in again: docs/admin-site-gone.md.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timezone

import frappe
from frappe.model.naming import NamingSeries
from frappe.utils import convert_utc_to_system_timezone, get_datetime

from buildpro_saas.agent import door
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import AdminStore, App, Manifest, Recovered
from buildpro_saas.domains import looks
from buildpro_saas.fleet import backup_keys, backups, offsite

SECONDS = 6 * 3600
MODULE = "Control Plane"
FEWEST_SKIPPED = 1000
NOTE = "buildpro_saas.fleet.admin_recovery.note_recovered"


def needs_account() -> bool:
	"""Whether this bench has lost its database account, which root's password makes anew."""
	return not door.here().has_account()


def make_account(root_user: str, root_password: str) -> None:
	"""Make the account. Root's password is used for this one connection and kept nowhere."""
	door.here().do("make_account", root_user=root_user, root_password=root_password, where={}, user_host="")


def find_store(folder: str, name: str | None, bucket: dict | None = None) -> AdminStore:
	"""The store of that name, or the only one of an admin site: in a bucket (offsite.in_bucket), or in a folder; empty: the bench's own.

	Raises AgentError with what to say.
	"""
	stores = door.here().do("admin_stores", folder=folder, name=name, offsite=bucket)
	found = {each.store: each for each in stores}
	if not found:
		what = f"There is no store {name or 'of an admin site'} in"
		if bucket:
			raise AgentError(
				f"{what} {offsite.described(bucket)}.",
				"Name bucket and prefix as they were, or the store with --store: a copy of long ago has no STORE.site beside it.",
			)
		raise AgentError(
			f"{what} {folder or 'the folder backups of this bench'}.",
			"Name the folder that has it with --folder: STORE, STORE.key.age and STORE.site belong together. From a bucket: --bucket.",
		)
	if len(found) > 1:
		told = ", ".join(f"{each.store} ({each.site})" for each in found.values())
		raise AgentError(f"There are {len(found)} stores of admin sites: {told}.", "Name one with --store.")
	return next(iter(found.values()))


def recover(
	store: AdminStore,
	folder: str,
	recovery_key: str,
	*,
	backup: str | None = None,
	site: str | None = None,
	bucket: dict | None = None,
	log: Callable[[str], None],
) -> Recovered:
	"""Make the admin site of this bench from a backup in the store: the newest, or the one of that id; under its own name, or another.

	folder, bucket: as find_store has them. Raises frappe.ValidationError for another recovery key, AgentError where it cannot be; nothing of the site is there then.
	"""
	return door.here().run(
		"recover_admin_site",
		id=f"recovery/{secrets.token_hex(4)}",
		timeout=SECONDS,
		log=log,
		checkpoint=lambda: None,
		folder=folder,
		store=store.store,
		key=backup_keys.unwrapped(store.key, recovery_key),
		backup=backup,
		site=site,
		note=NOTE,
		offsite=bucket,
	)


def note_recovered(backup: str, taken_at: str, about: dict, is_offsite: bool) -> None:
	"""On the site that was made of the backup, before anybody uses it: its record, which says that it is being taken, says what it is.

	Without this its job would take it once more, in its place. Host names may have gone to other tenants since: they are looked at anew.
	And records get names that were not in use since the backup.
	"""
	looks.forget_looks()
	_skip_names(taken_at)
	name = frappe.db.get_value(backups.DOCTYPE, {"backup_id": backup, "status": backups.TAKING})
	if not name:
		return
	manifest, apps = Manifest(**about["manifest"]), [App(**app) for app in about["apps"]]
	told = frappe._dict(manifest=manifest, apps=apps)
	backups.set_kept(name, frappe._dict(about=told, size=manifest.size, added=0), 0)
	utc = get_datetime(taken_at).replace(tzinfo=None)
	frappe.db.set_value(
		backups.DOCTYPE,
		name,
		{
			"taken_at": convert_utc_to_system_timezone(utc).replace(tzinfo=None),
			"place": backups.OFFSITE if is_offsite else backups.LOCAL,
		},
	)


def _skip_names(taken_at: str) -> None:
	"""Let numbered names go on above all that were given after the backup: logs, notes and papers speak of those.

	One a second is more than anybody makes. What lies on benches is told apart by marks, not by names.
	"""
	since = datetime.now(timezone.utc) - get_datetime(taken_at).replace(tzinfo=timezone.utc)
	skipped = max(int(since.total_seconds()), FEWEST_SKIPPED)
	numbered = {"module": MODULE, "autoname": ("like", "%.#%")}
	for autoname in frappe.get_all("DocType", numbered, pluck="autoname"):
		series = NamingSeries(autoname)
		series.update_counter(series.get_current_value() + skipped)
