"""Works through the rows of batches. A playbook for many tenants adds only what is done with one of them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.agent.door import Door, SiteDoor
from buildpro_saas.agent.errors import AgentError, TransientError, hint_for, is_transient, seconds_asked
from buildpro_saas.jobs import batch_rows, batch_runners, batches, sites, stop_rules
from buildpro_saas.jobs.batch_rows import Claimed
from buildpro_saas.jobs.deadline import deadline
from buildpro_saas.jobs.playbook import Context, Playbook, RetryPolicy, Step, StepTimeoutError

HOUR = 3600
RUN_FOR = 120  # seconds; then the runner ends and another one goes on, so that other work of the queue gets its turn
WAIT = 20  # seconds that a runner waits for a row that is due later; for a longer wait it ends, and another is started then


@dataclass(frozen=True)
class Turn:
	"""What the work gets for one tenant.

	inputs: the batch's. bench: the door of the tenant's bench. shared: what `begin` returned. operation: how the ids of this turn's
	operations begin. log, checkpoint: as a step has them; they are the runner's.
	"""

	tenant: str
	batch: str
	inputs: dict[str, Any]
	bench: Door
	shared: Any
	operation: str
	log: Callable[[str], None]
	checkpoint: Callable[[], None]

	@property
	def site(self) -> SiteDoor:
		"""The tenant's site."""
		return self.bench.site(frappe.get_doc("Tenant", self.tenant).site_name)

	def run_on_site(self, method: str, timeout: float, /, **arguments: Any) -> Any:
		"""Call a function on the tenant's site by its dotted name, in a process of its own; for heavy work. timeout: seconds."""
		followed = {"id": self.operation, "timeout": timeout, "log": self.log, "checkpoint": self.checkpoint}
		return self.site.run(method, **followed, **arguments)


class TenantWork(ABC):
	"""What is done with one tenant of a batch. Subclass it, and make a playbook of it with `for_many`."""

	title: ClassVar[str]
	timeout: ClassVar[float] = 600.0  # seconds for one tenant
	retry: ClassVar[RetryPolicy] = RetryPolicy(attempts=3)
	# whether it needs the tenant's site to itself; where a job has the site, the tenant is passed over, and comes later
	takes_site: ClassVar[bool] = True
	# how many rows are claimed at once: several for work of milliseconds, where each claim would cost as much
	at_once: ClassVar[int] = 1

	def begin(self) -> Any:  # noqa: B027 - most read nothing
		"""Read what is the same for many tenants. Called once in each run of a runner."""

	@abstractmethod
	def run(self, turn: Turn) -> str:
		"""Do the work for one tenant, and return a sentence on it.

		A run that died may have done it before, wholly or in part. What it writes is committed with the end of its row.
		"""

	def failed(self, tenant: str, error: Exception) -> None:  # noqa: B027 - most have nothing to note
		"""Note that the work failed for good, in the transaction that ends the row."""


def for_many(name: str, title: str, work: TenantWork, **options: Any) -> Playbook:
	"""A playbook whose batches do the work with each of their tenants. options: as Playbook takes them."""
	return Playbook(
		name=name,
		title=title,
		steps=(WorkThroughRows(work, name),),
		is_for_many=True,
		after_run=lambda bench: batch_runners.wake(name, bench),
		**options,
	)


class WorkThroughRows(Step):
	"""Takes the next row of the playbook's batches on the job's bench, again and again, until none is due."""

	title = "Work through the tenants"
	timeout = 2 * HOUR

	def __init__(self, work: TenantWork, playbook: str):
		self.work, self.playbook = work, playbook

	def run(self, context: Context) -> None:
		"""End when no row is due soon, or after RUN_FOR seconds. For rows that wait then, another runner is started."""
		bench, slot = context.bench_row["name"], context.inputs.get("slot", 0)
		for batch in batch_rows.take_back([context.job]):  # of a run of this job that died
			frappe.db.commit()
			batches.settle(batch)
		frappe.db.commit()
		turns = _Turns(self.work, context)
		until = time.monotonic() + RUN_FOR
		is_for_old = False  # every second claim: see turns.batches_in_order
		while time.monotonic() < until:
			context.checkpoint()
			if rows := batch_rows.claim(
				self.playbook, bench, context.job, slot, self.work.at_once, is_for_old=is_for_old
			):
				turns.take(rows)
				is_for_old = not is_for_old
			elif not self._wait_for_next(bench, slot):
				break
		context.log(f"{turns.number} turns")

	def _wait_for_next(self, bench: str, slot: int) -> bool:
		"""Wait a moment for a row that is due within WAIT seconds. False where there is none."""
		due = batch_rows.next_due(self.playbook, bench, slot)
		if due is None or (get_datetime(due) - now_datetime()).total_seconds() > WAIT:
			return False
		time.sleep(min(max((get_datetime(due) - now_datetime()).total_seconds(), 0.05), 1.0))
		return True


class _Turns:
	"""The turns of one run of a runner."""

	def __init__(self, work: TenantWork, context: Context):
		self.work, self.context = work, context
		self.number = 0
		self._shared: Any = None
		self._inputs: dict[str, dict] = {}

	def take(self, rows: list[Claimed]) -> None:
		"""Give each of the rows its turn (all are of one batch), and write what the batch comes to. Commits."""
		batch = rows[0].batch
		for index, row in enumerate(rows):
			# the first, too: the batch may have been paused just before its rows were claimed
			if not self._is_open(batch):
				batch_rows.give_back(rows[index:])
				break
			self._take(row)
		frappe.db.commit()  # so that the counting sees the rows as they are now
		batches.settle(batch)
		frappe.db.commit()

	def _is_open(self, batch: str) -> bool:
		return frappe.db.get_value("Batch", batch, "status") in batch_rows.OPEN

	def _take(self, row: Claimed) -> None:
		began = time.monotonic()
		try:
			if row.attempts > self.work.retry.attempts:
				raise AgentError(
					f"It did not succeed in {row.attempts - 1} attempts; in the last one its process ended."
				)
			too_long = TransientError(f"It took longer than {self.work.timeout:.0f} seconds.")
			with self._site_of(row), deadline(self.work.timeout, too_long):
				said = self._work(row)
				batch_rows.done(row, batch_rows.COMPLETED, said, time.monotonic() - began)
				frappe.db.commit()
		except StepTimeoutError:
			raise
		except Exception as error:
			frappe.db.rollback()  # raises when the connection is gone: then the run ends
			self._went_wrong(row, error, time.monotonic() - began)
			frappe.db.commit()
		self.number += 1

	def _site_of(self, row: Claimed):
		"""Hold the tenant's site until the turn's end is committed."""
		return sites.taken(row.tenant) if self.work.takes_site else nullcontext()

	def _work(self, row: Claimed) -> str:
		if self._shared is None:
			self._shared = self.work.begin()
		if row.batch not in self._inputs:
			self._inputs = {
				row.batch: frappe.parse_json(frappe.db.get_value("Batch", row.batch, "inputs") or "{}")
			}
		inputs = self._inputs[row.batch]
		context = self.context
		id = f"{context.operation}/{row.name}.{row.attempts}"
		return self.work.run(
			Turn(
				row.tenant,
				row.batch,
				inputs,
				context.bench,
				self._shared,
				id,
				context.log,
				context.checkpoint,
			)
		)

	def _went_wrong(self, row: Claimed, error: Exception, seconds: float) -> None:
		said = _sentence(error)
		if isinstance(error, sites.SiteTakenError):
			batch_rows.again(row, said, seconds, error.pause, is_counted=False)
		elif is_transient(error) and row.attempts < self.work.retry.attempts:
			batch_rows.again(
				row, said, seconds, self.work.retry.delay_after(row.attempts, seconds_asked(error))
			)
		else:
			# the batch before its rows, as everybody locks them
			frappe.db.get_value("Batch", row.batch, "name", for_update=True)
			batch_rows.done(row, batch_rows.FAILED, said, seconds)
			self.work.failed(row.tenant, error)
			stop_rules.apply(row.batch)


def _sentence(error: Exception) -> str:
	text = str(error).strip() or type(error).__name__
	said = text if isinstance(error, AgentError) else f"{type(error).__name__}: {text}"
	return " ".join(filter(None, (said, hint_for(error))))
