"""What the records expect on a bench and is not there, or not as it must be. Plain data in and out; drift.py has the rest."""

from buildpro_saas.agent.facts import Folder, Inventory
from buildpro_saas.fleet import drift_advice as advice
from buildpro_saas.fleet.drift_facts import IMAGE, SHADOW, STANDBY, TENANT, Believed, Expected, Finding

MISSING = {TENANT: advice.GONE, IMAGE: advice.STALE_THEN, STANDBY: advice.ANOTHER, SHADOW: advice.NO_WAY_BACK}


def look(
	expected: Expected, folder: Folder | None, believed: Believed, found: Inventory, moved: Folder | None
) -> Finding | None:
	"""The one finding about it; None where it is as it must be. folder: the one in its place; moved: its own, where that is elsewhere."""
	return (
		_missing(expected, folder, found, moved)
		or _not_set_up(expected, folder, believed, found)
		or _held(expected, folder, believed)
	)


def _missing(
	expected: Expected, folder: Folder | None, found: Inventory, moved: Folder | None
) -> Finding | None:
	mark, database = expected.mark, expected.database
	lacks = []
	if config := _config_fault(expected, folder, found):
		lacks.append(config)
	elif not folder or (mark and folder.mark != mark):
		lacks.append(f"its folder sites/{expected.folder}")
	if database not in found.databases or (mark and found.marked.get(database) != mark):
		lacks.append(f"its database {database}")
	if not lacks and expected.kind == TENANT and expected.folder in found.shut_out:
		return _user_lost(expected, found)
	if expected.has_user and database not in found.users:
		lacks.append(f"its database user {database}")
	if not lacks:
		return None
	what = f"{expected.kind} {expected.name} is {expected.status} and lacks {', '.join(lacks)}."
	action = MISSING[expected.kind]
	if expected.kind == TENANT and not folder and moved:
		action = f"sites/{moved.path} is its site. {advice.MOVED.format(moved.path, expected.folder)}"
	elif expected.kind == TENANT and config and database in found.databases:
		action = advice.CONFIG_LOST
	return Finding(expected.kind, expected.name, what, action, is_ours=True)


def _user_lost(expected: Expected, found: Inventory) -> Finding:
	whose = f"Tenant {expected.name} is {expected.status}, and"
	fault = f"lacks its database user {expected.database}"
	if expected.database in found.users:
		fault = (
			f"MariaDB does not let in its database user {expected.database}: by the password of its site_config.json,"
			" his rights, or because he is locked"
		)
	what = f"{whose} {fault}."
	action = advice.USER_LOST.format(expected.name)
	return Finding(TENANT, expected.name, what, action, is_ours=True, is_user_lost=True)


def _config_fault(expected: Expected, folder: Folder | None, found: Inventory) -> str:
	"""What is wrong with the site_config.json in the folder's place; empty where the folder is missing, or all is right."""
	if not folder:
		is_bare = expected.folder in found.without_config
		return f"the site_config.json of sites/{expected.folder}" if is_bare else ""
	if not folder.is_readable:
		return f"a site_config.json that can be read in sites/{folder.path}"
	if folder.database == expected.database:
		return ""
	others = [each.path for each in found.folders if each.database == folder.database and each is not folder]
	whose = f", which is that of sites/{others[0]}" if folder.database and others else ""
	return f"a site_config.json that names its database {expected.database} (it names {folder.database or 'none'}{whose})"


def _not_set_up(
	expected: Expected, folder: Folder | None, believed: Believed, found: Inventory
) -> Finding | None:
	"""The finding for a tenant's complete site that does not say any more whose it is, or whose database has lost its mark.

	Uninstalling the app leaves the first, `bench restore` the second.
	"""
	if expected.kind != TENANT or not folder:
		return None
	if folder.tenant != expected.name:
		whose = f"for {folder.tenant}" if folder.tenant else "as no tenant's"
		what = f"Tenant {expected.name} is {expected.status}, and its site sites/{folder.path} is set up {whose}."
		return Finding(TENANT, expected.name, what, advice.NOT_SET_UP.format(site=folder.name), is_ours=True)
	if not _has_lost_its_mark(expected.database, folder, believed, found):
		return None
	what = f"The database {expected.database} of tenant {expected.name} carries no mark any more, as after `bench restore`."
	lost = {"mark": folder.mark, "unmarked": expected.database}
	return Finding(TENANT, expected.name, what, advice.MARKED_AGAIN, is_ours=True, **lost)


def _has_lost_its_mark(database: str, folder: Folder, believed: Believed, found: Inventory) -> bool:
	is_ours = (folder.mark or "").startswith(believed.prefix)
	return is_ours and database in found.databases and database not in found.marked


def _held(expected: Expected, folder: Folder | None, believed: Believed) -> Finding | None:
	"""The finding for a tenant's site that is held, though no record says by whom: so it is after the admin site was lost meanwhile."""
	if expected.kind != TENANT or not folder or not folder.held_by or expected.name in believed.holding:
		return None
	what = f"Tenant {expected.name} is {expected.status}, and its site is held by {folder.held_by}. No job is at work on it."
	action = advice.HALF_MIGRATED if folder.is_half_migrated else advice.LET_GO
	is_held = not folder.is_half_migrated
	return Finding(TENANT, expected.name, what, action, is_ours=True, is_held=is_held)
