"""Where a bench is not what the admin site believes of it. Plain data in and out: looking and acting is reconciliation.py's.

Ours is what carries a mark of this admin site; an orphan is ours and claimed by no record. Only orphans are removed, and of
those not one that may be a customer's: one that names a living tenant or was handed over to one, wherever somebody moved it; one that people
have worked in; and one that no job on record made, for when the admin site was restored from an older backup, it does not know its
newest tenants, whose sites carry marks of ours all the same.
"""

from dataclasses import dataclass, field

from buildpro_saas.agent.facts import Folder, Inventory
from buildpro_saas.fleet import drift_advice as advice

SITE_FOLDER, DATABASE, USER = "Site Folder", "Database", "Database User"
TENANT, IMAGE, STANDBY = "Tenant", "Image", "Standby Site"

IMAGE_DATABASE = "_image_"  # how the names of images' databases begin, and of nothing else's (steps/image.py)
MISSING = {TENANT: advice.GONE, IMAGE: advice.STALE_THEN, STANDBY: advice.ANOTHER}


@dataclass(frozen=True)
class Expected:
	"""A record of something that must be on the bench."""

	kind: str  # TENANT, IMAGE or STANDBY
	name: str
	status: str
	folder: str  # its path under sites/
	database: str
	mark: str | None = None  # what folder and database carry; None: whatever they carry
	has_user: bool = True


@dataclass(frozen=True)
class Living:
	"""A tenant of which something is on a bench."""

	name: str
	folder: str  # its path under sites/
	database: str | None


@dataclass(frozen=True)
class Believed:
	"""What the admin site's records claim, and what they expect to be there."""

	site: str  # the admin site's own name
	marks: frozenset[str]  # of jobs that have not ended or failed, of images and of standby sites
	folders: frozenset[str]  # paths under sites/
	databases: frozenset[str]
	expected: tuple[Expected, ...]
	living: tuple[Living, ...] = ()

	@property
	def prefix(self) -> str:
		"""How the marks of this admin site begin (jobs.start)."""
		return f"{self.site}/"


@dataclass(frozen=True)
class Evidence:
	"""What is known of things that no record claims."""

	marks: frozenset[str] = frozenset()  # those that a job on record, ended by now, made things with
	filled: frozenset[str] = frozenset()  # databases that hold tables
	users: frozenset[str] = frozenset()  # database users that a record of ours names
	used: dict[str, str] = field(default_factory=dict)  # {database: what shows that people have used it}


@dataclass(frozen=True)
class Finding:
	"""One thing that is not as believed. `what` and `action` are sentences for staff."""

	kind: str
	subject: str
	what: str
	action: str
	is_ours: bool
	mark: str = ""
	is_removable: bool = False
	folder: Folder | None = None
	unmarked: str = ""  # the tenant's database that has lost `mark`

	@property
	def key(self) -> tuple:
		"""Equal for the same thing in the same trouble. Something else that has taken its name is another finding."""
		return (self.kind, self.subject, self.mark, self.is_ours)


def compare(believed: Believed, found: Inventory, evidence: Evidence) -> list[Finding]:
	"""All that is not as believed: what nobody claims, then what is missing."""
	folders = _folders(believed, found, evidence)
	there = {folder.path: folder for folder in found.folders}
	moved = _moved(believed, found)
	missing = (
		_missing(expected, there.get(expected.folder), found, moved.get(expected.name))
		or _not_set_up(expected, there.get(expected.folder), believed, found)
		for expected in believed.expected
	)
	return [
		*folders,
		*_databases(believed, found, evidence, folders),
		*_users(believed, found, evidence),
		*filter(None, missing),
	]


# -- what nobody claims --------------------------------------------------------------------------------------------


def mark_of(folder: Folder, believed: Believed) -> str:
	"""The folder's mark; of a draft without site_config.json what its name says. Empty where it has none."""
	return folder.mark or (believed.prefix + folder.tail if folder.tail else "")


def unclaimed_folders(believed: Believed, found: Inventory) -> list[Folder]:
	"""The folders that no record claims, whoever made them.

	A job that has not let go claims what carries its mark, but no site of a tenant's that somebody has put elsewhere.
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
	free = found.databases - believed.databases - found.in_trash
	return sorted(name for name in free if found.marked.get(name) not in believed.marks)


def lone_users(believed: Believed, found: Inventory) -> list[str]:
	"""The database users without a database that neither a record nor a site on the bench has."""
	named = {folder.user for folder in found.folders} | {folder.database for folder in found.folders}
	return sorted(found.users - found.databases - believed.databases - named)


def owner_of(folder: Folder, believed: Believed) -> Living | None:
	"""The living tenant whose database the folder names, or that it names itself.

	What a removal left half done has a name that nobody gives a folder: that one's own word for whose it was does not count.
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
		if (owner := owner_of(folder, believed)) and owner.folder not in there:
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
		what = f"{name} is the site of the tenant {owner.name}, which belongs at sites/{owner.folder}."
		action = advice.COPIED if owner.folder in there else advice.MOVED.format(folder.path, owner.folder)
		return Finding(SITE_FOLDER, folder.path, what, action, is_ours, mark=mark, folder=folder)
	# a draft's name alone proves nothing, unless a job of ours has just that mark
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


def _of_tenants_site(folder: Folder, believed: Believed) -> str:
	"""Elsewhere than among the sites it is no site that could be adopted."""
	return advice.SPARED if folder.place else advice.ADOPT.format(admin=believed.site, site=folder.name)


def _databases(
	believed: Believed, found: Inventory, evidence: Evidence, folders: list[Finding]
) -> list[Finding]:
	going = {finding.folder.path for finding in folders if finding.is_removable}
	in_use = {folder.database for folder in found.folders if folder.path not in going}
	# what lies where only images and standby sites do is one of them, with its database, whether or not its job is on record
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


def _users(believed: Believed, found: Inventory, evidence: Evidence) -> list[Finding]:
	"""A user carries no mark, so only one whose name no person chooses (`_` and a hash) and that a record of ours names is
	ours; the guide's `customer1_db` may be anybody's."""
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


# -- what is missing -----------------------------------------------------------------------------------------------


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


def _config_fault(expected: Expected, folder: Folder | None, found: Inventory) -> str:
	"""What is wrong with the site_config.json of a folder that is in its place; empty where it is none's, or whole."""
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
	"""A tenant's site, of which nothing is missing, that does not say whose it is any more, or whose database has lost its mark.

	Frappe's uninstalling leaves the first, its restoring the second.
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
