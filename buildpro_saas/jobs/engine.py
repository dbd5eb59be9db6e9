"""Runs one Provisioning Job: its steps forward; or backward, once it is being cancelled."""

import time
from typing import Any

import frappe
from frappe.utils import add_to_date, now_datetime

from buildpro_saas.agent.errors import (
	AgentError,
	KilledError,
	hint_for,
	is_transient,
	seconds_asked,
	sentence,
)
from buildpro_saas.jobs.deadline import deadline
from buildpro_saas.jobs.memory import peak_memory_mb
from buildpro_saas.jobs.outcome import GiveBack, Outcome
from buildpro_saas.jobs.playbook import Playbook, Step, StepCancelledError, StepTimeoutError, StepWaits
from buildpro_saas.jobs.step_rows import StepRows, out_of_attempts
from buildpro_saas.jobs.store import JobStore

# A wait up to this long is spent in the worker; for a longer one the job goes back to the queue's end.
LONGEST_WAIT_IN_WORKER = 20.0
# Seconds until a job may be sent again that was ended for want of memory: when others let it.
AFTER_KILL = 0.0


class Engine:
	"""One run of one job. A step may be run more than once, and that is safe: all that the engine knows is in the job's record."""

	def __init__(self, store: JobStore, playbook: Playbook):
		self.store = store
		self.playbook = playbook

	def run(self) -> None:
		"""Go on from the last committed step to the job's end, or until it has to wait.

		A step's faults end up in the job's record. What is raised here stopped the engine's own writing; lifecycle._run handles it.
		"""
		self.store.sync_steps(self.playbook)
		self._begin()
		try:
			if self.store.is_cancel_requested() or self._forward() is Outcome.CANCEL:
				self._backward()
		except GiveBack as wait:
			self.store.set(
				status="Waiting",
				run_after=add_to_date(now_datetime(), seconds=wait.delay),
				waits_for=wait.batch,
				peak_memory=self._peak_memory(),
			)

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
			waits_for="",
			runs=(self.store.doc.runs or 0) + 1,
			way=self.store.state.get("way") or self.playbook.way,
		)

	# -- forward ---------------------------------------------------------------------------------------------------

	def _forward(self) -> Outcome:
		"""Run the steps that are not completed. Returns ENDED at the job's end, or CANCEL when it is to be undone."""
		if (found := self._adopt_finished()) is not Outcome.GO_ON:
			return found
		while row := self._rows.next():
			step = self.playbook.step(row.step_key)
			if self._rows.is_begun_again(row):
				self._begin_again_from(step)
				continue
			if (outcome := self._attempt(step, row)) is not Outcome.GO_ON:
				return outcome
		return self._complete()

	def _adopt_finished(self) -> Outcome:
		"""Take over what was finished before, if anything was (Playbook.find_finished).

		End the job where that cannot be found out.
		"""
		if not self.playbook.find_finished or not self._rows.next():
			return Outcome.GO_ON
		row = self._rows.next()
		try:
			made = self.playbook.find_finished(self.store.context(row, is_cancellable=False))
		except Exception as error:
			self._die_if_database_is_gone(error)
			if is_transient(error):
				raise GiveBack(LONGEST_WAIT_IN_WORKER) from error
			return self._stop(row, error)
		if made is not None:
			self.store.merge_state(made)
			while row := self._rows.next():
				self.store.log(row, "Not done again: the site was finished before this record was written.")
				now = now_datetime()
				self.store.set_step(row, status="Completed", started_at=row.started_at or now, ended_at=now)
		return Outcome.GO_ON

	def _attempt(self, step: Step, row) -> Outcome:
		"""One attempt of one step. GO_ON also after a transient fault, once its delay has passed."""
		if not self._rows.has_attempts_left(row):
			return self._stop(row, out_of_attempts(row))
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
		except StepWaits as wait:
			# it was no attempt: the step has to be asked again later
			self.store.set_step(row, status="Pending", attempts=row.attempts - 1)
			raise GiveBack(wait.seconds, wait.batch) from None
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
		"""After a transient fault: wait, and let the step be tried again. After a permanent one: fail the job."""
		self.store.log(row, f"{sentence(error)}")
		if isinstance(error, KilledError):
			return self._after_kill(row, error)
		if not is_transient(error) or not self._rows.has_attempts_left(row):
			return self._stop(row, error)
		delay = step.retry.delay_after(row.attempts, seconds_asked(error))
		self.store.log(
			row, f"Trying again in {delay:.0f} s (attempt {row.attempts} of {step.retry.attempts})."
		)
		self.store.set_step(row, status="Failed", ended_at=now_datetime())
		self._wait(delay)
		return Outcome.GO_ON

	def _after_kill(self, row, error: KilledError) -> Outcome:
		"""After a kill, most likely for want of memory: let the job be tried again alone on its bench. Where it was alone, fail it."""
		if self.store.doc.alone:
			return self._stop(row, AgentError(f"{error} No other heavy job ran on the bench.", error.hint))
		self.store.log(row, "It is tried again once no other heavy job runs on the bench.")
		self.store.set(alone=1)
		self.store.set_step(row, status="Failed", ended_at=now_datetime())
		raise GiveBack(AFTER_KILL)

	def _begin_again_from(self, step: Step) -> None:
		"""Set the steps from `step.redo_from` on back to Pending: the interrupted step cannot be continued halfway."""
		for earlier in self._rows.begun_again_with(step):
			self.store.log(
				earlier, f"Begun again: “{step.title}” was interrupted and cannot be continued halfway."
			)
			self.store.set_step(earlier, status="Pending")

	def _wait(self, delay: float) -> None:
		if delay > LONGEST_WAIT_IN_WORKER and not self.store.is_cancel_requested():
			raise GiveBack(delay)
		until = time.monotonic() + delay
		while (left := until - time.monotonic()) > 0 and not self.store.is_cancel_requested():
			time.sleep(min(left, 1.0))

	def _complete(self) -> Outcome:
		if self.store.lock_and_check_cancel():
			return Outcome.CANCEL
		row = self._rows.all[-1]
		if self.playbook.finish:
			try:
				self.playbook.finish(self.store.context(row, is_cancellable=False))
			except Exception as error:
				self._die_if_database_is_gone(error)
				self.store.log(row, sentence(error))
				return self._stop(row, error)
		facts = self.store.state
		if self.playbook.tenant_when_completed:  # it is the job that has made the tenant
			facts["created_in"] = self.store.seconds_since_start()
		self._end("Completed", self.playbook.tenant_when_completed, facts=facts)
		return Outcome.ENDED

	def _stop(self, row, error: Exception) -> Outcome:
		"""End the job over a fault in a step (its row); CANCEL where staff pressed Cancel meanwhile."""
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
		"""Undo in reverse what the steps did, then end as Cancelled. Does nothing when the job was not cancelled."""
		if not self.store.is_cancel_requested():
			return
		try:
			self.check_undo()
		except Exception as error:
			self._die_if_database_is_gone(error)
			self._refuse_undo(error)
			return
		self.store.set(status="Cancelling")
		for row in self._rows.to_undo():
			if self._undo(self.playbook.step(row.step_key), row) is Outcome.ENDED:
				return
		self._end("Cancelled", self.playbook.tenant_when_cancelled)

	def check_undo(self) -> None:
		"""Look whether the job may be undone, before anything is undone: first at its tenant, then at what it made.

		Raises AgentError with what to do instead, and any fault that keeps it from looking.
		"""
		self.store.check_tenant_can_become(self.playbook.tenant_when_cancelled)
		if self.playbook.check_undo and (rows := self._rows.to_undo()):
			self.playbook.check_undo(self.store.context(rows[0], is_cancellable=False))

	def _refuse_undo(self, error: Exception) -> None:
		"""After a transient fault look again later. Otherwise the job ends as Failed, and can be retried."""
		if is_transient(error):
			raise GiveBack(LONGEST_WAIT_IN_WORKER) from error
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
		"""Write the job's end, and what it means for the tenant and others, in one transaction."""
		self.store.end(
			self.playbook, status, tenant_status=tenant_status, peak_memory=self._peak_memory(), **values
		)

	def _tell(self, status: str) -> None:
		if self.playbook.on_status:
			self.playbook.on_status(self.store.inputs, status)

	@property
	def _rows(self) -> StepRows:
		return StepRows(self.playbook, self.store.steps)

	def _peak_memory(self) -> float:
		return max(self.store.doc.peak_memory or 0, peak_memory_mb())

	def _die_if_database_is_gone(self, error: Exception) -> None:
		"""Raise when the admin site's own connection is gone: nothing can be recorded then, and the lock is lost."""
		try:
			frappe.db.rollback()
			frappe.db.sql("select 1")
		except Exception as lost:
			raise lost from error
