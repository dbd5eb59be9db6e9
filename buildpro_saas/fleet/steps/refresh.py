"""The steps of a refresh: back up, pull, rehearse, build, migrate, ask whether all answer. Between them the worker may be another one."""

import frappe

from buildpro_saas.agent.errors import TransientError
from buildpro_saas.fleet import refreshes
from buildpro_saas.fleet.steps.refresh_batches import (
	BATCHES,
	BackUpSites,
	MigrateCanaries,
	MigrateRest,
	RehearseCanaries,
)
from buildpro_saas.fleet.steps.refresh_code import BuildAssets, PullApps, RestartProcesses
from buildpro_saas.fleet.steps.refresh_state import MINUTES, ONCE, TOLD, keep, migrated, of, seconds_since
from buildpro_saas.jobs import batch_rows
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

# What the steps hand on, and what has to go when the job begins anew.
ANEW = (
	"is_put_back",
	"is_pulled",
	"canaries",
	"restart",
	"restart_again",
	"admin_jobs",
	"is_told_to_restart",
)


class LookWhatIsNew(Step):
	"""Ask the origins of the apps what is new, and which sites do not answer as it is."""

	title = "Look what is new"
	timeout = 30 * MINUTES
	retry = RetryPolicy(attempts=4)

	def is_outdated(self, state: dict, tenant) -> bool:
		"""After a rehearsal that failed the apps are what they were: with what is new by now, all begins anew."""
		return bool(state.get("is_put_back"))

	def run(self, context: Context) -> dict:
		"""Returns {"apps": {app: [commit, new commit]}, "requirements": apps, "silent": {tenant: sentence}}."""
		found, requirements = {}, []
		if context.inputs["has_pull"]:
			for app in context.run("fetch_apps", self.timeout):
				if app.why_not:
					context.log(f"Left as it is: {app.why_not}")
				elif app.is_new:
					context.log(
						f"{app.app} ({app.branch}): {app.number} new commits, {app.commit[:9]} → {app.new[:9]}"
					)
					found[app.app] = [app.commit, app.new]
					requirements += [app.app] if app.has_requirements else []
		context.log(f"{len(found)} apps to pull; {len(context.inputs['tenants'])} sites")
		silent = refreshes.silent(_web(context), context.inputs["tenants"], context.checkpoint)
		for said in silent.values():
			context.log(f"Before anything is done: {said}")
		anew = dict.fromkeys((*ANEW, *(of(step.__name__) for step in BATCHES)))
		return {**anew, "apps": found, "requirements": requirements, "silent": silent}


class MigrateAdminSite(Step):
	"""Migrate the admin site itself, as `bench migrate` does, where it is on this bench and has something to migrate."""

	title = "Migrate this site"
	timeout = 60 * MINUTES
	retry = ONCE

	def run(self, context: Context) -> dict:
		if context.inputs["site"] or not context.bench_row["is_local"]:
			context.log("It is not part of this refresh.")
			return {}
		site = frappe.local.site
		jobs = context.state.get("admin_jobs")
		if jobs is None:
			if not context.bench.do("pending_migration", site=site):
				context.log(f"{site} has nothing to migrate.")
				return {}
			frappe.db.commit()  # whoever holds a table of its own would wait for himself
			done = context.run("migrate_in_place", self.timeout, site=site)
			frappe.clear_cache()
			context.log(f"{site}: {len(done.patches)} patches")
			jobs = done.jobs
			keep(context, admin_jobs=jobs)
		context.bench.do("release_jobs", jobs=jobs)
		return {}


class CheckAnswers(Step):
	"""Ask each site whether it answers under its own name. Those that did not before are no reason to halt."""

	title = "Check that all answer"
	timeout = 30 * MINUTES
	retry = RetryPolicy(attempts=6)

	def run(self, context: Context) -> None:
		"""Raises TransientError with those that do not answer: a web server that is being restarted is back within minutes."""
		asked = context.inputs["tenants"]
		found = refreshes.silent(_web(context), asked, context.checkpoint)
		new = {tenant: said for tenant, said in found.items() if tenant not in context.state["silent"]}
		context.log(f"{len(asked) - len(found)} of {len(asked)} sites answer")
		if new:
			raise TransientError(
				f"{'; '.join(list(new.values())[:TOLD])}. The refresh is halted.",
				"See logs/web.error.log and the site's Error Log. `saas swap-back` takes a migrate back. Then press Retry.",
			)


class CheckCanaries(CheckAnswers):
	"""The same, before the many have their turn: all sites run the new code by now, the canaries with the new schema."""

	title = "Check the canaries"


class ReportRefresh(Step):
	"""Sum up what was done."""

	title = "Report"

	def run(self, context: Context) -> dict:
		"""Returns {"report": lines}."""
		apps = [f"{app} {old[:9]} → {new[:9]}" for app, (old, new) in context.state["apps"].items()]
		done, backup = migrated(context), context.state.get(of(BackUpSites.__name__))
		backed_up = batch_rows.counts(backup)[batch_rows.COMPLETED] if backup else 0
		began = frappe.db.get_value("Provisioning Job", context.job, "started_at")
		lines = [
			f"Apps: {', '.join(apps) or 'as they were'}.",
			f"Backups: {backed_up}. Canaries: {', '.join(context.state.get('canaries') or []) or 'none'}.",
			f"Migrated: {len(done)} of {len(context.inputs['tenants'])} sites; the others had nothing to do.",
			f"Took {seconds_since(began):.0f} s.",
		]
		for line in lines:
			context.log(line)
		return {"report": lines}


STEPS = (
	LookWhatIsNew(),
	BackUpSites(),
	PullApps(),
	RehearseCanaries(),
	BuildAssets(),
	MigrateAdminSite(),
	RestartProcesses(),
	MigrateCanaries(),
	CheckCanaries(),
	MigrateRest(),
	CheckAnswers(),
	ReportRefresh(),
)


def _web(context: Context) -> tuple:
	return context.bench, context.bench_row["web_port"]
