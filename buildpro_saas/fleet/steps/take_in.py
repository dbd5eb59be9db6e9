"""Taking in a site that was nobody's tenant: judged, copied into a shadow, brought up to date, checked, and put where a tenant's site is."""

import time

from frappe.utils import now_datetime

from buildpro_saas.agent.errors import AgentError, NotOursError
from buildpro_saas.agent.facts import MAINTENANCE, SHADOWS
from buildpro_saas.fleet import benches, finished_site, image_spec, site_state, taking_in
from buildpro_saas.fleet.steps.configuration import Configure
from buildpro_saas.fleet.steps.restore import ON_SITE, SIGN_IN
from buildpro_saas.fleet.steps.site import ReserveName
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

MINUTES = 60
INSTALL = "buildpro_saas.agent.installer.install_app"
INSTALLED = "buildpro_saas.agent.installer.installed_apps"
MISSING_PATCHES = "buildpro_saas.agent.pending_migration.missing_patches"
OWNER = "buildpro_saas.tenant_site.onboarding.make_owner_unless_there"
UNTOUCHED = "What is taken in is untouched. Cancel takes away what was made; Retry begins again."


class JudgeIntake(ReserveName):
	"""See what is to be taken in, and whether it can be, now that it is this job's turn. Nothing is begun where it cannot."""

	title = "Judge"
	timeout = 60 * MINUTES

	def is_outdated(self, state: dict, tenant) -> bool:
		"""Whether the plan installs other apps by now."""
		return state.get("plan_apps") != image_spec.apps_to_install(tenant.plan)

	def run(self, context: Context) -> dict:
		"""Hands on what ReserveName does, {"older": apps that are to be migrated} and {"installs": apps to install}."""
		made = self.names(context)
		keep_free = int((context.bench_row["min_free_disk_gb"] or 0) * benches.GB)

		def run(name: str, **spec):
			return context.run(name, self.timeout, **spec)

		found = taking_in.run_survey(run, context.inputs, keep_free)
		told = taking_in.report(found, context.inputs, context.tenant["plan"], context.bench_row["name"])
		for line in taking_in.lines(told):
			context.log(line)
		if told["faults"]:
			raise AgentError(
				" ".join(told["faults"]), "Mend that and press Retry, or Cancel. Nothing was begun."
			)
		taking_in.note_customisations(context.tenant["name"], taking_in.customisations(found.customisations))
		return {**made, "older": found.older, "installs": told["installed"]}

	def names(self, context: Context) -> dict:
		"""What ReserveName hands on. Raises as it does."""
		return super().run(context)

	def undo(self, context: Context) -> None:
		taking_in.drop_uploads(context.inputs)


class CloseOldSite(Step):
	"""Close the site that is taken in, where that was asked for: what people wrote there from now on would be missing in the new one."""

	title = "Close old site"

	def run(self, context: Context) -> None:
		"""Keeps {"before": what the keys were}."""
		if not context.inputs.get("is_closed"):
			return
		site = context.bench.site(context.inputs["of"])
		config = site.config_in_place()
		if _is_closed_by(context, config):
			return  # a run that died has done it
		asked = {
			"is_on": True,
			"by": context.job,
			"mark": context.mark,
			"since": f"{now_datetime():%Y-%m-%d %H:%M}",
			"message": f"This site has moved to {context.site.name}.",
		}
		values = site_state.maintenance(config, asked)
		# noted before it is done: a run that dies in between has closed nothing that nobody knows of
		context.keep({"before": {key: config.get(key) for key in values}})
		site.update_config(values)
		context.log(f"{site.name} is in maintenance, and stays so.")

	def undo(self, context: Context) -> None:
		before = context.state.get("before")
		site = context.bench.site(context.inputs["of"]) if before else None
		if site and _is_closed_by(context, site.config):  # nobody else has opened or closed it meanwhile
			site.update_config(before)


def _is_closed_by(context: Context, config: dict) -> bool:
	return (config.get(MAINTENANCE) or {}).get("mark") == context.mark


class FillShadow(Step):
	"""Copy database and files, or load them from the backup, into a shadow. What is taken in is only read."""

	title = "Fill shadow"
	timeout = 4 * 60 * MINUTES
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> None:
		self.undo(context)  # what an interrupted try left
		kind, of = context.inputs["kind"], context.inputs["of"]
		self.fill(context, kind, of if kind == taking_in.SITE else taking_in.folder_of(context.inputs))

	def fill(self, context: Context, kind: str, of: str, *, with_settings: bool = True) -> None:
		"""Fill the shadow, which is not there yet. of: a site, or a folder. with_settings: what comes along of site_config.json, too."""
		began = time.monotonic()
		shadow = {"database": context.state["reserved_database"], "mark": context.mark}
		if kind == taking_in.SITE:
			held = context.run("copy_into_shadow", self.timeout, site=of, **shadow)
			settings, compared = {"site": of}, "the same as there"
		else:
			loaded = context.run("load_into_shadow", self.timeout, folder=of, **shadow)
			held, settings = loaded.held, {"folder": of}
			compared = "the same as in its manifest" if loaded.is_compared else "compared with nothing"
		if with_settings:
			context.bench.do("take_along_config", **settings, **shadow)
		rows = sum(rows for rows, _checksum in held.tables.values())
		context.log(
			f"{len(held.tables)} tables with {rows} rows, {compared}; in {time.monotonic() - began:.1f} s"
		)

	def undo(self, context: Context) -> None:
		"""Take away all that the job has made of the site, wherever it stands by now."""
		if not (database := context.state.get("reserved_database")):
			return
		used = context.bench.do(
			"remove_taken_in", site=context.site.name, database=database, mark=context.mark
		)
		if used:
			raise NotOursError(
				f"The site {context.site.name} is in use: {used}. Nothing of it is taken away.",
				finished_site.HINT,
			)


class OnShadow(Step):
	"""A step that calls functions on the shadow."""

	redo_from = "fill_shadow"  # installers and migrations commit as they go

	def call(self, context: Context, method: str, **arguments):
		"""What the function, by its dotted name, returns on the shadow."""
		return context.run(
			"run_on_site",
			self.timeout,
			site=context.state["reserved_database"],
			place=SHADOWS,
			method=method,
			arguments=arguments,
		)


class MigrateNew(OnShadow):
	"""End what was under way on the old site, and migrate the shadow where its apps are older than the bench's."""

	title = "Bring up to date"
	timeout = 2 * 60 * MINUTES

	def run(self, context: Context) -> dict:
		"""Hands on {"jobs": what patches asked for, as release_jobs takes it}."""
		ended = self.call(context, f"{ON_SITE}.settle")
		context.log(
			f"{ended['sessions']} sessions ended, {ended['mails']} mails that were not sent yet are not sent"
		)
		patches = self.call(context, MISSING_PATCHES)
		if not (context.state["older"] or patches):
			context.log("It is as new as the bench: nothing to migrate")
			return {"jobs": []}
		database = context.state["reserved_database"]
		copy = {"database": database, "mark": context.mark}
		done = context.run("migrate_shadow", self.timeout, site=context.site.name, **copy)
		context.bench.do("update_site_config", site=database, place=SHADOWS, values=done.config)
		context.log(f"Migrated: {len(done.patches)} patches; {len(done.jobs)} jobs asked for")
		return {"jobs": done.jobs}

	def undo(self, context: Context) -> None:
		context.bench.do("forget_jobs", jobs=context.state.get("jobs") or [])


class InstallMissing(OnShadow):
	"""Install the plan's apps that the site does not have, our own first. It is the gate."""

	title = "Install apps"
	timeout = 45 * MINUTES

	def run(self, context: Context) -> dict:
		"""Hands on {"apps": facts of the installed ones}."""
		for app in context.state["installs"]:
			context.log(f"Installing {app}")
			self.call(context, INSTALL, app=app)
		return {"apps": context.bench.app_facts(self.call(context, INSTALLED))}


class CheckNew(OnShadow):
	"""Ask the shadow as a browser would, sign in there, and see that its passwords can be decrypted."""

	title = "Check shadow"
	timeout = 10 * MINUTES
	retry = RetryPolicy(attempts=3)
	redo_from = None

	def run(self, context: Context) -> None:
		lost = self.call(context, f"{ON_SITE}.unreadable_secrets")
		named = "; ".join(lost["told"]) + ("; …" if lost["count"] > len(lost["told"]) else "")
		if lost["count"]:
			context.log(f"Not to be decrypted: {named}")
		if lost["count"] and not context.inputs.get("without_key"):
			raise AgentError(
				f"{lost['count']} passwords cannot be decrypted: {named}",
				f"Cancel, and take it in with its site_config.json, or with --without-key. {UNTOUCHED}",
			)
		answered = self.call(context, SIGN_IN)
		context.log(f"It answers, and a sign-in works: {', '.join(answered['pages'])}")


class TakePlace(Step):
	"""Put the shadow where the tenant's site is to be. It stays closed to its users."""

	title = "Take place"

	def run(self, context: Context) -> dict:
		"""Hands on {"database"}."""
		database = context.state["reserved_database"]
		context.bench.do("take_place", database=database, site=context.site.name, mark=context.mark)
		return {"database": database}


class ConfigureNew(Configure):
	"""Writes what a tenant's site has in its site_config.json. Until the job ends people can only read, and nobody can sign in."""

	title = "Write configuration"

	def values(self, context: Context) -> dict:
		"""As Configure has it, but for what opens the site."""
		closed = {
			"maintenance_mode": 1,
			"allow_reads_during_maintenance": 1,
			"pause_scheduler": 1,
			"mute_emails": 1,
		}
		return {**super().values(context), **closed}


class EnsureOwner(Step):
	"""Make the owner's user where the site has none of that address. One that is there stays as it is."""

	title = "Look for owner"

	def run(self, context: Context) -> None:
		tenant = context.tenant
		made = context.site.call(
			OWNER,
			email=tenant["owner_email"],
			full_name=tenant["owner_name"],
			language=tenant["language"],
			time_zone=tenant["time_zone"],
		)
		context.log(f"{made['user']} {'was made' if made['created'] else 'is there'}")
