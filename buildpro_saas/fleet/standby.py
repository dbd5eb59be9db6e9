"""Standby sites: copies of an image that are made ahead of time. Each is given to one tenant at most."""

import secrets
from collections import defaultdict

import frappe
from frappe.utils import add_to_date, now_datetime

from buildpro_saas import site_role
from buildpro_saas.agent.door import Door
from buildpro_saas.fleet import benches, images
from buildpro_saas.fleet.image_spec import ImageKind, plans_that_resolve, pools_with_sites
from buildpro_saas.jobs import lifecycle
from buildpro_saas.jobs.bench_door import door_of, reached
from buildpro_saas.jobs.named_locks import named_lock
from buildpro_saas.jobs.playbook import WayClosedError

FILL = "fill_standby"
# Behind everything else: nobody waits for it.
PRIORITY = -20
DEMAND_HOURS = 1
QUEUE_INDEX = "image_status_ready_at_index"  # made by the doctype's on_doctype_update
FIELDS = ("name", "database", "mark", "status", "ready_at", "image")


# -- claiming ------------------------------------------------------------------------------------------------------


def claim(image, job: str, tenant: str):
	"""Take one ready copy of the image (document) for the job, and commit: nobody else gets it.

	Returns the row's FIELDS. Raises WayClosedError when none waits. Rows that others are just taking are passed over (SKIP LOCKED, MariaDB
	10.6). So any number of jobs at once get different ones without waiting.
	"""
	frappe.db.commit()
	table = frappe.qb.DocType("Standby Site")
	found = (
		frappe.qb.from_(table)
		# in the index's order: a sort would lock all rows that wait, and another claim would find none
		.force_index(QUEUE_INDEX)
		.select(*FIELDS)
		.where((table.image == image.name) & (table.status == "Ready"))
		.orderby(table.ready_at)
		.limit(1)
		.for_update(skip_locked=True)
		.run(as_dict=True)
	)
	if not found:
		frappe.db.commit()
		raise WayClosedError(f"no standby site of {image.name} waits")
	values = {"status": "Claimed", "claimed_by": job, "claimed_at": now_datetime(), "tenant": tenant}
	frappe.db.set_value("Standby Site", found[0].name, values)
	frappe.db.commit()
	return found[0]


def claimed_by(job: str) -> list:
	"""The rows that the job has claimed."""
	return frappe.get_all("Standby Site", {"claimed_by": job, "status": "Claimed"}, FIELDS)


def row(name: str):
	"""FIELDS of the row."""
	return frappe.db.get_value("Standby Site", name, FIELDS, as_dict=True)


def new_database(name: str) -> str:
	"""Choose a database name for the row, note it before anything is made, and commit."""
	database = f"_standby_{secrets.token_hex(8)}"
	frappe.db.set_value("Standby Site", name, "database", database)
	frappe.db.commit()
	return database


def set_ready(name: str) -> None:
	"""Let the row, which is being filled, be claimed. It can be once this transaction commits."""
	frappe.db.set_value("Standby Site", name, {"status": "Ready", "ready_at": now_datetime()})


def discard(row, bench: Door, new_mark: str | None = None) -> None:
	"""Remove what is left of a standby site, and note that it is gone. new_mark: that of the job that claimed it. Repeatable.

	The caller alone has it: its job claimed it, or `take` gave it to the caller. What people have used stays. No record claims it from then
	on, so reconciliation reports it, and leaves it alone as well.
	"""
	if sign := remove(row, bench, new_mark):
		message = f"The standby site in the database {row.database} is in use: {sign}. It was not removed; `saas drift` says what to do."
		frappe.log_error(title=f"{row.name} is in use", message=message)
	frappe.db.set_value("Standby Site", row.name, "status", "Discarded")
	frappe.db.commit()


def remove(row, bench: Door, new_mark: str | None = None) -> str:
	"""Remove the standby site's folder, database and database user, each where it carries one of the two marks.

	Where people have used it, nothing is removed. Returns what shows the use, as a piece of a sentence; empty for none.
	"""
	if not row.database:
		return ""
	marks = [mark for mark in (row.mark, new_mark) if mark]
	return bench.do("remove_standby", database=row.database, marks=marks)


def take(name: str, *statuses: str) -> bool:
	"""Set a row with one of the statuses to Discarding, so that nobody else gets it. False when it has another status by now. Commits."""
	frappe.db.commit()
	found = frappe.db.get_value("Standby Site", name, "status", for_update=True)
	if found in statuses:
		frappe.db.set_value("Standby Site", name, "status", "Discarding")
	frappe.db.commit()
	return found in statuses


# -- looking after -------------------------------------------------------------------------------------------------


def fill_pools() -> None:
	"""Every minute, on the admin site: fill the pools.

	Standby sites are discarded where their image is gone or stale, or their pool is switched off.
	"""
	if not site_role.is_admin_site():
		return
	benches_here = reached(status="Active")
	pooled = {(bench, kind) for bench in benches_here for kind in targets(bench)}
	for row in frappe.get_all(
		"Standby Site", {"status": ("in", ("Ready", "Discarding"))}, [*FIELDS, "bench", "kind"]
	):
		lifecycle.shielded(lambda row: _discard_if_unwanted(row, (row.bench, row.kind) in pooled), row)
	for bench in benches_here:
		lifecycle.shielded(fill, bench)


def _discard_if_unwanted(row, has_pool: bool) -> None:
	is_stale = frappe.db.get_value("Site Image", row.image, "status") != "Ready"
	if row.status == "Discarding" or ((is_stale or not has_pool) and take(row.name, "Ready")):
		discard(row, door_of(row.bench))


def fill(bench: str) -> list[str]:
	"""Start the filling jobs that the bench's pools lack, unless tenants wait; returns the jobs' names. Commits."""
	tenants_wait = frappe.db.exists(
		"Provisioning Job", {"bench": bench, "tenant": ("is", "set"), "status": ("in", ("Waiting", "Queued"))}
	)
	if tenants_wait:
		return []
	with named_lock("fill", bench) as is_ours:
		return _fill(bench) if is_ours else []


def _fill(bench: str) -> list[str]:
	started = []
	free = room(frappe.get_doc("Bench", bench))
	for kind, wanted in targets(bench).items():
		image = images.newest_ready(bench, kind)
		if not image:
			continue
		there = frappe.db.count("Standby Site", {"image": image, "status": ("in", ("Ready", "Filling"))})
		for _n in range(min(wanted - there, free)):
			started.append(start_filling(image, bench, kind))
			free -= 1
		frappe.db.commit()
	return started


def targets(bench: str) -> dict[str, int]:
	"""{kind of image: how many standby sites there should be}.

	That is what staff have set; and up to their bound, as many as tenants of the kind came in the last hour.
	"""
	since = add_to_date(now_datetime(), hours=-DEMAND_HOURS)
	active = plans_that_resolve()
	wanted: dict[str, int] = {}
	came: dict[str, int] = defaultdict(int)  # plan → tenants for whom there are pools of their country
	pools = [pool for pool in pools_with_sites() if pool.plan in active]
	for pool in sorted(pools, key=lambda pool: not pool.company_country):
		kind = ImageKind.of_pool(pool)
		of = {"plan": pool.plan, "bench": bench, "creation": (">=", since), **kind.company}
		demand = frappe.db.count("Tenant", of)
		if kind.company:
			came[pool.plan] += demand
		else:
			demand -= came[pool.plan]
		wanted[kind.name] = wanted.get(kind.name, 0) + max(pool.sites, min(demand, pool.most_sites or 0))
	return wanted


def room(bench) -> int:
	"""How many more sites the Bench document's disk margin and bound allow. Negative when not even those being filled fit.

	Standby sites count as sites, also those being filled. So do tenants whose site is still to be made.
	"""
	to_come = frappe.get_all(
		"Tenant", {"bench": bench.name, "status": ("in", ("Provisioning", "Failed"))}, pluck="site"
	)
	there = door_of(bench.name).do("bench_room", of_sites=[site for site in to_come if site])
	if there["disk_free"] < (bench.min_free_disk_gb or 0) * benches.GB:
		return -1
	if not bench.max_sites:
		return 10**6
	standing = frappe.db.count("Standby Site", {"bench": bench.name, "status": ("in", ("Ready", "Filling"))})
	return bench.max_sites - there["sites"] - standing - there["to_come"]


def start_filling(image: str, bench: str, kind: str) -> str:
	"""Make a row, and the job that copies the image into it; returns the job's name.

	Raises frappe.ValidationError for a bench that cannot be reached.
	"""
	benches.only_reached(bench)
	row = frappe.get_doc(
		{"doctype": "Standby Site", "image": image, "bench": bench, "kind": kind, "status": "Filling"}
	).insert(ignore_permissions=True)
	job = lifecycle.start(
		FILL,
		tenant=None,
		bench=bench,
		inputs={"image": image, "standby": row.name},
		about=row.name,
		priority=PRIORITY,
		image=image,
	)
	frappe.db.set_value("Standby Site", row.name, "mark", job.mark)
	return job.name


# -- telling -------------------------------------------------------------------------------------------------------

# The pool at a glance, as Desk's report and the shell show it.
OVERVIEW = [
	{"fieldname": "kind", "label": "Apps and Company", "fieldtype": "Data", "width": 280},
	{"fieldname": "image", "label": "Image", "fieldtype": "Link", "options": "Site Image", "width": 110},
	{"fieldname": "wanted", "label": "Wanted", "fieldtype": "Int", "width": 80},
	{"fieldname": "ready", "label": "Ready", "fieldtype": "Int", "width": 80},
	{"fieldname": "filling", "label": "Filling", "fieldtype": "Int", "width": 80},
	{"fieldname": "claimed_today", "label": "Claimed Today", "fieldtype": "Int", "width": 120},
	{"fieldname": "oldest", "label": "Oldest Ready Since", "fieldtype": "Datetime", "width": 170},
	{"fieldname": "hits", "label": "Hits Today", "fieldtype": "Int", "width": 100},
	{"fieldname": "misses", "label": "Misses Today", "fieldtype": "Int", "width": 110},
]


def overview() -> list[dict]:
	"""One row, with the keys of OVERVIEW, for each kind of image that plans and pools of a reachable bench need.

	A hit is a tenant whose site was a standby site; a miss is one that was made another way.
	"""
	rows = []
	for bench in reached(status="Active"):
		wanted = targets(bench)
		rows += [_overview_of(bench, kind, wanted.get(kind, 0)) for kind in images.wanted(bench)]
	return rows


def _overview_of(bench: str, kind: str, wanted: int) -> dict:
	of = {"bench": bench, "kind": kind}
	today = (">=", frappe.utils.today())
	image = images.newest_ready(bench, kind)
	copies = {"image": image or ("is", "not set")}
	ready = frappe.get_all(
		"Standby Site", {**copies, "status": "Ready"}, pluck="ready_at", order_by="ready_at"
	)
	ways = frappe.get_all(
		"Provisioning Job",
		{"bench": bench, "playbook": "create_tenant", "status": "Completed", "ended_at": today},
		["way", "state"],
	)
	hits = [
		job.way == "from a standby site" for job in ways if _kind_of(frappe.parse_json(job.state)) == kind
	]
	return {
		"kind": kind,
		"image": image,
		"wanted": wanted,
		"ready": len(ready),
		"filling": frappe.db.count("Standby Site", {**copies, "status": "Filling"}),
		"claimed_today": frappe.db.count("Standby Site", {**of, "status": "Claimed", "claimed_at": today}),
		"oldest": ready[0] if ready else None,
		"hits": sum(hits),
		"misses": len(hits) - sum(hits),
	}


def _kind_of(state: dict) -> str:
	"""The kind of image that a tenant's site is a copy of. From scratch, the kind that it could have been copied from."""
	return state.get("image_kind") or ImageKind(tuple(state.get("plan_apps") or ())).name
