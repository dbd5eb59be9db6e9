"""Steps of a refresh that touch the bench itself: its apps' code, its assets, its processes. And how the code goes back."""

import hashlib
import time

from frappe.utils import now_datetime

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet.steps.migrate import some
from buildpro_saas.fleet.steps.refresh_state import LOOK, MINUTES, ONCE, keep, migrated, seconds_since
from buildpro_saas.jobs.playbook import Context, Step, StepWaits

RESTART_TAKES = 10 * MINUTES  # at most


class PullApps(Step):
	"""Bring the apps to what is new at their origins, with the packages that they need. The processes that run have the old code still."""

	title = "Pull the apps"
	timeout = 60 * MINUTES
	retry = ONCE

	def run(self, context: Context) -> dict:
		"""Returns {"is_pulled"}."""
		if not (apps := context.state["apps"]):
			context.log("Nothing to pull.")
			return {}
		keep(context, is_pulled=True)  # from here on, going back means putting them back
		_put(context, {app: new for app, (_old, new) in apps.items()}, self.timeout)
		return {}

	def undo(self, context: Context) -> None:
		"""Put the apps back. Raises AgentError once a site was migrated to them."""
		if names := migrated(context):
			raise AgentError(f"Migrated to the new apps: {some(names)}.", "Press Retry to go on.")
		if context.state.get("is_pulled"):
			put_back(context)
			if (context.state.get("restart") or context.state.get("is_told_to_restart")) and context.bench.do(
				"rights_of_refresh"
			).restart:
				_restart(context, "restart_again", waits=True)


class BuildAssets(Step):
	"""Build Desk's assets, where a shell has allowed it."""

	title = "Build assets"
	timeout = 60 * MINUTES
	retry = ONCE

	def run(self, context: Context) -> None:
		if not context.state.get("is_pulled"):
			context.log("Nothing was pulled: nothing to build.")
		elif not context.bench.do("rights_of_refresh").build:
			context.log(
				"A refresh may not build on this bench: do that by hand (`bench build`), where an app's assets have changed."
			)
		else:
			context.run("build_assets", self.timeout)


class RestartProcesses(Step):
	"""Restart web processes and workers, this one too, where a shell has allowed it. The job goes on in a worker with the new code."""

	title = "Restart"
	timeout = 5 * MINUTES
	retry = ONCE

	def run(self, context: Context) -> None:
		if not context.state.get("is_pulled"):
			context.log("Nothing was pulled: nothing to restart.")
			return
		if context.bench.do("rights_of_refresh").restart:
			_restart(context, "restart")
		elif not context.state.get("is_told_to_restart"):
			keep(context, is_told_to_restart=True)
			raise AgentError(
				"The processes of the bench run the old code still, and a refresh may not restart them.",
				"Restart them (`bench restart`, or supervisor), and press Retry. `saas setup --restart-command …` allows it.",
			)


def put_back(context: Context) -> None:
	"""Bring the apps back to where they were before the refresh."""
	_put(context, {app: old for app, (old, _new) in context.state["apps"].items()}, PullApps.timeout)
	keep(context, is_pulled=False, is_put_back=True)
	context.log("The apps are back as they were.")


def _put(context: Context, commits: dict[str, str], timeout: float) -> None:
	moved = context.run("put_apps", timeout, commits=commits, requirements=context.state["requirements"])
	for app in moved:
		context.log(f"{app} is at {commits[app][:9]}")


def _restart(context: Context, key: str, *, waits: bool = False) -> None:
	"""Have the processes restarted. Raises AgentError where the command fails, or takes too long.

	key: under which the state has it. waits: in this worker, and not by StepWaits.
	"""
	begun = context.state.get(key)
	if not begun:
		id = hashlib.sha256(f"{context.mark}/{key}/{time.time()}".encode()).hexdigest()[:16]
		begun = {"id": id, "at": f"{now_datetime()}"}
		keep(context, **{key: begun})
	context.bench.do("restart_bench", id=begun["id"])  # which begins once
	while not (found := context.bench.do("look_at_restart", id=begun["id"]))["is_over"]:
		if seconds_since(begun["at"]) > RESTART_TAKES:
			keep(context, **{key: None})  # Retry begins another one
			raise AgentError(
				f"Restarting took longer than {RESTART_TAKES // MINUTES} minutes.",
				"Restart by hand, then press Retry.",
			)
		if not waits:
			raise StepWaits(LOOK)
		time.sleep(LOOK)
	if found["code"]:
		keep(context, **{key: None})
		raise AgentError(
			f"Restarting ended with {found['code']}: {found['said']}", "Mend it, then press Retry."
		)
	context.log("Restarted." if found["code"] == 0 else "Restarted; what began it was ended with the worker.")
