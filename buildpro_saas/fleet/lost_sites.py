"""Tenants whose site's folder or database is lost. It is restored; or they go by the last backup that there is, or by none."""

import frappe
from frappe import _

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Remains
from buildpro_saas.fleet import backups
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.refusal import refuse

TAKEN = "Something that is not the tenant's is in sites/{0}: move it away."
# What is typed in place of a backup's name where there is none.
NO_BACKUP = "no-backup"


def spec(tenant) -> dict[str, str]:
	"""What the agent's operations on what is left of the site of the tenant (document, or its fields) need."""
	return {
		"site": tenant["site"] if isinstance(tenant, dict) else tenant.site_name,
		"database": tenant.get("database"),
		"tenant": tenant.get("name"),
		"prefix": f"{frappe.local.site}/",
	}


def look(tenant) -> Remains:
	"""What is lost of the site of the tenant (document), and what is left. Raises frappe.ValidationError where nobody can tell."""
	try:
		return door_of(tenant.bench).do("look_at_remains", **spec(tenant))
	except AgentError as error:
		refuse("{0}", error.advice, title=_("Site Lost"))


def let_user_in(tenant) -> bool:
	"""Make the database user of the tenant's (document) site again, where nothing else is lost; returns whether. The caller has the site.

	Raises AgentError where nobody can tell, or it does not help.
	"""
	return door_of(tenant.bench).do("let_user_in", **spec(tenant))


def last_backup(tenant: str) -> str | None:
	"""The newest backup of the tenant that is kept and verified, and with which no drill has failed; None for none."""
	return _newest(tenant, verified_at=("is", "set"))


def backup_to_restore(tenant: str) -> str | None:
	"""The same, also one that was found in a store and read there: a restore compares all before it stands. None for none."""
	return _newest(tenant, tables=(">", 0))


def _newest(tenant: str, **having) -> str | None:
	of = {"tenant": tenant, "status": backups.KEPT, "drill_error": ("is", "not set"), **having}
	found = frappe.get_all(backups.DOCTYPE, of, pluck="name", order_by="taken_at desc", limit=1)
	return found[0] if found else None


def agree(tenant, found: Remains, word: str | None, *, is_archived: bool) -> str:
	"""The word of its own with which staff say that the tenant (document) goes without a last backup.

	It is the name of its last backup, or NO_BACKUP where there is none. Raises frappe.ValidationError, and says which, for another word.
	"""
	word, backup, lost = (word or "").strip(), last_backup(tenant.name), _(" and ").join(found.lost)
	if backup and word != backup:
		taken = frappe.utils.format_datetime(frappe.db.get_value(backups.DOCTYPE, backup, "taken_at"))
		refuse(
			_(
				"No last backup of {0} can be taken. Lost: {1}. Its last one that is kept and verified is {2}, of {3}; what came later is gone."
				" To go by it, type {2} as Without Its Site (--without-site {2})."
			),
			tenant.name,
			lost,
			backup,
			taken,
			title=_("Site Lost"),
		)
	if not backup and is_archived:
		refuse(
			_(
				"Lost: {0}. No verified backup of {1} is kept: there is nothing to bring it back from. Remove the tenant."
			),
			lost,
			tenant.name,
			title=_("Site Lost"),
		)
	if not backup and word != NO_BACKUP:
		refuse(
			_(
				"No last backup of {0} can be taken. Lost: {1}. No verified one is kept, so all that it had is gone for good. To remove it all the"
				" same, type {2} as Without Its Site (--without-site {2})."
			),
			tenant.name,
			lost,
			NO_BACKUP,
			title=_("Site Lost"),
		)
	return word
