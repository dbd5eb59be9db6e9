"""What the admin site's records say of a bench, in the terms of drift_facts.py."""

from collections.abc import Iterable

import frappe

from buildpro_saas.agent.door import Door
from buildpro_saas.agent.facts import IMAGES, SHADOWS, STANDBY, Inventory
from buildpro_saas.fleet import drift, drift_facts
from buildpro_saas.fleet.drift_facts import Believed, Evidence, Expected, Living
from buildpro_saas.tenant_status import WITH_SITE, WITHOUT_SITE

# Statuses in which a job has let go of all that it made. A failed one may go on, or be cancelled and then undo it.
LET_GO = ("Completed", "Cancelled")


def believed(bench: str) -> Believed:
	"""What the records claim and expect on this bench (its name).

	Databases of other benches are among the claims: benches may share a database server. Commits before, to read what holds now.
	"""
	frappe.db.commit()
	jobs = frappe.get_all(
		"Provisioning Job", {"status": ("not in", LET_GO)}, ["name", "tenant", "status", "mark"]
	)
	tenants = frappe.get_all(
		"Tenant",
		{"status": ("not in", WITHOUT_SITE)},
		["name", "status", "bench", "site", "database", "database_name"],
	)
	images = frappe.get_all(
		"Site Image", {"mark": ("is", "set")}, ["name", "status", "bench", "database", "mark"]
	)
	standbys = _standbys({job.name for job in jobs})
	shadows = frappe.get_all(
		"Site Shadow",
		{"status": ("!=", "Dropped")},
		["name", "status", "bench", "database", "mark", "tenant", "holds_site"],
	)
	at_work = {job.tenant for job in jobs if job.status != "Failed"}
	copies = [*images, *standbys, *shadows]
	return Believed(
		site=frappe.local.site,
		marks=frozenset({row.mark for row in [*jobs, *copies]} - {None, ""}),
		folders=_folders(bench, tenants, images, standbys, shadows),
		databases=frozenset(
			{*(row.database for row in [*tenants, *copies]), *(row.database_name for row in tenants)}
			- {None, ""}
		),
		expected=tuple(
			[
				*_expected_sites(bench, tenants, at_work),
				*_expected_copies(drift_facts.IMAGE, bench, images),
				*_expected_copies(drift_facts.STANDBY, bench, standbys),
				*_expected_copies(
					drift_facts.SHADOW, bench, [row for row in shadows if row.tenant not in at_work]
				),
			]
		),
		# a failed job may stand half way, and its site is to stay closed until that is gone on with
		holding=frozenset(
			{*(job.tenant for job in jobs), *(row.tenant for row in shadows if row.holds_site)}
		),
		living=tuple(
			Living(row.name, row.site, row.database, row.bench if row.bench != bench else "")
			for row in tenants
			if row.site
		),
	)


def owner_of(name: str) -> str:
	"""Whose a site or database of that name is, such as "the tenant acme's, which is Active"; empty where no tenant has it."""
	for field in ("site", "database", "database_name"):
		of = {field: name, "status": ("not in", WITHOUT_SITE)}
		if tenant := frappe.db.get_value("Tenant", of, ["name", "status"], as_dict=True):
			return f"the tenant {tenant.name}'s, which is {tenant.status}"
	return ""


def image_folder(database: str) -> str:
	"""Where the files of the image in that database are under sites/."""
	return f"{IMAGES}/{database}"


def standby_folder(database: str) -> str:
	"""Where the files of the standby site with that database are under sites/."""
	return f"{STANDBY}/{database}"


def shadow_folder(database: str) -> str:
	"""Where the files of the shadow in that database are under sites/."""
	return f"{SHADOWS}/{database}"


FOLDERS = {
	drift_facts.IMAGE: image_folder,
	drift_facts.STANDBY: standby_folder,
	drift_facts.SHADOW: shadow_folder,
}


def _folders(bench: str, tenants: list, images: list, standbys: list, shadows: list) -> frozenset[str]:
	return frozenset(
		{
			*(row.site for row in tenants if row.bench == bench),
			*(image_folder(row.database) for row in images if row.bench == bench),
			*(standby_folder(row.database) for row in standbys if row.bench == bench),
			*(shadow_folder(row.database) for row in shadows if row.bench == bench),
		}
	)


def _standbys(jobs: set[str]) -> list:
	"""The rows that still claim something. A claimed one does so only until its job (one of `jobs`) has ended."""
	fields = ["name", "status", "bench", "database", "mark", "claimed_by"]
	rows = frappe.get_all("Standby Site", {"status": ("!=", "Discarded")}, fields)
	return [row for row in rows if row.status != "Claimed" or row.claimed_by in jobs]


def _expected_sites(bench: str, tenants: list, at_work: set[str | None]) -> list[Expected]:
	"""The sites of tenants. One that a job works on is left out: the job may be removing what it is about to make anew."""
	return [
		Expected(drift_facts.TENANT, row.name, row.status, row.site, row.database)
		for row in tenants
		if row.bench == bench
		and row.status in WITH_SITE
		and row.name not in at_work
		and row.site
		and row.database
	]


def _expected_copies(kind: str, bench: str, rows: list) -> list[Expected]:
	folder = FOLDERS[kind]
	has_user = kind != drift_facts.IMAGE
	return [
		Expected(kind, row.name, row.status, folder(row.database), row.database, row.mark, has_user=has_user)
		for row in rows
		if row.bench == bench and row.status == "Ready"
	]


# -- evidence ------------------------------------------------------------------------------------------------------


def evidence(believed: Believed, found: Inventory, bench: str, there: Door) -> Evidence:
	"""What more is known of what nobody claims on the bench. Only these few things are asked about.

	bench: its name. there: its door. A job on record counts for its own bench alone: another bench may use the same database server, and
	looks after what is its own.
	"""
	databases = drift.unclaimed_databases(believed, found)
	named = {folder.database for folder in drift.unclaimed_folders(believed, found)} & found.databases
	marks = {found.marked.get(name) for name in databases}
	marks |= {drift.mark_of(folder, believed) for folder in drift.unclaimed_folders(believed, found)}
	marked = [name for name in databases if name in found.marked]
	return Evidence(
		marks=frozenset(
			_of_jobs(bench, (mark for mark in marks if (mark or "").startswith(believed.prefix)))
		),
		filled=frozenset(there.do("find_filled_databases", names=marked)),
		users=frozenset(name for name in drift.lone_users(believed, found) if _is_recorded(name)),
		used=there.do("find_used_databases", names=sorted(named | set(marked))),
	)


def _of_jobs(bench: str, marks: Iterable[str]) -> list[str]:
	wanted = ("in", list(marks))
	return [
		mark
		for column in ("mark", "site_mark")
		for mark in frappe.get_all("Provisioning Job", {column: wanted, "bench": bench}, pluck=column)
	]


def is_made_for(mark: str | None, tenant: str) -> bool:
	"""Whether a job on record that has this mark, or took over a site that had it, was the tenant's."""
	return bool(mark) and any(
		frappe.db.exists("Provisioning Job", {column: mark, "tenant": tenant})
		for column in ("mark", "site_mark")
	)


def _is_recorded(user: str) -> bool:
	"""Whether a standby site or a job on record has a database of that name. A job notes it once it knows that nobody had the name."""
	return any(
		frappe.db.exists(doctype, {"database": user}) for doctype in ("Standby Site", "Provisioning Job")
	)
