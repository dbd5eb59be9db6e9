"""The guide's list of sites: whose, which plan, apps and versions, how large, last backup, in which state."""

from typing import Any

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import backups, site_state
from buildpro_saas.fleet.site_operations import Whom
from buildpro_saas.jobs.bench_door import door_of

MB = 10**6


def sites(whom: Whom) -> list[dict[str, Any]]:
	"""[{"site", "tenant", "plan", "status", "bench", "apps": {app: version}, "database_mb", "files_mb", "last_backup", "state":
	[sentences]}], by name.

	apps: as on record. last_backup: when the newest that is kept was taken; None for none. The sizes are None for a site that cannot be looked at; `state` says why. Raises frappe.ValidationError as Whom.found does.
	"""
	found = whom.found()
	names = ("in", [row["tenant"] for row in found])
	apps: dict[str, dict[str, str]] = {}
	for row in frappe.get_all(
		"Tenant App", {"parent": names}, ["parent", "app", "version"], order_by="parent, idx"
	):
		apps.setdefault(row.parent, {})[row.app] = row.version
	newest = dict(
		frappe.get_all(
			"Backup",
			{"tenant": names, "status": backups.KEPT},
			["tenant", "max(taken_at)"],
			group_by="tenant",
			as_list=True,
		)
	)
	return [
		{
			**row,
			"apps": apps.get(row["tenant"], {}),
			"last_backup": newest.get(row["tenant"]),
			**_look(row),
		}
		for row in found
	]


def told(row: dict[str, Any]) -> list[tuple[str, str]]:
	"""One row of `sites` for people, with what else the record of its tenant has: (what, value) of each."""
	fields = ["company", "database", "owner_email", "rehearsal", "rehearsal_says"]
	tenant = frappe.db.get_value("Tenant", row["tenant"], fields, as_dict=True)
	size = "unknown" if row["database_mb"] is None else f"{row['database_mb']} MB, files {row['files_mb']} MB"
	return [
		("Site", row["site"]),
		("Tenant", f"{row['tenant']}, {tenant.company} ({tenant.owner_email})"),
		("Plan", row["plan"]),
		("Status", row["status"]),
		("Bench", row["bench"]),
		("Apps", ", ".join(f"{app} {version}" for app, version in row["apps"].items())),
		("Database", f"{tenant.database}, {size}"),
		("Last backup", f"{row['last_backup']:%Y-%m-%d %H:%M}" if row["last_backup"] else "never"),
		("Last rehearsal", " ".join(filter(None, (tenant.rehearsal, tenant.rehearsal_says))) or "none"),
		("State", " ".join(row["state"]) or "nothing unusual"),
	]


def _look(row: dict[str, Any]) -> dict[str, Any]:
	try:
		door = door_of(row["bench"])
		size = door.do("site_size", site=row["site"])
		state = site_state.of(door.site(row["site"]).config)
	except AgentError as error:
		return {"database_mb": None, "files_mb": None, "state": [str(error)]}
	return {
		"database_mb": round(size["database"] / MB, 1),
		"files_mb": round(size["files"] / MB, 1),
		"state": state,
	}
