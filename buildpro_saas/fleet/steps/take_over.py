"""A site that was nobody's tenant becomes a tenant's where it stands: a copy of it is made ready, and takes its place."""

from typing import Any

from buildpro_saas.agent.errors import NotOursError, TransientError
from buildpro_saas.agent.facts import SHADOWS, Manifest
from buildpro_saas.fleet import finished_site, holds, shadows, taking_in
from buildpro_saas.fleet.steps.migrate import changed_tables
from buildpro_saas.fleet.steps.take_in import (
	MISSING_PATCHES,
	CheckNew,
	ConfigureNew,
	InstallMissing,
	JudgeIntake,
)
from buildpro_saas.jobs.playbook import Context, RetryPolicy

MINUTES = 60
# What is put back as it was once the site is the tenant's.
OPENED_BY = ("maintenance_mode", "allow_reads_during_maintenance", "pause_scheduler", "mute_emails")


class JudgeInPlace(JudgeIntake):
	"""See what the site is, and whether it can become the tenant's. Nothing is begun where it cannot."""

	def names(self, context: Context) -> dict:
		"""As JudgeIntake has it, and {"old_database": what the site has now}. The site's name is its own."""
		site, apps = context.inputs["of"], self._apps(context)
		old = context.state.get("old_database") or context.bench.site(site).config_in_place()["db_name"]
		return {
			"site": site,
			"old_database": old,
			"reserved_database": context.inputs["shadow"],
			"plan_apps": apps,
		}


class _ConfigureInPlace(ConfigureNew):
	def values(self, context: Context) -> dict:
		"""As ConfigureNew has it; a site that has an address keeps it."""
		values = super().values(context)
		return {**values, "host_name": context.site.config.get("host_name") or values["host_name"]}


class _MigrateCopy:
	"""Migrates the copy where its apps are older. Sessions and mails that are under way go on: it is the same site."""

	def run(self, context: Context, call) -> list[dict]:
		"""Returns the jobs that patches asked for, as release_jobs takes them."""
		patches = call(context, MISSING_PATCHES)
		if not (context.state["older"] or patches):
			return []
		database = context.state["reserved_database"]
		copy = {"database": database, "mark": context.mark}
		done = context.run("migrate_shadow", TakeOver.timeout, site=context.site.name, **copy)
		context.bench.do("update_site_config", site=database, place=SHADOWS, values=done.config)
		context.log(f"Migrated: {len(done.patches)} patches; {len(done.jobs)} jobs asked for")
		return done.jobs


class TakeOver(CheckNew):
	"""Keep writers away, copy the site, make the copy ready, and put it in the site's place. Until then the site is as it was."""

	title = "Take over"
	timeout = 4 * 60 * MINUTES
	retry = RetryPolicy(attempts=3)
	redo_from = None

	def run(self, context: Context) -> dict:
		"""Hands on {"database", "apps", "jobs", "before": what is put back at the end, "kept": the record of what the site was}."""
		if not _is_swapped(context):
			self._make_and_swap(context)
		context.bench.do("become_tenants", **_names(context))
		return {"database": context.state["reserved_database"]}

	def undo(self, context: Context) -> None:
		"""Give the site back as it was."""
		if "old_database" not in context.state:
			return
		if used := context.bench.do("give_back_site", **_names(context)):
			raise NotOursError(
				f"The site {context.site.name} is in use: {used}. It is not given back.", finished_site.HINT
			)
		context.bench.do("let_go_of_site", site=context.site.name)
		context.bench.do("forget_jobs", jobs=context.state.get("jobs") or [])
		if kept := context.state.get("kept"):
			shadows.set_dropped(kept)

	def _make_and_swap(self, context: Context) -> None:
		self.undo(context)  # what an interrupted try left
		before = {key: context.site.config.get(key) for key in OPENED_BY}
		self._keep(context, before=before, jobs=[])
		try:
			context.bench.do("stop_writes", site=context.site.name, by=holds.by(context))
			holds.wait_for_jobs(context)
			held = self._copy(context)
			self._make_ready(context)
			self._check_is_as_copied(context, held)
			old = {"database": context.state["old_database"], "mark": f"{context.mark}-before"}
			self._keep(context, kept=taking_in.note_old(context, **old))
			seconds = context.bench.do("become_tenants", **_names(context))
			context.log(
				f"The site has the database {context.state['reserved_database']}; {seconds:.2f} s not to be reached"
			)
		except BaseException:
			if not _is_swapped(context):
				self.undo(context)
			raise

	def _copy(self, context: Context) -> Manifest:
		copy = {"database": context.state["reserved_database"], "mark": context.mark}
		held = context.run("copy_into_shadow", self.timeout, site=context.site.name, **copy)
		context.log(f"{len(held.tables)} tables copied, the same as there")
		return held

	def _make_ready(self, context: Context) -> None:
		self._keep(context, jobs=_MigrateCopy().run(context, self.call))
		self._keep(context, **InstallMissing().run(context))
		super().run(context)  # asks it, and signs in
		copy = {"database": context.state["reserved_database"], "mark": context.mark}
		context.bench.do("take_over_config", config=_ConfigureInPlace().values(context), **copy)

	def _check_is_as_copied(self, context: Context, held: Manifest) -> None:
		now = context.bench.do("site_manifest", site=context.site.name)
		if written := changed_tables(held, now):
			raise TransientError(
				f"Somebody wrote into {', '.join(written[:5])} of {context.site.name} while it was held.",
				"Close consoles and programs that work on its database, then press Retry.",
			)

	def _keep(self, context: Context, **values: Any) -> None:
		context.keep(values)
		context.state.update(values)  # which is as it was when this run began


def _names(context: Context) -> dict[str, str]:
	state = context.state
	return {
		"site": context.site.name,
		"database": state["reserved_database"],
		"mark": context.mark,
		"old_database": state["old_database"],
	}


def _is_swapped(context: Context) -> bool:
	return context.site.config_in_place()["db_name"] == context.state["reserved_database"]
