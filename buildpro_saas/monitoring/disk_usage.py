"""What takes the disks of the benches, by tenant and kind; what may go, and how much that frees."""

from dataclasses import dataclass
from typing import Any

import frappe

from buildpro_saas.jobs.bench_door import door_of

MB = 10**6
KINDS = ("database", "public", "private", "backups", "logs")


@dataclass(frozen=True)
class MayGo:
	"""Something that may be removed. bytes: about, what that frees. how: the command, or where to look."""

	what: str
	bytes: int
	how: str


def of_bench(bench: str) -> dict[str, Any]:
	"""{"says", "disks", "sites": [{"site", "tenant", …KINDS, "all"}], "bench": {kind: bytes}, "may_go": [MayGo]}, the largest first.

	Raises AgentError where the bench cannot be reached.
	"""
	folder = frappe.db.get_value("Bench", bench, "backup_folder") or ""
	found = door_of(bench).do("disk_usage_of", backup_folder=folder)
	tenants = dict(
		frappe.get_all("Tenant", {"bench": bench, "site": ("is", "set")}, ["site", "name"], as_list=True)
	)
	sites = [
		{"site": name, "tenant": tenants.get(name), **sizes, "all": sum(sizes.values())}
		for name, sizes in found["sites"].items()
	]
	return {
		**found,
		"sites": sorted(sites, key=lambda each: -each["all"]),
		"may_go": may_go(found["sites"], found["bench"]),
	}


def may_go(sites: dict[str, dict[str, int]], of_bench: dict[str, int]) -> list[MayGo]:
	"""What may go of a bench, what frees most first. Pure. sites: {site: {kind: bytes}}, of_bench: {kind: bytes}. Nothing of a tenant's data is named."""
	found = [
		MayGo("The trash", of_bench["trash"], "saas trash; saas trash --remove NAME, for good"),
		MayGo(
			"Copies of sites from before a swap", of_bench["shadows"], "saas shadows; saas drop-shadow NAME"
		),
		MayGo("Standby sites", of_bench["standby"], "saas set-pool PLAN 0: new tenants then take longer"),
		MayGo("Images", of_bench["images"], "saas images prune removes those that are stale"),
		MayGo("What restores have left", of_bench["fetched"], "it goes by itself; a restore may be at it"),
		MayGo("Older logs of the bench", of_bench["old_logs"], "remove logs/*.log.1 and so on"),
		MayGo(
			"MariaDB's binary log",
			of_bench["binary_log"],
			"purge binary logs before DATE, as its root: restores to a moment before that are not possible then",
		),
		*(
			MayGo(
				f"Files of bench backup in {site}",
				sizes["backups"],
				f"remove them in sites/{site}/private/backups",
			)
			for site, sizes in sites.items()
		),
	]
	return sorted((each for each in found if each.bytes >= MB), key=lambda each: -each.bytes)
