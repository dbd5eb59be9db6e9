"""Runs one Provisioning Job: its steps forward, or, once it is being cancelled, backward."""

import time
from enum import Enum
from typing import Any

import frappe
from frappe.utils import add_to_date, now_datetime

from buildpro_saas.agent.errors import AgentError, hint_for, is_transient, sentence
from buildpro_saas.jobs.deadline import deadline
from buildpro_saas.jobs.memory import peak_memory_mb
from buildpro_saas.jobs.playbook import Playbook, Step, StepCancelledError, StepTimeoutError
from buildpro_saas.jobs.store import JobStore

# A wait up to this long is spent in the worker; for a longer one the job goes back to the queue's end.
LONGEST_WAIT_IN_WORKER = 20.0
STARTED = ("Running", "Completed", "Failed")
INTERRUPTED = ("Running", "Failed")


class Outcome(Enum):
	"""What a part of a run comes to."""

	GO_ON = "the next step is to be run"
	ENDED = "the job's end is on record"
	CANCEL = "staff pressed Cancel: what was done is to be undone"


class _GiveBack(Exception):
	"""The job has to wait longer than a worker should: it is dispatched again after `delay` seconds."""

	def __init__(self, delay: float):
		super().__init__(delay)
		self.delay = delay


class Engine:
	"""One run of one job. At least once, and safe so: all that it knows is in the job's record."""

	def __init__(self, store: JobStore, playbook: Playbook):
		self.store = store
		self.playbook = playbook

	def run(self) -> None:
		"""Go on from the last committed step to the job's end, or until it has to wait.

		Faults of a step end up in the job's record. What escapes stopped the engine's own writing; jobs.run deals with it.
		"""
		self.store.sync_steps(self.playbook)
		self._begin()
		try:
			if self.store.is_cancel_requested() or self._forward() is Outcome.CANCEL:
				self._backward()
		except _GiveBack as wait:
			run_after = add_to_date(now_datetime(), seconds=wait.delay)
			self.store.set(status="Waiting", run_after=run_after, peak_memory=self._peak_memory())

	def _begin(self) -> None:
		if not self.store.is_cancel_requested():
			self._tell("Running")
		self.store.set_with_tenant(
			self.playbook.tenant_while_running if not self.store.is_cancel_requested() else None,
			status="Running",
			holds=1,
			started_at=self.store.doc.started_at or now_datetime(),
			ended_at=None,
			error="",
			hint="",
			run_after=None,
			runs=(self.store.doc.runs or 0) + 1,
			way=self.store.state.get("way") or self.playbook.way,
		)

	# -- forward ---------------------------------------------------------------------------------------------------

	def _forward(self) -> Outcome:
		"""Run the steps that are not completed, up to the job's end (ENDED) or until it is to be undone (CANCEL)."""
		if (found := self._adopt_finished()) is not Outcome.GO_ON:
			return found
		while row := self._next_row():
			step = self.playbook.step(row.step_key)
			if step.redo_from and row.status in INTERRUPTED and self._has_attempts_left(step, row):
				self._begin_again_from(step)
				continue
			if (outcome := self._attempt(step, row)) is not Outcome.GO_ON:
				return outcome
		return self._complete()

	def _adopt_finished(self) -> Outcome:
		"""Take over what was finished before, if anything was; the job ends where that cannot be found out."""
		if not self.playbook.find_finished or not self._next_row():
			return Outcome.GO_ON
		row = self._next_row()
		try:
			made = self.playbook.find_finished(self.store.context(row, is_cancellable=False))
		except Exception as error:
			self._die_if_database_is_gone(error)
			if is_transient(error):
				raise _GiveBack(LONGEST_WAIT_IN_WORKER) from error
			return self._stop(row, error)
		if made is not None:
			self.store.merge_state(made)
			while row := self._next_row():
				self.store.log(row, "Not done again: the site was finished before this record was written.")
				self.store.set_step(row, status="Completed", ended_at=now_datetime())
		return Outcome.GO_ON

	def _next_row(self):
		return next((row for row in self._rows() if row.status != "Completed"), None)

	def _rows(self) -> list:
		"""The rows of the playbook's steps: a resumed job may meet newer code that has dropped one."""
		keys = {step.key for step in self.playbook.steps}
		return [row for row in self.store.steps if row.step_key in keys]

	def _attempt(self, step: Step, row) -> Outcome:
		"""One attempt of one step. GO_ON also after a transient fault that it was waited for."""
		if not self._has_attempts_left(step, row):
			error = AgentError(f"It did not succeed in {row.attempts} attempts; its process ended each time.")
			return self._stop(row, error)
		self.store.set_step(
			row, status="Running", attempts=(row.attempts or 0) + 1, started_at=now_datetime(), ended_at=None
		)
		began = time.monotonic()
		try:
			self.store.checkpoint()
			with deadline(step.timeout, StepTimeoutError(f"It took longer than {step.timeout:.0f} seconds.")):
				made = step.run(self.store.context(row, is_cancellable=True))
		except StepCancelledError:
			return Outcome.CANCEL
		except Exception as error:
			self._die_if_database_is_gone(error)
			return self._after_fault(step, row, error)
		self._completed(row, made, time.monotonic() - began)
		return Outcome.GO_ON

	def _completed(self, row, made: dict[str, Any] | None, seconds: float) -> None:
		if made:
			self.store.merge_state(made)
		self.store.set_step(row, status="Completed", ended_at=now_datetime(), duration=seconds)

	def _after_fault(self, step: Step, row, error: Exception) -> Outcome:
		"""Wait and let the step be tried again after a transient fault; fail the job after a permanent one."""
		self.store.log(row, f"{sentence(error)}")
		if not is_transient(error) or row.attempts >= step.retry.attempts:
			return self._stop(row, error)
		delay = step.retry.delay_after(row.attempts)
		self.store.log(
			row, f"Trying again in {delay:.0f} s (attempt {row.attempts} of {step.retry.attempts})."
		)
		self.store.set_step(row, status="Failed", ended_at=now_datetime())
		self._wait(delay)
		return Outcome.GO_ON

	def _begin_again_from(self, step: Step) -> None:
		"""Set the steps from `step.redo_from` back to Pending, for the interrupted one left work that cannot go on."""
		rows = self._rows()
		keys = [row.step_key for row in rows]
		for earlier in rows[keys.index(step.redo_from) : keys.index(step.key) + 1]:
			self.store.log(
				earlier, f"Begun again: “{step.title}” was interrupted and cannot be continued halfway."
			)
			self.store.set_step(earlier, status="Pending")

	def _has_attempts_left(self, step: Step, row) -> bool:
		return (row.attempts or 0) < step.retry.attempts

	def _wait(self, delay: float) -> None:
		if delay > LONGEST_WAIT_IN_WORKER and not self.store.is_cancel_requested():
			raise _GiveBack(delay)
		until = time.monotonic() + delay
		while (left := until - time.monotonic()) > 0 and not self.store.is_cancel_requested():
			time.sleep(min(left, 1.0))

	def _complete(self) -> Outcome:
		if self.store.lock_and_check_cancel():
			return Outcome.CANCEL
		row = self._rows()[-1]
		if self.playbook.finish:
			try:
				self.playbook.finish(self.store.context(row, is_cancellable=False))
			except Exception as error:
				self._die_if_database_is_gone(error)
				self.store.log(row, sentence(error))
				return self._stop(row, error)
		self._end(
			"Completed",
			self.playbook.tenant_when_completed,
			facts={**self.store.state, "created_in": self.store.seconds_since_start()},
		)
		return Outcome.ENDED

	def _stop(self, row, error: Exception) -> Outcome:
		"""End the job over a fault of a step (its row), unless staff pressed Cancel meanwhile."""
		self.store.set_step(row, status="Failed", ended_at=now_datetime())
		if self.store.lock_and_check_cancel():
			return Outcome.CANCEL
		self._fail(row, error)
		return Outcome.ENDED

	def _fail(self, row, error: Exception) -> None:
		self._end(
			"Failed",
			self.playbook.tenant_when_failed,
			error=f"{row.title}: {sentence(error)}",
			hint=hint_for(error)
			or "See the step's output, mend the cause, then press Retry, or Cancel to undo.",
		)

	# -- backward --------------------------------------------------------------------------------------------------

	def _backward(self) -> None:
		"""Undo in reverse what the steps did, then end as Cancelled. Nothing when the job was not cancelled."""
		if not self.store.is_cancel_requested():
			return
		try:
			self.check_undo()
		except Exception as error:
			self._die_if_database_is_gone(error)
			self._refuse_undo(error)
			return
		self.store.set(status="Cancelling")
		for row in self._to_undo():
			if self._undo(self.playbook.step(row.step_key), row) is Outcome.ENDED:
				return
		self._end("Cancelled", self.playbook.tenant_when_cancelled)

	def check_undo(self) -> None:
		"""Look whether the job may be undone, before anything is: at its tenant, then at what it made.

		Raises AgentError with what to do instead, and whatever keeps it from being looked at.
		"""
		self.store.check_tenant_can_become(self.playbook.tenant_when_cancelled)
		if self.playbook.check_undo and (rows := self._to_undo()):
			self.playbook.check_undo(self.store.context(rows[0], is_cancellable=False))

	def _to_undo(self) -> list:
		return [
			row
			for row in reversed(self._rows())
			if row.status in STARTED or (row.attempts and row.status != "Undone")
		]

	def _refuse_undo(self, error: Exception) -> None:
		"""Look again later where the fault passes; else the job stays as it is, and can be retried."""
		if is_transient(error):
			raise _GiveBack(LONGEST_WAIT_IN_WORKER) from error
		self._end(
			"Failed",
			self.playbook.tenant_when_failed,
			cancel_requested=0,
			error=f"It was not cancelled: {sentence(error)}",
			hint=hint_for(error) or "Mend the cause, then press Cancel again.",
		)

	def _undo(self, step: Step, row) -> Outcome:
		for attempt in range(1, step.retry.attempts + 1):
			try:
				with deadline(
					step.timeout, StepTimeoutError(f"Undoing took longer than {step.timeout:.0f} s.")
				):
					step.undo(self.store.context(row, is_cancellable=False))
				self.store.set_undone(row)
				return Outcome.GO_ON
			except Exception as error:
				self._die_if_database_is_gone(error)
				self.store.log(row, f"Undoing: {sentence(error)}")
				delay = step.retry.delay_after(attempt)
				if (
					not is_transient(error)
					or delay > LONGEST_WAIT_IN_WORKER
					or attempt == step.retry.attempts
				):
					self.store.set_step(row, status="Failed", ended_at=now_datetime())
					self._fail(row, error)
					return Outcome.ENDED
				time.sleep(delay)
		raise ValueError(f"{step.title} has no attempts.")

	# -- both ------------------------------------------------------------------------------------------------------

	def _end(self, status: str, tenant_status: str | None, **values: Any) -> None:
		"""Write the job's end, and what it means for whatever the job was about, in one transaction."""
		self.store.end(
			self.playbook, status, tenant_status=tenant_status, peak_memory=self._peak_memory(), **values
		)

	def _tell(self, status: str) -> None:
		if self.playbook.on_status:
			self.playbook.on_status(self.store.inputs, status)

	def _peak_memory(self) -> float:
		return max(self.store.doc.peak_memory or 0, peak_memory_mb())

	def _die_if_database_is_gone(self, error: Exception) -> None:
		"""Nothing can be recorded, and the lock is lost, when the admin site's own connection is: let the run end."""
		try:
			frappe.db.rollback()
			frappe.db.sql("select 1")
		except Exception as lost:
			raise lost from error
