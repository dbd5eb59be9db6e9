"""Works through the rows of batches: all that a playbook for many tenants adds is what is done with one of them."""

import time
from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import frappe
from frappe.utils import get_datetime, now_datetime

from buildpro_saas.agent.door import Door
from buildpro_saas.agent.errors import AgentError, TransientError, hint_for, is_transient
from buildpro_saas.jobs import batch_rows, batch_runners, batches, sites
from buildpro_saas.jobs.batch_rows import Claimed
from buildpro_saas.jobs.deadline import deadline
from buildpro_saas.jobs.playbook import Context, Playbook, RetryPolicy, Step, StepTimeoutError

HOUR = 3600
RUN_FOR = (
	120  # seconds, after which a runner makes room for the next one: other work of the queue has its turn
)
WAIT = 20  # seconds that a runner waits for a row that is to be tried again; for a longer time it ends, and another is started then


@dataclass(frozen=True)
class Turn:
	"""What the work for one tenant gets. inputs: the batch's. bench: where the tenant's site is. shared: what `begin` returned."""

	tenant: str
	batch: str
	inputs: dict[str, Any]
	bench: Door
	shared: Any


class TenantWork(ABC):
	"""What is done with one tenant of a batch. Subclass it, and make a playbook of it with `for_many`."""

	title: ClassVar[str]
	timeout: ClassVar[float] = 600.0  # seconds for one tenant
	retry: ClassVar[RetryPolicy] = RetryPolicy(attempts=3)
	# whether it has the tenant's site to itself meanwhile; a tenant whose site a job has is passed over, and comes later
	takes_site: ClassVar[bool] = True
	# how many rows are claimed at once: more than one for work of milliseconds, where claiming would cost as much
	at_once: ClassVar[int] = 1

	def begin(self) -> Any:  # noqa: B027 - most read nothing
		"""Read what is the same for many tenants; called once a run of a runner."""

	@abstractmethod
	def run(self, turn: Turn) -> str:
		"""Do the work for one tenant, and return a sentence on it.

		It may have been done before, wholly or in part, by a run that died. What it has written is committed with the end of its row.
		"""

	def failed(self, tenant: str, error: Exception) -> None:  # noqa: B027 - most have nothing to note
		"""Note that it went wrong for good, in the transaction that writes so."""


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
	"""Take the next row of the playbook's batches on the job's bench, until there is none."""

	title = "Work through the tenants"
	timeout = 2 * HOUR

	def __init__(self, work: TenantWork, playbook: str):
		self.work, self.playbook = work, playbook

	def run(self, context: Context) -> None:
		"""Ends when nobody is left, or after RUN_FOR: what then waits has another runner started for it."""
		bench, slot = context.bench_row["name"], context.inputs.get("slot", 0)
		for batch in batch_rows.take_back([context.job]):  # of a run of this job that died
			frappe.db.commit()
			batches.settle(batch)
		frappe.db.commit()
		turns = _Turns(self.work, context)
		until = time.monotonic() + RUN_FOR
		while time.monotonic() < until:
			context.checkpoint()
			if rows := batch_rows.claim(self.playbook, bench, context.job, slot, self.work.at_once):
				turns.take(rows)
			elif not self._wait_for_next(bench, slot):
				break
		context.log(f"{turns.number} turns")

	def _wait_for_next(self, bench: str, slot: int) -> bool:
		"""Wait a moment for a row that is to be tried again soon; False where there is none."""
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
		"""Give each of the rows, all of one batch, its turn; and write what the batch comes to. Commits."""
		batch = rows[0].batch
		for index, row in enumerate(rows):
			if index and not self._is_open(batch):
				batch_rows.give_back(rows[index:])
				break
			self._take(row)
		frappe.db.commit()  # what is counted is as it is now
		batches.settle(batch)
		frappe.db.commit()

	def _is_open(self, batch: str) -> bool:
		return frappe.db.get_value("Batch", batch, "status") in batch_rows.OPEN

	def _take(self, row: Claimed) -> None:
		began = time.monotonic()
		try:
			if row.attempts > self.work.retry.attempts:
				raise AgentError(
					f"It did not succeed in {row.attempts - 1} attempts; its process ended each time."
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
		"""The site is had until what was done there is committed."""
		return sites.taken(row.tenant) if self.work.takes_site else nullcontext()

	def _work(self, row: Claimed) -> str:
		if self._shared is None:
			self._shared = self.work.begin()
		if row.batch not in self._inputs:
			self._inputs = {
				row.batch: frappe.parse_json(frappe.db.get_value("Batch", row.batch, "inputs") or "{}")
			}
		inputs = self._inputs[row.batch]
		return self.work.run(Turn(row.tenant, row.batch, inputs, self.context.bench, self._shared))

	def _went_wrong(self, row: Claimed, error: Exception, seconds: float) -> None:
		said = _sentence(error)
		if isinstance(error, sites.SiteTakenError):
			batch_rows.again(row, said, seconds, error.pause, is_counted=False)
		elif is_transient(error) and row.attempts < self.work.retry.attempts:
			batch_rows.again(row, said, seconds, self.work.retry.delay_after(row.attempts))
		else:
			# the batch before its rows, as everybody locks them
			frappe.db.get_value("Batch", row.batch, "name", for_update=True)
			batch_rows.done(row, batch_rows.FAILED, said, seconds)
			self.work.failed(row.tenant, error)
			batches.stop_by_rules(row.batch)


def _sentence(error: Exception) -> str:
	text = str(error).strip() or type(error).__name__
	said = text if isinstance(error, AgentError) else f"{type(error).__name__}: {text}"
	return " ".join(filter(None, (said, hint_for(error))))
