"""Migrating a site itself, where it is too large for a copy: shut meanwhile, and put back as it was where that fails."""

import time
from collections.abc import Callable
from typing import Any

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.agent.facts import Migrated
from buildpro_saas.fleet import holds, shadows
from buildpro_saas.fleet.steps.migrate import MINUTES, some
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

INSTALLED = "buildpro_saas.agent.installer.installed_apps"


class MigrateInPlace(Step):
	"""Copy the database while people work; shut the site, copy what has changed since, migrate it. If that fails, put every table back."""

	title = "Migrate in place"
	timeout = 240 * MINUTES
	retry = RetryPolicy(attempts=3)

	def run(self, context: Context) -> dict:
		"""Returns {"apps"}. However it ends, the site is open again, if it was, and is wholly the old one or wholly migrated."""
		if not context.state.get("in_place"):
			return {}
		if not context.state.get("is_migrated"):
			self._migrate(context)
		return self._finish(context)

	def _migrate(self, context: Context) -> None:
		name = context.inputs["shadow"]
		holds.let_go(name)  # of a run that died: the site is put back before anything is copied of it
		shadows.set_filling(name)
		work = _InPlace(context)
		try:
			work.run("copy_way_back", context.checkpoint, **work.way_back)
			with holds.held(context, name, is_shut=True) as checkpoint:
				again = work.run("complete_way_back", checkpoint, **work.way_back)
				context.log(f"{again} tables had changed since, and were copied again")
				holds.set_way_back(name, True)  # from here on, letting go puts the site back first
				work.done = work.run("migrate_in_place", checkpoint, site=context.site.name)
				tables = context.bench.do("altered_in_place", **work.way_back)
				made = {"said": work.sentence(tables), "jobs": work.done.jobs, "is_migrated": True}
				holds.set_way_back(name, False, commits=False)
				context.keep({**made, "migrated": work.facts(tables)})
				context.state.update(made)
		except BaseException:
			context.bench.do("forget_jobs", jobs=work.done.jobs if work.done else [])
			if not holds.is_way_back(name):  # else it is needed, until the site is put back
				shadows.forget_copy(name)
			raise

	def _finish(self, context: Context) -> dict:
		"""What is left to do once the site is migrated. Repeatable."""
		name = context.inputs["shadow"]
		holds.let_go(name)
		shadows.forget_copy(name)
		number = context.bench.do("release_jobs", jobs=context.state["jobs"])
		context.log(f"{number} jobs that patches had asked for go into their queues.")
		return {"apps": context.bench.app_facts(context.site.call(INSTALLED))}

	def undo(self, context: Context) -> None:
		"""Put the site back, and drop its copy. Raises AgentError once it is migrated."""
		if not context.state.get("in_place"):
			return
		if context.state.get("is_migrated"):
			raise AgentError(
				f"{context.site.name} is migrated already, in place.",
				"Press Retry. To go back, restore it from its last backup.",
			)
		name = context.inputs["shadow"]
		holds.let_go(name)
		shadows.forget_copy(name)


class _InPlace:
	"""What is done with the site, and how long each part takes."""

	def __init__(self, context: Context):
		self.context = context
		shadow = shadows.row(context.inputs["shadow"])
		self.way_back = {"site": context.site.name, "database": shadow.database, "mark": shadow.mark}
		self.seconds: dict[str, float] = {}
		self.done: Migrated | None = None

	def run(self, operation: str, checkpoint: Callable[[], None], **spec: Any) -> Any:
		began, context = time.monotonic(), self.context
		followed = {"log": context.log, "checkpoint": checkpoint, "timeout": MigrateInPlace.timeout}
		found = context.bench.run(operation, id=context.operation, **followed, **spec)
		self.seconds[operation] = round(time.monotonic() - began, 3)
		return found

	def sentence(self, tables: list[str]) -> str:
		"""What was done, for people."""
		seconds, jobs = self.seconds, len(self.done.jobs)
		told = f"Migrated in place: {len(self.done.patches)} patches, {len(tables)} tables altered"
		told += f" ({some(tables)})" if tables else ""
		told += f"; copied in {seconds['copy_way_back']:.1f} s, shut for {seconds['complete_way_back'] + seconds['migrate_in_place']:.1f} s"
		return f"{told}; {jobs} jobs asked for." if jobs else f"{told}."

	def facts(self, tables: list[str]) -> dict[str, Any]:
		"""The same as plain data, as MigratedCopy.facts."""
		patches = [[name, round(seconds, 3)] for name, seconds in self.done.patches]
		return {"seconds": self.seconds, "patches": patches, "tables": tables}
