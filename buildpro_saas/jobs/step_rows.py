"""What the rows of a job's steps say: which step is next, how often it is still tried, what is begun again with it, what is undone."""

from buildpro_saas.agent.errors import AgentError
from buildpro_saas.jobs.playbook import Playbook, Step

STARTED = ("Running", "Completed", "Failed")
INTERRUPTED = ("Running", "Failed")


class StepRows:
	"""The rows of the playbook's steps, in its order. A resumed job may meet newer code that has dropped a step: its row is left out."""

	def __init__(self, playbook: Playbook, rows: list):
		keys = {step.key for step in playbook.steps}
		self.playbook = playbook
		self.all = [row for row in rows if row.step_key in keys]

	def next(self):
		"""The first row that is not completed; None where all are."""
		return next((row for row in self.all if row.status != "Completed"), None)

	def to_undo(self) -> list:
		"""The rows of what is to be undone, the last first.

		A step that is to be done again is Pending, and has its attempts back. What it did before is still there.
		"""
		return [
			row
			for row in reversed(self.all)
			if row.status in STARTED or (row.started_at and row.status != "Undone")
		]

	def begun_again_with(self, step: Step) -> list:
		"""The rows from `step.redo_from` to the step's own; that one alone where it can be continued halfway."""
		keys = [row.step_key for row in self.all]
		return self.all[keys.index(step.redo_from or step.key) : keys.index(step.key) + 1]

	def has_attempts_left(self, row) -> bool:
		"""Whether the row's step may be tried (again).

		Where it was interrupted, the steps that are begun again with it need an attempt, too.
		"""
		step = self.playbook.step(row.step_key)
		tried = self.begun_again_with(step) if row.status in INTERRUPTED else [row]
		return all((each.attempts or 0) < self.playbook.step(each.step_key).retry.attempts for each in tried)

	def is_begun_again(self, row) -> bool:
		"""Whether the row's step was interrupted, cannot be continued halfway, and may be tried again."""
		can_go_on = not self.playbook.step(row.step_key).redo_from
		return row.status in INTERRUPTED and not can_go_on and self.has_attempts_left(row)


def out_of_attempts(row) -> AgentError:
	"""What is said of a step that may not be tried again. A fault in its last attempt was said when it happened."""
	ended = "in the last one its process ended" if row.status == "Running" else "its output says why"
	return AgentError(f"It did not succeed in {row.attempts} attempts; {ended}.")
