"""Restoring a tenant's site from a backup: judged, loaded into a shadow, brought up to date, checked. SwapIn does the rest."""

import time

import frappe

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import SHADOWS, Judged, Loaded
from buildpro_saas.fleet import benches, renames, shadows
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

MINUTES = 60
ON_SITE = "buildpro_saas.agent.restored_site"
SIGN_IN = "buildpro_saas.tenant_site.own_check.sign_in"
UNTOUCHED = "The site is untouched. Cancel takes the shadow away; Retry loads it again."


class JudgeBackup(Step):
	"""See what the backup is, and whether the bench can take it. Nothing is begun where it cannot."""

	title = "Judge backup"
	timeout = 60 * MINUTES

	def run(self, context: Context) -> dict:
		"""Hands on {"older": the apps that are older in the backup than on the bench}."""
		judged = context.run(
			"judge_backup",
			self.timeout,
			folder=_folder(context),
			keep_free=int((context.bench_row["min_free_disk_gb"] or 0) * benches.GB),
		)
		self._check_whose(context, judged)
		self._tell(context, judged)
		return {"older": judged.older}

	def _check_whose(self, context: Context, judged: Judged) -> None:
		own, named = context.tenant["name"], context.inputs["from_tenant"]
		if judged.tenant and judged.tenant not in (own, named, *renames.of(own)):
			raise AgentError(
				f"It is a backup of the tenant {judged.tenant}, and not of {own}.",
				f"Cancel. If that is meant, restore it with --from-tenant {judged.tenant}.",
			)

	def _tell(self, context: Context, judged: Judged) -> None:
		apps = ", ".join(f"{app} {version}".strip() for app, version in judged.apps.items())
		others = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in judged.others.items())
		context.log(f"{judged.server or 'A dump'}: {judged.tables} tables; {apps}")
		context.log(
			f"It takes up to {judged.room.database / shadows.MB:.0f} MB of MariaDB's disk and {judged.room.files / shadows.MB:.0f} MB for files"
		)
		for line in filter(None, (others, *judged.notes)):
			context.log(line)


class LoadIntoShadow(Step):
	"""Load dump and files into a shadow, as a database user who reaches no other database. The site is not touched."""

	title = "Load into shadow"
	timeout = 4 * 60 * MINUTES
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> None:
		self._load(context)

	def _load(self, context: Context) -> Loaded:
		shadow, began = shadows.row(context.inputs["shadow"]), time.monotonic()
		loaded = context.run(
			"load_into_shadow",
			self.timeout,
			folder=_folder(context),
			database=shadow.database,
			mark=context.mark,
			site=context.site.name,
		)
		rows = sum(rows for rows, _checksum in loaded.held.tables.values())
		compared = "the same as in its manifest" if loaded.is_compared else "compared with nothing"
		context.log(
			f"{len(loaded.held.tables)} tables with {rows} rows, {compared}; {sum(loaded.files.values())} files;"
			f" in {time.monotonic() - began:.1f} s"
		)
		return loaded

	def undo(self, context: Context) -> None:
		shadow = shadows.row(context.inputs["shadow"])
		if shadow.mark != context.mark:
			return  # it is the site by now: a swap is taken back by a swap
		context.bench.do("drop_shadow", database=shadow.database, mark=context.mark)
		frappe.db.set_value(shadows.DOCTYPE, shadow.name, "status", shadows.DROPPED)


class OnShadow(Step):
	"""A step that calls functions on the shadow."""

	def _call(self, context: Context, method: str, **arguments) -> dict:
		return context.run(
			"run_on_site",
			self.timeout,
			site=shadows.row(context.inputs["shadow"]).database,
			place=SHADOWS,
			method=method,
			arguments=arguments,
		)


class BringUpToDate(OnShadow):
	"""End what was under way in the backup, and migrate the shadow where its apps are older than the bench's."""

	title = "Bring up to date"
	timeout = 2 * 60 * MINUTES
	# a migration that was interrupted cannot be gone on with
	redo_from = "load_into_shadow"

	def run(self, context: Context) -> dict:
		"""Hands on {"jobs": what patches asked for, as release_jobs takes it}."""
		ended = self._call(context, f"{ON_SITE}.settle_and_compare")
		context.log(
			f"{ended['sessions']} sessions ended, {ended['mails']} mails that were not sent yet are not sent"
		)
		patches = ended["patches"]
		if not (context.state["older"] or patches):
			context.log("It is as new as the bench: nothing to migrate")
			return {"jobs": []}
		context.log(f"Older: {', '.join(context.state['older']) or 'none'}; {len(patches)} patches to come")
		shadow = shadows.row(context.inputs["shadow"])
		copy = {"database": shadow.database, "mark": context.mark}
		done = context.run("migrate_shadow", self.timeout, site=context.site.name, **copy)
		context.bench.do("take_over_config", config=done.config, **copy)
		context.log(f"Migrated: {len(done.patches)} patches; {len(done.jobs)} jobs asked for")
		return {"jobs": done.jobs}

	def undo(self, context: Context) -> None:
		context.bench.do("forget_jobs", jobs=context.state.get("jobs") or [])


class ReleaseJobs(Step):
	"""Let the site's workers do what patches asked for, now that the shadow is the site."""

	title = "Release jobs of patches"

	def run(self, context: Context) -> None:
		number = context.bench.do("release_jobs", jobs=context.state["jobs"])
		context.log(f"{number} jobs that patches had asked for go into their queues")


class CheckShadow(OnShadow):
	"""Ask the shadow as a browser would, sign in there, and see that its passwords can be decrypted."""

	title = "Check shadow"
	timeout = 10 * MINUTES
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> dict:
		"""Hands on {"apps": facts of the installed ones}."""
		found = self._call(context, f"{ON_SITE}.secrets_and_apps")
		self._check_secrets(context, found["secrets"])
		answered = self._call(context, SIGN_IN)
		context.log(f"It answers, and a sign-in works: {', '.join(answered['pages'])}")
		shadow = shadows.row(context.inputs["shadow"])
		size = context.bench.do("shadow_size", database=shadow.database, mark=context.mark)
		# last: it is committed together with the step's end
		shadows.set_ready(shadow.name, size=size, kept_hours=context.inputs["hours"])
		return {"apps": context.bench.app_facts(found["apps"])}

	def _check_secrets(self, context: Context, lost: dict) -> None:
		if not lost["count"]:
			return
		named = "; ".join(lost["told"]) + ("; …" if lost["count"] > len(lost["told"]) else "")
		context.log(f"Not to be decrypted: {named}")
		if not context.inputs["without_key"]:
			raise AgentError(
				f"{lost['count']} passwords cannot be decrypted, for the backup's encryption key is missing: {named}",
				f"Cancel, put its site_config.json beside the dump, and restore again; or give them up with --without-key. {UNTOUCHED}",
			)


def _folder(context: Context) -> str:
	"""Where the backup is. A job that began before backups were fetched has not noted it."""
	return context.state.get("folder") or context.inputs["files"]
