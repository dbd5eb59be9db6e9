"""Migrating a copy of a tenant's site, and putting it in the site's place: the site itself is never migrated. Rehearsing: all but that."""

import time
from typing import Any

import frappe

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.agent.facts import Manifest, Migrated
from buildpro_saas.fleet import benches, holds, migrate_ways, rehearsals, shadows
from buildpro_saas.fleet.steps.reachable import CheckReachable
from buildpro_saas.fleet.steps.shadow import SwapIn
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

MINUTES = 60
TOLD = 8  # names that a sentence has
NOTHING = "There is nothing to migrate."
INSTALLED = "buildpro_saas.agent.installer.installed_apps"


class LookForMigrate(Step):
	"""See what there is to migrate, and which way: a copy of the site; or the site itself, where that is too large for a copy."""

	title = "Look what there is to do"

	def __init__(self, is_rehearsal: bool = False):
		self.is_rehearsal = is_rehearsal

	def run(self, context: Context) -> dict:
		"""Returns {"todo": pieces of text, "in_place", "size": bytes}. Raises AgentError where there is something to do, and no room."""
		todo = context.bench.do("pending_migration", site=context.site.name)
		for reason in todo:
			context.log(reason)
		if not todo:
			return {"todo": [], "said": NOTHING}
		size = migrate_ways.Size(**context.bench.do("site_size", site=context.site.name))
		way = self._way(context, size)
		if way.in_place and not self.is_rehearsal:
			context.log(f"{way.why} The site itself is migrated, and shut meanwhile.")
		return {"todo": todo, "in_place": way.in_place and not self.is_rehearsal, "size": size.both}

	def _way(self, context: Context, size: migrate_ways.Size) -> migrate_ways.Way:
		free = (
			context.bench.do("bench_room", of_sites=[])["disk_free"]
			- (context.bench_row["min_free_disk_gb"] or 0) * benches.GB
		)
		# a rehearsal needs no files
		wanted = migrate_ways.Size(size.database, 0) if self.is_rehearsal else size
		try:
			return migrate_ways.choose(
				wanted,
				free,
				quick=frappe.db.get_single_value("SaaS Settings", "longest_copy") or migrate_ways.QUICK,
				copied_before=rehearsals.copied_before(context.tenant["name"]),
				is_asked=bool(context.inputs.get("in_place")),
			)
		except migrate_ways.NoRoomError as error:
			raise AgentError(
				f"{context.site.name}: {error}",
				"Drop shadows that nobody needs (`saas shadows`), free room on the disk, then press Retry.",
			) from error


class RehearseMigrate(Step):
	"""Copy the site, and migrate the copy: whether that goes well, how long it takes, what it changes. The copy is dropped."""

	title = "Rehearse"
	timeout = 120 * MINUTES
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> dict:
		"""Returns {"said": a sentence, "rehearsed": seconds, patches and tables}. Raises AgentError with the patch that fails."""
		if not context.state["todo"]:
			return {}
		try:
			copy = MigratedCopy(context, shadows.row(context.inputs["shadow"]), context.checkpoint)
			copy.make()
			context.bench.do("forget_jobs", jobs=copy.done.jobs)
			return {"said": copy.sentence("It would go well"), "rehearsed": copy.facts()}
		finally:
			self.undo(context)

	def undo(self, context: Context) -> None:
		"""Drop the copy."""
		shadows.forget_copy(context.inputs["shadow"])


class MigrateCopy(Step):
	"""Keep writers away, copy the site, migrate the copy, check it, and swap it in. Until the swap the site is as it was."""

	title = "Migrate"
	timeout = 120 * MINUTES
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> dict:
		"""Returns {"database", "apps"}. However it ends, writers are let in again; a copy that is not swapped in is dropped."""
		if not context.state["todo"] or context.state.get("in_place"):
			return {}
		if not _is_swapped(context):
			self._migrate(context)
		return self._finish(context)

	def _migrate(self, context: Context) -> None:
		shadow = shadows.row(context.inputs["shadow"])
		copy = None
		try:
			with holds.held(context, shadow.name) as checkpoint:
				holds.write_down(context)
				copy = MigratedCopy(context, shadow, checkpoint)
				copy.make()
				copy.check_site_is_as_copied()
				context.bench.do(
					"take_over_config", database=shadow.database, mark=shadow.mark, config=copy.done.config
				)
				made = {"said": copy.sentence("Migrated"), "jobs": copy.done.jobs, "swaps": shadow.database}
				context.keep({**made, "migrated": copy.facts()})
				context.state.update(made)  # which is as it was when this run began
				SwapIn().run(context)  # which lets writers in, too
		except BaseException:
			if not _is_swapped(context):
				context.bench.do("forget_jobs", jobs=copy.done.jobs if copy and copy.done else [])
				shadows.forget_copy(shadow.name)
			raise

	def _finish(self, context: Context) -> dict:
		"""What is left to do once the copy is the site. Repeatable."""
		name = context.inputs["shadow"]
		if shadows.row(name).database == context.state["swaps"]:  # the swap is not on record yet
			SwapIn().run(context)
		shadows.set_put_aside(name, "The site as it was before it was migrated")
		number = context.bench.do("release_jobs", jobs=context.state["jobs"])
		context.log(f"{number} jobs that patches had asked for go into their queues.")
		return {
			"database": context.site.config_in_place()["db_name"],
			"apps": context.bench.app_facts(context.site.call(INSTALLED)),
		}

	def undo(self, context: Context) -> None:
		"""Let writers in, and drop the copy. Raises AgentError once it is swapped in: `saas swap-back` takes that back."""
		if context.state.get("in_place"):
			return
		if _is_swapped(context):
			raise AgentError(
				f"{context.site.name} is migrated already.",
				"Press Retry, and then take it back with `saas swap-back`.",
			)
		holds.let_go(context.inputs["shadow"])
		context.bench.do("forget_jobs", jobs=context.state.get("jobs", []))
		shadows.forget_copy(context.inputs["shadow"])


class CheckMigrated(CheckReachable):
	"""The site answers under its name; one that staff have closed is not asked."""

	def run(self, context: Context) -> dict:
		"""As CheckReachable."""
		if context.site.config.get("maintenance_mode"):
			context.log(f"{context.site.name} is in maintenance, as it was before, and is not asked.")
			return {}
		return super().run(context)


class MigratedCopy:
	"""A copy of the site that is migrated, and what came of it."""

	def __init__(self, context: Context, shadow, checkpoint):
		"""shadow: the record. checkpoint: called about once a second; may raise to stop."""
		self.context, self.shadow, self.checkpoint = context, shadow, checkpoint
		self.seconds: dict[str, float] = {}
		self.copied: Manifest | None = None
		self.done: Migrated | None = None
		self.tables: list[str] = []

	def make(self) -> None:
		"""Copy, and migrate the copy. Raises AgentError with the patch that fails."""
		site, shadow = self.context.site.name, self.shadow
		shadows.set_filling(shadow.name)
		self.copied = self._run("copy_into_shadow", site=site, database=shadow.database, mark=shadow.mark)
		self.done = self._run("migrate_shadow", site=site, database=shadow.database, mark=shadow.mark)
		now = self.context.bench.do("shadow_manifest", database=shadow.database)
		self.tables = changed_tables(self.copied, now)
		self.context.log(f"Changed: {', '.join(self.tables) or 'no table'}")

	def check_site_is_as_copied(self) -> None:
		"""Raise TransientError where somebody has written on the site since it was copied: a console, or a program of its own."""
		now = self.context.bench.do("site_manifest", site=self.context.site.name)
		if written := changed_tables(self.copied, now):
			raise TransientError(
				f"Somebody wrote into {some(written)} of {self.context.site.name} while it was held.",
				"Close consoles and programs that work on its database, then press Retry.",
			)

	def sentence(self, begins: str) -> str:
		"""What was done, for people."""
		patches, jobs = len(self.done.patches), len(self.done.jobs)
		told = f"{begins}: {patches} patches, {len(self.tables)} tables changed"
		told += f" ({some(self.tables)})" if self.tables else ""
		told += f"; copied in {self.seconds['copy_into_shadow']:.1f} s"
		told += f", migrated in {self.seconds['migrate_shadow']:.1f} s"
		told += f"; {jobs} jobs asked for" if jobs else ""
		left = f" It would do this again at once: {'; '.join(self.done.left)}." if self.done.left else ""
		return f"{told}.{left}"

	def facts(self) -> dict[str, Any]:
		"""The same as plain data: {"seconds": {operation: seconds}, "patches": [[name, seconds]], "tables": names}."""
		patches = [[name, round(seconds, 3)] for name, seconds in self.done.patches]
		return {"seconds": self.seconds, "patches": patches, "tables": self.tables}

	def _run(self, operation: str, **spec: Any) -> Any:
		began, context = time.monotonic(), self.context
		followed = {"log": context.log, "checkpoint": self.checkpoint, "timeout": MigrateCopy.timeout}
		found = context.bench.run(operation, id=context.operation, **followed, **spec)
		self.seconds[operation] = round(time.monotonic() - began, 3)
		return found


def changed_tables(before: Manifest, now: Manifest) -> list[str]:
	"""Names of the tables that came, went, or hold something else, sorted."""
	names = before.tables.keys() | now.tables.keys()
	return sorted(name for name in names if before.tables.get(name) != now.tables.get(name))


def some(names: list[str]) -> str:
	"""The names for a sentence, TOLD at most."""
	more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
	return f"{', '.join(names[:TOLD])}{more}"


def _is_swapped(context: Context) -> bool:
	database = context.state.get("swaps")
	return bool(database) and context.site.config_in_place()["db_name"] == database
