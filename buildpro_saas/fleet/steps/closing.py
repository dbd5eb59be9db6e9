"""Closing a tenant's site for a job that gives it another name, or takes it away; and opening it again."""

from frappe.utils import now_datetime

from buildpro_saas.agent.facts import MARK
from buildpro_saas.fleet import holds
from buildpro_saas.jobs.bench_door import door_of
from buildpro_saas.jobs.playbook import Context, Step
from buildpro_saas.tenant_status import WITH_SITE


class CloseSite(Step):
	"""Let nobody in, wait for the site's jobs and requests: from now on nothing is written that could be lost."""

	title = "Close site"
	timeout = 300

	def is_outdated(self, state: dict, tenant) -> bool:
		"""Whether the site is to be closed again: it was opened when the job failed, and people may have worked since."""
		return has_site(tenant) and door_of(tenant.bench).site(tenant.site_name).exists()

	def run(self, context: Context) -> dict:
		"""Hands on {"closed_at", "closed_database", "closed_mark"}; the last two are the site's."""
		if not has_site(context.tenant):
			context.log(f"{context.tenant['name']} is {context.tenant['status']}, and has no site")
			return {}
		site, bench = context.site, context.bench
		config, now = site.config_in_place(), f"{now_datetime():%Y-%m-%d %H:%M:%S}"
		bench.do("close_site", site=site.name, by=holds.by(context, now))
		holds.wait_for_jobs(context)
		bench.do("end_connections", site=site.name)
		holds.write_down(context)
		context.log(f"{site.name} answers 503 to everybody since {now}")
		return {
			"closed_at": now,
			"closed_database": config["db_name"],
			"closed_mark": config.get(MARK) or "",
		}

	def undo(self, context: Context) -> None:
		context.bench.do("let_go_of_site", site=context.site.name)


class OpenSite(Step):
	"""Let people and jobs in again."""

	title = "Open site"

	def run(self, context: Context) -> None:
		site = context.site.name
		context.bench.do("let_go_of_site", site=site)
		if number := context.bench.do("release_moved_jobs", site=site):
			context.log(f"{number} jobs that waited go on")


def has_site(tenant) -> bool:
	"""Whether the tenant (document, or its fields) has a site now."""
	return tenant["status"] in WITH_SITE if isinstance(tenant, dict) else tenant.status in WITH_SITE


def open_again(inputs: dict, status: str) -> None:
	"""A playbook's on_status: the site that its job had closed is opened, where it still is what it was.

	inputs: {"bench", "site"}, the site's name as it was when the job was asked for.
	"""
	if status in ("Failed", "Cancelled"):
		door_of(inputs["bench"]).do("let_go_of_site", site=inputs["site"])
