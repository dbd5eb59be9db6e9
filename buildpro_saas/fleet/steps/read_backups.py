"""Reading what backups hold that were found in a store."""

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.fleet import unread_backups
from buildpro_saas.jobs.playbook import Context, RetryPolicy, Step

HOUR = 3600


class ReadBackups(Step):
	"""Read each backup of the store of which its record does not say what it holds. One that cannot be read does not keep the others."""

	title = "Read backups"
	timeout = 24 * HOUR
	retry = RetryPolicy(attempts=5)

	def run(self, context: Context) -> None:
		names = unread_backups.of_store(context.inputs["store"])
		if not names:
			context.log("all records say what their backups hold")
		faults = []
		for name in names:
			try:
				unread_backups.read(context, name)
			except TransientError:
				raise
			except AgentError as error:
				faults.append(f"{name}: {error}")
		if faults:
			raise AgentError(
				" ".join(faults),
				"Have the store checked: `saas check-backups`. Nobody counts on what cannot be read.",
			)
