"""From a free name to a site with its plan's apps."""

from typing import ClassVar

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.fleet import image_spec, site_sources
from buildpro_saas.jobs.playbook import Context, Step, WayClosedError

MINUTES = 60


class ReserveName(Step):
	"""Look once more, now that it is this job's turn, whether name, database, apps and room are there."""

	title = "Reserve name"

	def is_outdated(self, state: dict, tenant) -> bool:
		"""The plan may install other apps by now: the site is then made anew, unless it has answered and somebody may use it."""
		return not state.get("answered") and state.get("plan_apps") != image_spec.apps_to_install(tenant.plan)

	def run(self, context: Context) -> dict:
		site = context.tenant["site"]
		database = context.tenant.get("database_name") or context.bench.do("database_name_for", site=site)
		self._check_names(context, site, database)
		apps = self._apps(context)
		context.log(f"{site} with database {database} and {', '.join(apps)}")
		return {"site": site, "database": database, "reserved_database": database, "plan_apps": apps}

	def _check_names(self, context: Context, site: str, database: str) -> None:
		taken = context.bench.do("names_taken", site=site, database=database, mark=context.mark)
		if taken["site"]:
			raise NotOursError(
				f"The site {site} was not made by this job and is left alone.",
				"Choose another subdomain for this tenant.",
			)
		if taken["database"]:
			raise AgentError(
				f"The database name {database} is taken on this server.",
				"Remove the other database and press Retry; or Cancel, change the tenant's database name, and provision it.",
			)

	def _apps(self, context: Context) -> list[str]:
		wanted = image_spec.apps_to_install(context.tenant["plan"])
		there = context.bench.app_names()
		missing = [app for app in wanted if app not in there]
		if missing:
			raise AgentError(
				f"The bench lacks {', '.join(missing)}, which plan {context.tenant['plan']} installs.",
				"Get the app with `bench get-app`, or take it out of the plan, then press Retry.",
			)
		return wanted


class MakeSite(Step):
	"""A site with the framework, by the quickest way that is open: a standby site, a copy of an image, or from scratch."""

	title = "Make site"
	timeout = 15 * MINUTES
	ways: ClassVar = (site_sources.FromStandby(), site_sources.FromImage(), site_sources.FromScratch())

	def run(self, context: Context) -> dict:
		for way in self.ways:
			# A half-made site cannot be told from a damaged one: what an interrupted try left goes first.
			self.undo(context)
			try:
				made = way.make(context, self.timeout)
			except WayClosedError as reason:
				context.log(f"Not {way.title}: {reason}.")
				continue
			context.log(f"{context.site.name} was made {way.title}")
			return {**made, "way": way.title}
		raise AgentError("No way of making a site is open.")  # the last one always is

	def undo(self, context: Context) -> None:
		site_sources.unmake(context)


class InstallApps(Step):
	"""The plan's apps, one by one, as `bench install-app` does; those that the site was copied with are there."""

	title = "Install apps"
	timeout = 45 * MINUTES
	redo_from = "make_site"

	def run(self, context: Context) -> dict:
		if copied := context.state["copied_apps"]:
			context.log("Copied with the site")
			return {"apps": copied}
		for app in context.state["plan_apps"]:
			context.log(f"Installing {app}")
			context.run_on_site("buildpro_saas.agent.installer.install_app", self.timeout, app=app)
		installed = context.site.call("buildpro_saas.agent.installer.installed_apps")
		return {"apps": context.bench.app_facts(installed)}
