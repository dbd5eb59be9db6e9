"""From a free name to a site with its plan's apps."""

import secrets
from dataclasses import asdict

import frappe

from buildpro_saas.agent.databases import server
from buildpro_saas.agent.errors import AgentError
from buildpro_saas.provisioning import accounts, benches
from buildpro_saas.provisioning.playbook import Context, Step

MINUTES = 60


class ReserveName(Step):
	"""Look once more, now that it is this job's turn, whether name, database, apps and room are there."""

	title = "Reserve name"

	def run(self, context: Context) -> dict:
		site = context.bench.site(context.tenant["site"])
		database = context.tenant.get("database_name") or benches.default_database_name(site.name)
		if site.exists():
			site.only_with_mark(context.mark)
		self._check_database(database, context.mark)
		apps = self._apps(context)
		context.log(f"{site.name} with database {database} and {', '.join(apps)}")
		return {"site": site.name, "database": database, "plan_apps": apps}

	def _check_database(self, database: str, mark: str) -> None:
		with server(accounts.account()) as mariadb:
			found = mariadb.mark_of(database)
			if found != mark and (found is not None or mariadb.has_user(database)):
				raise AgentError(
					f"The database name {database} is taken on this server.",
					"Remove the other database and press Retry; or Cancel, change the tenant's database name, and provision it.",
				)

	def _apps(self, context: Context) -> list[str]:
		"""What the tenant's site is to have: ours first (it is the gate), then the plan's in their order."""
		wanted = frappe.get_doc("Plan", context.tenant["plan"]).resolved()["apps"]
		missing = [app for app in wanted if app not in context.bench.app_names()]
		if missing:
			raise AgentError(
				f"The bench lacks {', '.join(missing)}, which plan {context.tenant['plan']} installs.",
				"Get the app with `bench get-app`, or take it out of the plan, then press Retry.",
			)
		return ["buildpro_saas", *(app for app in wanted if app not in ("frappe", "buildpro_saas"))]


class MakeSite(Step):
	"""Database, database user, folder and the framework: what `bench new-site` makes."""

	title = "Make site"
	timeout = 15 * MINUTES

	def run(self, context: Context) -> dict:
		# A half-made site cannot be told from a damaged one: what an interrupted try left goes first.
		self.undo(context)
		name, password = context.state["database"], secrets.token_urlsafe(24)
		conf = frappe.conf
		config = {
			"db_name": name,
			"db_password": password,
			"db_type": conf.get("db_type") or "mariadb",
			"buildpro_role": "tenant",
			"buildpro_tenant": context.tenant["name"],
			# nobody's scheduler or web request touches it before it is ready
			"pause_scheduler": 1,
			"maintenance_mode": 1,
		}
		context.site.make_folder(config, context.mark)
		with server(accounts.account()) as mariadb:
			mariadb.create(name, password, context.mark)
		return context.site.run(
			"buildpro_saas.agent.installer.install_framework",
			timeout=self.timeout,
			log=context.log,
			checkpoint=context.checkpoint,
		)

	def undo(self, context: Context) -> None:
		if "database" not in context.state:
			return
		# out of the web server's sight first; the database carries a mark of its own
		if not context.site.exists() or context.site.mark == context.mark:
			context.site.remove_folder(context.mark)
		with server(accounts.account()) as mariadb:
			if mariadb.mark_of(context.state["database"]) == context.mark:
				mariadb.drop(context.state["database"], context.mark)


class InstallApps(Step):
	"""The plan's apps, one by one, as `bench install-app` does."""

	title = "Install apps"
	timeout = 45 * MINUTES
	redo_from = "make_site"

	def run(self, context: Context) -> dict:
		for app in context.state["plan_apps"]:
			context.log(f"Installing {app}")
			context.site.run(
				"buildpro_saas.agent.installer.install_app",
				app=app,
				timeout=self.timeout,
				log=context.log,
				checkpoint=context.checkpoint,
			)
		installed = context.site.call("buildpro_saas.agent.installer.installed_apps")
		return {"apps": [asdict(context.bench.app(app)) for app in installed]}
