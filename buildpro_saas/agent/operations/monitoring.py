"""The numbers of the bench, its machine and its sites."""

from typing import Any

import frappe

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.metrics import taken
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import quick


@quick
def read_metrics(bench: Bench, only: list[SiteName] | None = None) -> dict[str, Any]:
	"""All numbers of the bench at once: {"at", "machine", "mariadb", "redis", "queues", "workers", "web", "requests", "sites"}.

	at: seconds since the epoch. machine: {metric: number}, and "disks": {place: {metric: number}}. redis, queues: {name: {metric: number}}.
	workers: as metrics.queues tells them. sites: {site: {metric: number}}, with "error", a sentence, where something of it was not read.
	Where the whole of another part was not read, it is {"error": sentence}. only: these sites; left out for all.
	"""
	return taken.take(bench, frappe.conf, only)
