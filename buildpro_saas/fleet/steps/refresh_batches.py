"""Steps of a refresh that are batches: backups, the rehearsal, the migrates. They wait for their ends without a worker."""

import frappe

from buildpro_saas.agent.errors import AgentError, TransientError
from buildpro_saas.fleet import canaries, forecast, refreshes, rehearsals, site_operations
from buildpro_saas.fleet.steps.refresh_code import put_back
from buildpro_saas.fleet.steps.refresh_state import LOOK, MINUTES, ONCE, TOLD, WAIT, keep, of
from buildpro_saas.jobs import batch_rows, batches
from buildpro_saas.jobs.playbook import Context, Step, StepWaits

OPEN = ("Waiting", "Running", "Paused")


class InBatch(Step):
	"""A step that starts a batch, and waits for its end without a worker. One that goes wrong halts the refresh; Retry tries again those that failed."""

	timeout = 5 * MINUTES
	retry = ONCE
	playbook = ""

	def tenants(self, context: Context) -> list[str]:
		"""Whom the batch is for, in the order of their turns; [] for no batch."""
		raise NotImplementedError

	def how(self, context: Context) -> dict:
		"""width, stop_after and inputs of the batch."""
		return {"width": 1, "stop_after": 1}

	def run(self, context: Context) -> dict | None:
		"""Start it, or look at it. Raises StepWaits while it goes on, and AgentError with what went wrong."""
		name = context.state.get(of(type(self).__name__))
		if not name:
			if not (tenants := self.tenants(context)):
				context.log("Nobody to do it with.")
				return None
			batch = batches.start(
				self.playbook,
				[(tenant, context.bench_row["name"]) for tenant in tenants],
				why=f"refresh {context.job}",
				**self.how(context),
			)
			context.log(f"{batch.name}: {batch.title}")
			keep(context, **{of(type(self).__name__): batch.name})
			raise StepWaits(WAIT, batch.name)
		return self._look(context, name)

	def _look(self, context: Context, name: str) -> None:
		found = frappe.db.get_value("Batch", name, ["status", "failed", "reason"], as_dict=True)
		if found.status in OPEN:
			raise StepWaits(WAIT, name)
		told = f"told_{name}"
		if context.state.get(told):  # Retry was pressed
			keep(context, **{told: False})
			self._try_again(context, name, found)
			raise StepWaits(LOOK, name)
		for row in batch_rows.messages(name):
			context.log(f"{row.tenant}: {row.status}. {row.message or ''}")
		if found.status == "Completed" and not found.failed:
			return
		said = self.failed(context)
		keep(context, **{told: True})
		rows = [row for row in batch_rows.messages(name) if row.status == batch_rows.FAILED]
		first = "; ".join(f"{row.tenant}: {row.message}" for row in rows[:TOLD])
		raise AgentError(
			f"{first.rstrip('.') or f'{name} is {found.status}'}. {said}",
			f"See `saas batch {name}`. Mend the cause, then press Retry.",
		)

	def _try_again(self, context: Context, name: str, found) -> None:
		if found.status == "Cancelled":
			keep(context, **{of(type(self).__name__): None})  # another one is started
		elif found.failed:
			batches.retry_failed(name)
		elif found.status == "Stopped":
			batches.resume(name)
		frappe.db.commit()

	def undo(self, context: Context) -> None:
		"""Cancel the batch. Raises TransientError while a tenant has his turn."""
		name = context.state.get(of(type(self).__name__))
		if not name:
			return
		if frappe.db.get_value("Batch", name, "status") in (*OPEN, "Stopped"):
			batches.cancel(name)
			frappe.db.commit()
		if batch_rows.counts(name)[batch_rows.RUNNING]:
			raise TransientError(
				f"A tenant of {name} still has its turn.", "Wait for its end, then press Cancel again."
			)

	def failed(self, context: Context) -> str:
		"""What is done where it went wrong; returns a sentence on it."""
		return "The refresh is halted."


class BackUpSites(InBatch):
	"""Take a backup of each site that is to be migrated."""

	title = "Back up"
	playbook = site_operations.BACK_UP

	def tenants(self, context: Context) -> list[str]:
		return context.inputs["tenants"] if context.inputs["has_backup"] else []

	def how(self, context: Context) -> dict:
		return {
			"width": site_operations.widest([context.bench_row["name"]]),
			"stop_after": 1,
			"inputs": {"why": f"before {context.job}"},
		}


class RehearseCanaries(InBatch):
	"""Choose the canaries, and migrate copies of them with the new code. Where one fails, the apps are put back, and no site is touched."""

	title = "Rehearse with canaries"
	playbook = site_operations.REHEARSE
	timeout = 30 * MINUTES

	def tenants(self, context: Context) -> list[str]:
		shapes = refreshes.shapes(context.inputs["tenants"], context.log)
		chosen = canaries.choose(shapes, context.inputs["most_canaries"])
		left = canaries.not_covered(shapes, chosen)
		context.log(
			f"Canaries: {', '.join(chosen) or 'none'}; {left} sites are of a kind that none of them is of"
		)
		keep(context, canaries=chosen)
		return chosen

	def how(self, context: Context) -> dict:
		return {"width": site_operations.widest([context.bench_row["name"]])}

	def failed(self, context: Context) -> str:
		if not context.state.get("is_pulled"):
			return "No site was touched."
		put_back(context)
		return "The apps are back as they were, and no site was touched."


class MigrateCanaries(InBatch):
	"""Migrate the canaries: copies that take their places."""

	title = "Migrate canaries"
	playbook = site_operations.MIGRATE

	def tenants(self, context: Context) -> list[str]:
		return context.state.get("canaries") or []


class MigrateRest(InBatch):
	"""Migrate all others, in the order and width that the rehearsals say."""

	title = "Migrate the others"
	playbook = site_operations.MIGRATE

	def tenants(self, context: Context) -> list[str]:
		done = set(context.state.get("canaries") or ())
		rest = [tenant for tenant in context.inputs["tenants"] if tenant not in done]
		return forecast.in_order(rehearsals.expected(rest))

	def how(self, context: Context) -> dict:
		most = site_operations.widest([context.bench_row["name"]])
		width = forecast.width(rehearsals.expected(self.tenants(context)), most)
		return {"width": width, "stop_after": context.inputs["stop_after"]}


BATCHES = (BackUpSites, RehearseCanaries, MigrateCanaries, MigrateRest)
