"""From a reserved name to a site with its plan's apps."""

from typing import ClassVar

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.fleet import benches, image_spec, site_sources
from buildpro_saas.jobs.playbook import Context, Step, WayClosedError

MINUTES = 60


class ReserveName(Step):
	"""Looks once more, now that it is this job's turn, whether names are free and the bench has the apps."""

	title = "Reserve name"

	def is_outdated(self, state: dict, tenant) -> bool:
		"""Whether the plan installs other apps by now. Then the site is made anew, unless it has answered: somebody may use it."""
		return not state.get("answered") and state.get("plan_apps") != image_spec.apps_to_install(tenant.plan)

	def run(self, context: Context) -> dict:
		"""Hands on {"site", "database", "reserved_database", "plan_apps": names}.

		Raises NotOursError or AgentError where a name is taken, AgentError where the bench lacks an app.
		"""
		site = context.tenant["site"]
		database = context.tenant.get("database_name") or self._default_name(context, site)
		self._check_names(context, site, database)
		apps = self._apps(context)
		context.log(f"{site} with database {database} and {', '.join(apps)}")
		return {"site": site, "database": database, "reserved_database": database, "plan_apps": apps}

	def _default_name(self, context: Context, site: str) -> str:
		return benches.default_database_name(context.bench_row["name"], site, context.tenant["name"])

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
		plan = context.tenant["plan"]
		wanted = image_spec.apps_to_install(plan)
		check_bench_has(context, wanted, f", which plan {plan} installs", ", or take it out of the plan")
		return wanted


def check_bench_has(context: Context, apps: list[str], whose: str = "", way_out: str = "") -> None:
	"""Raise AgentError where the bench lacks one of the apps. whose, way_out: what the sentence and its hint say of them besides."""
	there = context.bench.app_names()
	if missing := [app for app in apps if app not in there]:
		raise AgentError(
			f"The bench lacks {', '.join(missing)}{whose}.",
			f"Get the app with `bench get-app`{way_out}, then press Retry.",
		)


class MakeSite(Step):
	"""Makes a site with the framework, the quickest way that is open: a standby site, a copy of an image, or from scratch."""

	title = "Make site"
	timeout = 15 * MINUTES
	ways: ClassVar = (site_sources.FromStandby(), site_sources.FromImage(), site_sources.FromScratch())

	def run(self, context: Context) -> dict:
		"""Hands on what the way returns (site_sources.Way.make), and {"way": its title}."""
		for way in self.ways:
			# A half-made site looks like a damaged one. So what an interrupted try left is removed first.
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
	"""Installs the plan's apps one by one, as `bench install-app` does. A copied site has them already."""

	title = "Install apps"
	timeout = 45 * MINUTES
	redo_from = "make_site"

	def run(self, context: Context) -> dict:
		"""Hands on {"apps": facts of the installed ones}."""
		if copied := context.state["copied_apps"]:
			context.log("Copied with the site")
			return {"apps": copied}
		for app in context.state["plan_apps"]:
			context.log(f"Installing {app}")
			context.run_on_site("buildpro_saas.agent.installer.install_app", self.timeout, app=app)
		installed = context.site.call("buildpro_saas.agent.installer.installed_apps")
		return {"apps": context.bench.app_facts(installed)}
