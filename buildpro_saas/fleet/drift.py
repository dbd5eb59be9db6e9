"""Where a bench differs from what the admin site's records say. Plain data in and out; reconciliation.py looks and acts.

A thing is *ours* when it carries a mark of this admin site. It is an *orphan* when it is ours and no record claims it. Only orphans
are removed, and none of these that may be a customer's:

* one that names a living tenant or was handed over to one, wherever somebody moved it;
* one that people have worked in;
* one that no job on record made. An admin site that was restored from an older backup does not know its newest tenants, though their
  sites carry its marks.
"""

from buildpro_saas.agent.facts import Folder, Inventory
from buildpro_saas.fleet import drift_advice as advice
from buildpro_saas.fleet import drift_missing
from buildpro_saas.fleet.drift_facts import (
	DATABASE,
	IMAGE_DATABASE,
	SET_ASIDE,
	SITE_FOLDER,
	USER,
	Believed,
	Evidence,
	Finding,
	Living,
)


def compare(believed: Believed, found: Inventory, evidence: Evidence) -> list[Finding]:
	"""All differences: first what nobody claims, then what is missing."""
	folders = _folders(believed, found, evidence)
	there = {folder.path: folder for folder in found.folders}
	moved = _moved(believed, found)
	missing = (
		drift_missing.look(expected, there.get(expected.folder), believed, found, moved.get(expected.name))
		for expected in believed.expected
	)
	return [
		*folders,
		*_databases(believed, found, evidence, folders),
		*map(_set_aside, sorted(found.set_aside)),
		*_users(believed, found, evidence),
		*filter(None, missing),
	]


# -- what nobody claims --------------------------------------------------------------------------------------------


def mark_of(folder: Folder, believed: Believed) -> str:
	"""The folder's mark; of a draft without site_config.json the one that its name says. Empty for none."""
	return folder.mark or (believed.prefix + folder.tail if folder.tail else "")


def unclaimed_folders(believed: Believed, found: Inventory) -> list[Folder]:
	"""The folders that no record claims, whoever made them.

	A job that has not let go claims what carries its mark. It does not claim a tenant's site that somebody has put elsewhere.
	"""
	claimed = believed.folders | {believed.site}
	return [
		folder
		for folder in found.folders
		if folder.path not in claimed
		and (mark_of(folder, believed) not in believed.marks or _is_elsewhere(folder, believed))
	]


def _is_elsewhere(folder: Folder, believed: Believed) -> bool:
	is_among_sites = not folder.place and not folder.tail
	return is_among_sites and folder.tenant is not None and owner_of(folder, believed) is not None


def unclaimed_databases(believed: Believed, found: Inventory) -> list[str]:
	"""The databases that no record claims, whoever made them."""
	free = {name for name in found.databases if not name.startswith(SET_ASIDE)}
	free -= believed.databases | found.in_trash
	return sorted(name for name in free if found.marked.get(name) not in believed.marks)


def lone_users(believed: Believed, found: Inventory) -> list[str]:
	"""Database users without a database that neither a record nor a site on the bench has."""
	named = {folder.user for folder in found.folders} | {folder.database for folder in found.folders}
	return sorted(found.users - found.databases - believed.databases - named)


def owner_of(folder: Folder, believed: Believed) -> Living | None:
	"""The living tenant whose database the folder names, or whose name it has; None for nobody's.

	The tenant's name in a draft (half made or half removed) does not count.
	"""
	for tenant in believed.living:
		is_named = folder.tenant == tenant.name and not folder.tail
		if is_named or (folder.database and folder.database == tenant.database):
			return tenant
	return None


def _moved(believed: Believed, found: Inventory) -> dict[str, Folder]:
	"""{tenant: the folder that names it} of folders that are not where the tenant's is."""
	there = {folder.path for folder in found.folders}
	moved = {}
	for folder in unclaimed_folders(believed, found):
		owner = owner_of(folder, believed)
		if owner and not owner.elsewhere and owner.folder not in there:
			moved[owner.name] = folder
	return moved


def _folders(believed: Believed, found: Inventory, evidence: Evidence) -> list[Finding]:
	there = {folder.path for folder in found.folders}
	return [_folder(folder, believed, evidence, there) for folder in unclaimed_folders(believed, found)]


def _folder(folder: Folder, believed: Believed, evidence: Evidence, there: set[str]) -> Finding:
	mark, name = mark_of(folder, believed), f"sites/{folder.path}"
	is_known = mark in evidence.marks
	is_ours = is_known or (folder.mark or "").startswith(believed.prefix)
	if owner := owner_of(folder, believed):
		what = f"{name} is the site of the tenant {owner.name}, which belongs at {owner.place}."
		action = _of_living(folder, owner, there)
		return Finding(SITE_FOLDER, folder.path, what, action, is_ours, mark=mark, folder=folder)
	# a draft's name alone proves nothing, unless a job on record has just that mark
	if not is_ours:
		fault = "was not made by this admin site"
		if not folder.is_readable:
			fault = "has a site_config.json that cannot be read"
		return Finding(SITE_FOLDER, folder.path, f"{name} {fault}.", advice.LEFT_ALONE, is_ours=False)
	if folder.tenant and not folder.tail and not is_known:
		what = f"{name} was made by this admin site for the tenant {folder.tenant}, of whose site no record is left."
		action = _of_tenants_site(folder, believed)
		return Finding(SITE_FOLDER, folder.path, what, action, is_ours=True, mark=mark, folder=folder)
	sign = (
		"it was handed over to its tenant" if folder.is_finished else evidence.used.get(folder.database or "")
	)
	if sign:
		what = f"{name} was made by a job of this admin site. No record claims it, but {sign}."
		return Finding(SITE_FOLDER, folder.path, what, advice.IN_USE, is_ours=True, mark=mark, folder=folder)
	what = f"{name} was made by a job of this admin site and is nobody's any more."
	return Finding(SITE_FOLDER, folder.path, what, advice.GOES, True, mark, is_removable=True, folder=folder)


def _of_living(folder: Folder, owner: Living, there: set[str]) -> str:
	if owner.elsewhere:
		return advice.ON_ANOTHER_BENCH.format(owner.elsewhere)
	return advice.COPIED if owner.folder in there else advice.MOVED.format(folder.path, owner.folder)


def _of_tenants_site(folder: Folder, believed: Believed) -> str:
	"""The advice for it. Only a site among the sites can be adopted."""
	return advice.SPARED if folder.place else advice.ADOPT.format(admin=believed.site, site=folder.name)


def _databases(
	believed: Believed, found: Inventory, evidence: Evidence, folders: list[Finding]
) -> list[Finding]:
	going = {finding.folder.path for finding in folders if finding.is_removable}
	in_use = {folder.database for folder in found.folders if folder.path not in going}
	# a folder among the images or standby sites is one of them, and so is its database, also without its job on record
	copies = {(finding.folder.database, finding.mark) for finding in folders if _is_copy_that_goes(finding)}
	return [
		_database(name, mark, evidence, (name, mark) in copies or name.startswith(IMAGE_DATABASE))
		for name in unclaimed_databases(believed, found)
		for mark in (found.marked.get(name),)
		if name not in in_use
	]


def _is_copy_that_goes(finding: Finding) -> bool:
	return finding.is_removable and bool(finding.folder.place)


def _database(name: str, mark: str | None, evidence: Evidence, is_copy: bool) -> Finding:
	if not mark:
		what = f"The database {name} has a site's name, but no site on this bench has it and this admin site did not make it."
		return Finding(DATABASE, name, what, advice.LEFT_ALONE, is_ours=False)
	what = f"The database {name} was made by a job of this admin site and is nobody's any more."
	if mark not in evidence.marks and name in evidence.filled and not is_copy:
		return Finding(DATABASE, name, what, advice.SPARED, is_ours=True, mark=mark)
	if sign := evidence.used.get(name):
		what = f"The database {name} was made by a job of this admin site. No record claims it, but {sign}."
		return Finding(DATABASE, name, what, advice.IN_USE, is_ours=True, mark=mark)
	return Finding(DATABASE, name, what, advice.GOES, True, mark, is_removable=True)


def _set_aside(name: str) -> Finding:
	what = (
		f"In the database {name} a backup had set tables aside. It was killed, and nobody is at work there."
	)
	return Finding(DATABASE, name, what, advice.SET_ASIDE, is_ours=True, is_removable=True)


def _users(believed: Believed, found: Inventory, evidence: Evidence) -> list[Finding]:
	"""Lone users. One is ours only where no person would choose its name (`_` and a hash) and a record of ours names it.

	A user carries no mark, and the guide's `customer1_db` may be anybody's.
	"""
	findings = []
	for name in lone_users(believed, found):
		is_recorded, is_hash = name in evidence.users, name.startswith("_")
		if is_recorded or is_hash:
			is_ours = is_recorded and is_hash
			of = "that a job of this admin site made" if is_ours else "of a site's name"
			what = f"The database user {name}, {of}, has no database."
			action = advice.GOES if is_ours else advice.LEFT_ALONE
			findings.append(Finding(USER, name, what, action, is_ours, is_removable=is_ours))
	return findings
