"""What is done with one tenant's site in a turn of a batch: clear its cache, close it, pause its scheduler, run a function of it."""

import json

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.fleet import site_state
from buildpro_saas.jobs.batch_runner import TenantWork, Turn

MINUTES = 60
CALL = "buildpro_saas.tenant_site.operator_call.run"
LONGEST_ANSWER = 300  # characters of what a function returned


class ClearCache(TenantWork):
	"""Forget what Redis has of the site, as `bench clear-cache` does."""

	title = "Clear cache"

	@site_state.while_there
	def run(self, turn: Turn) -> str:
		"""Clear it. Returns a sentence."""
		turn.site.call("frappe.clear_cache")
		turn.site.call("frappe.website.utils.clear_website_cache")
		return "The cache is cleared."


class SetMaintenance(TenantWork):
	"""Close the site to everybody, with a message; or open it again. inputs: is_on, message, by, since."""

	title = "Maintenance"

	@site_state.while_there
	def run(self, turn: Turn) -> str:
		"""Write it into site_config.json. Returns a sentence; nothing is done where it is so already."""
		config = turn.site.config_in_place()
		turn.site.update_config(site_state.maintenance(config, turn.inputs))
		return "The site is in maintenance." if turn.inputs["is_on"] else "The site is open."


class SetScheduler(TenantWork):
	"""Pause the site's scheduler, or let it go on. inputs: is_paused, by, since, message."""

	title = "Scheduler"

	@site_state.while_there
	def run(self, turn: Turn) -> str:
		"""Write it into site_config.json. Returns a sentence; nothing is done where it is so already."""
		config = turn.site.config_in_place()
		turn.site.update_config(site_state.scheduler(config, turn.inputs))
		return "The scheduler is paused." if turn.inputs["is_paused"] else "The scheduler goes on."


class RunFunction(TenantWork):
	"""Run a whitelisted function of the site's apps, in a process of its own. inputs: method, arguments."""

	title = "Run function"
	timeout = 60 * MINUTES

	@site_state.while_there
	def run(self, turn: Turn) -> str:
		"""Run it as Administrator, and commit. Returns what it answered, shortened."""
		method, arguments = turn.inputs["method"], turn.inputs["arguments"]
		answer = turn.run_on_site(CALL, self.timeout, method=method, arguments=arguments)
		try:
			told = json.dumps(answer, default=str)
		except (TypeError, ValueError) as error:
			raise AgentError(f"{method} answered what is no JSON: {error}") from error
		return f"{method} answered {told[:LONGEST_ANSWER]}"
