"""What is to be seen of a site that is down or slow; a statement or a job of its own that is ended."""

from typing import Annotated, Any

import frappe
from pydantic import Field

from buildpro_saas.agent.bench import Bench
from buildpro_saas.agent.diagnosis import (
	answers,
	disk_usage,
	hung_cache,
	logs,
	looks,
	mariadb,
	queues,
	site_tables,
	slow,
)
from buildpro_saas.agent.operations.names import SiteName
from buildpro_saas.agent.operations.operation import quick

Seconds = Annotated[float, Field(gt=0, le=60)]


@quick
def look_at_site(
	bench: Bench, site: SiteName, web_port: int, has_proxy: bool, seconds: Seconds
) -> dict[str, dict[str, Any]]:
	"""All that is to be seen of the site, as diagnosis.looks tells it, after so many seconds at most. has_proxy: also the bench's proxy."""
	return looks.look(bench, hung_cache.real(frappe.conf), site, web_port, has_proxy, seconds)


@quick
def servers_fault(bench: Bench, site: SiteName) -> str:
	"""Why the framework cannot work on the site, as a sentence, within two seconds; "" where it can (diagnosis.answers)."""
	return answers.fault_of(bench, site)


@quick
def site_of_tenant(bench: Bench, tenant: str) -> str:
	"""The name of the bench's site that is configured for the tenant, or named like it; "" for none."""
	return answers.site_of_tenant(bench, tenant)


@quick
def users_of_site(bench: Bench, site: SiteName) -> dict[str, int] | None:
	"""{"enabled", "active"}: how many users the site has, and how many did something in the last day; None where it does not answer."""
	return site_tables.users(bench, site)


@quick
def slow_site(bench: Bench, site: SiteName) -> dict[str, Any]:
	"""What makes the site slow, as diagnosis.slow tells it: statements, tables, requests, neighbours."""
	return slow.look(bench, frappe.conf, site)


@quick
def end_statement(bench: Bench, site: SiteName, id: int, is_whole: bool) -> str:
	"""End a statement of the site's own, or its whole connection; returns what it was, without literals. Raises AgentError for any other."""
	return mariadb.end_statement(bench, site, id, is_whole)


@quick
def end_job(bench: Bench, site: SiteName, job: str) -> str:
	"""End a background job of the site's own, or take it out of its queue; returns what it was. Raises AgentError for any other."""
	return queues.end(frappe.conf, site, job)


@quick
def disk_usage_of(bench: Bench, backup_folder: str) -> dict[str, Any]:
	"""What takes the bench's disks, as diagnosis.disk_usage tells it. backup_folder: where stores of backups are; empty: the bench's own folder."""
	return disk_usage.take(bench, backup_folder)


@quick
def site_for_support(bench: Bench, site: SiteName, people: list[str]) -> dict[str, str]:
	"""{file: text} of what helps who helps: configuration and logs, without secrets and people, as diagnosis.logs tells it. people: further names."""
	return logs.take(bench, frappe.conf, site, people)
